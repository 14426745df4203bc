"""Nouns for tests, each whole and ordinary until a test says what is different about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import col, select

from bot.messages import examples
from engine.desk import Desk, features, labels, rollouts
from engine.desk.features import FeatureView, Registration
from engine.models.actor import Actor, Role
from engine.models.call import Call
from engine.models.feature import ApproachName, Feature
from engine.models.labels import Label, LabelRow, Part
from engine.models.mail import MailState, Outbox
from engine.models.rollout import Rollout
from engine.models.verdict import Outcome, Verdict
from engine.rules.split import Placed
from engine.services import Services
from engine.store import features as feature_rows
from engine.store import rollouts as rollout_rows
from engine.store import usage, verdicts
from engine.store.database import Tx

SLUG = "ticket-router"
CLASSES = ("billing", "bug")
ASKER = Actor(id="U1", channel="C1")
ANN, BO, CY = (Actor(id=name, channel="C1") for name in ("U2", "U3", "U4"))
SHELL = Actor(id="ops", role=Role.OPERATOR)


def text_of(number: int) -> str:
    """A text of its own: no two numbers share a word."""
    return f"{number} " + " ".join(f"{word}{number}" for word in ("refund", "invoice", "late", "angry"))


def csv_of(numbers: Iterable[int], *, classes: Sequence[str] = CLASSES) -> bytes:
    """A label file with a row for each number."""
    rows = [f"{text_of(number)},{classes[number % len(classes)]}" for number in numbers]
    return "\n".join(["input,output", *rows]).encode()


def a_registration(**changes: Any) -> Registration:
    """What a person says of a new feature."""
    return Registration.model_validate(
        {"slug": SLUG, "model": "gpt-4o-mini", "prompt": "Sort: {{ input }}", "labels": CLASSES, **changes}
    )


def a_feature(desk: Desk, *, by: Actor = ASKER, **changes: Any) -> FeatureView:
    """A registered feature."""
    return features.register(desk, by, a_registration(**changes))


def a_feature_row(tx: Tx, at: datetime) -> Feature:
    """A feature stored without the desk, for tests of what lies below it."""
    return feature_rows.add(
        tx,
        Feature(
            slug="triage",
            approach=ApproachName.CLASSIFY,
            owner="U1",
            live_since=date(2026, 1, 1),
            margin=0.02,
            registered_by="U1",
            registered_at=at,
        ),
    )


def some_labels(desk: Desk, count: int, *, slug: str = SLUG) -> labels.DraftView:
    """A stored version of so many rows."""
    return labels.import_file(desk, ASKER, slug, "labels.csv", content=csv_of(range(count)))


def a_row(number: int, **changes: Any) -> LabelRow:
    """A good row of a label file."""
    return LabelRow.model_validate(
        {"line": number + 1, "id": f"r{number}", "input": text_of(number), "output": CLASSES[number % 2], **changes}
    )


def placed(parts: Sequence[Part | str]) -> list[Placed]:
    """A place for each row, in clusters of their own."""
    return [Placed(index, f"cluster-{index}", Part(part).value) for index, part in enumerate(parts)]


def a_verdict(
    desk: Desk, *, slug: str = SLUG, outcome: Outcome = Outcome.SHIP_CHEAPER, run_id: str = "inv-one"
) -> Verdict:
    """A stored verdict with a whole record."""
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, slug)
        record = json.loads(json.dumps(examples.record(run=run_id, feature=slug, decision=outcome)))
        return verdicts.add(
            tx,
            Verdict(
                run_id=run_id,
                feature_id=feature.id or 0,
                outcome=outcome,
                record=record,
                decided_at=desk.services.clock.now(),
            ),
        )


def some_traffic(
    desk: Desk, start: datetime, *, hours: int, an_hour: int, tuned: int, errors: int = 0, slug: str = SLUG
) -> None:
    """Simulated calls: ``an_hour`` on the baseline and ``tuned`` on the tuned side, ``errors`` of them failing."""
    with desk.services.database.write() as tx:
        feature = feature_rows.by_slug(tx, slug)
        usage.count_calls(
            tx, feature.id or 0, _calls(start, hours, an_hour, tuned, errors), cost_of=lambda _call: 1000, source="test"
        )


def _calls(start: datetime, hours: int, an_hour: int, tuned: int, errors: int) -> Iterable[Call]:
    for hour in range(hours):
        at = start + timedelta(hours=hour)
        for side, count in (("baseline", an_hour), ("tuned", tuned)):
            for number in range(count):
                status = 500 if side == "tuned" and number < errors else 200
                name = f"{start.isoformat()}-{hour}-{side}-{number}"
                yield Call(id=name, at=at, model="m", input_tokens=1, output_tokens=1, assigned=side, status=status)


def some_calls(count: int, at: datetime) -> list[Call]:
    """Calls that hold their texts."""
    return [
        Call(id=f"t{number}", at=at, model="m", input_tokens=1, output_tokens=1, input=text_of(number), output="bug")
        for number in range(count)
    ]


def texts_of(desk: Desk, part: Part, *, slug: str = SLUG) -> list[str]:
    """The inputs of a part, the sealed one too: what a test looks for where it must not be."""
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, slug).id
        return list(tx.exec(select(Label.input).where(Label.feature_id == feature_id, Label.part == part)))


def the_rollout(desk: Desk, *, slug: str = SLUG) -> Rollout:
    """The feature's newest rollout."""
    with desk.services.database.read() as tx:
        found = rollout_rows.newest_of(tx, feature_rows.by_slug(tx, slug).id or 0)
    assert found is not None
    return found


class Inline:
    """Runs a flow's body in this thread, each step once. Implements ``Stepper`` as far as short flows need it."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def step(self, name: str, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the step; its name is for the record alone."""
        del name
        return fn(self.services, *args, **kwargs)

    def until(self, name: str, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the step once; its work is done at once here."""
        return self.step(name, fn, *args, **kwargs)

    def sleep(self, seconds: float) -> None:
        """Short flows never wait."""
        raise AssertionError(f"a short flow waits {seconds} s")


def asked(desk: Desk, *, by: Actor = ASKER, slug: str = SLUG) -> str:
    """The token of a request for the next stage."""
    return rollouts.next_stage(desk, by, slug).token


def waiting(desk: Desk) -> list[Outbox]:
    """Everything that waits to be sent, oldest first."""
    with desk.services.database.read() as tx:
        return list(tx.exec(select(Outbox).where(Outbox.state == MailState.READY).order_by(col(Outbox.id))))
