"""What a fresh demo shows beside the feature to walk with: one to ship and one to leave alone, judged by the engine.

Nothing is typed in: the run of the first is started and the engine works it; the second is read from its traffic.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from pathlib import Path

from bot.cli import demo_seed
from bot.cli.demo_seed import EXAMPLES, Example
from engine.desk import Desk, features, investigations, labels
from engine.models.actor import Actor, Role
from engine.models.investigation import Effort

SHIP = Example(
    slug="feedback-mood", channel=EXAMPLES, first=6_000, rows=3_500, calls=60_000, prompt_tokens=2_600, seed=2
)
STAY = Example(slug="survey-mood", channel=EXAMPLES, first=9_500, rows=600, calls=1_000, prompt_tokens=120, seed=3)
TYPED = (f"/assay ready {STAY.slug}", "/assay features")


def fill(desk: Desk, home: Path) -> bool:
    """Register both, import their traffic and labels, start the run of the first. False where that was done before."""
    known = {feature.slug for feature in features.every(desk)}
    mara = Actor(id=demo_seed.REQUESTER, role=Role.OPERATOR, channel=EXAMPLES)
    if SHIP.slug in known:
        return False
    for example in (STAY, SHIP):
        demo_seed.register(desk, example)
        demo_seed.import_traffic(desk, home, example)
        lines = "\n".join(json.dumps({"input": text, "output": label}) for text, label in example.texts())
        labels.import_file(desk, mara, example.slug, f"{example.slug}.jsonl", content=lines.encode())
    investigations.start(desk, mara, SHIP.slug, effort=Effort.QUICK)
    return True


def type_words(url: str) -> None:
    """Type into the examples' channel what a visitor would; the answers stand there when the page is opened."""
    for words in TYPED:
        body = urllib.parse.urlencode({"channel": EXAMPLES, "text": words}).encode()
        with urllib.request.urlopen(f"{url}as/{demo_seed.REQUESTER}/say", body, timeout=10):  # noqa: S310 (loopback)
            pass
