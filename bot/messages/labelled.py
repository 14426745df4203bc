"""Good examples of how labels are made: what the desk says of teachers and of people's queues."""

from __future__ import annotations

from engine.desk.editions import Difference, Edition, History
from engine.desk.labellings import LabellingView, TeacherQuote
from engine.desk.queues import Field, QueueView, TurnView, Way
from engine.models.investigation import RunState
from engine.models.labelling import QueuePurpose, QueueState
from engine.models.labels import Origin


def teacher_quote(**changes: object) -> TeacherQuote:
    """What a teacher's labels would cost."""
    return TeacherQuote.model_validate(
        {
            "slug": "ticket-router",
            "model": "gpt-4o",
            "place": "api.openai.com",
            "simulated": False,
            "is_baseline": False,
            "sample": 500,
            "rows": 480,
            "known": 12,
            "tokens_in": 96_000,
            "tokens_out": 1_400,
            "usd": 0.25,
            "probes": 20,
            "budget_usd": 20.0,
            "input_usd": 2.5,
            "output_usd": 10.0,
            "price_snapshot": "genai-prices-0.1.8+2026-11-03+e3b0c44298fc",
            "rights": "customer contract allows training",
            **changes,
        }
    )


def labelling(**changes: object) -> LabellingView:
    """A teacher's labelling that ended well."""
    return LabellingView.model_validate(
        {
            "run_id": "lab-7k3mq9ab",
            "slug": "ticket-router",
            "state": RunState.DONE,
            "model": "gpt-4o",
            "simulated": False,
            "is_baseline": False,
            "sample": 500,
            "drawn": 480,
            "asked": 480,
            "counts": {"answered": 478, "valid": 469, "refused": 3, "cut": 1, "unanswered": 2, "reused": 12},
            "spent_usd": 0.24,
            "paid_calls": 466,
            "quoted": {"usd": 0.26, "probes": 20, "fed": 1.1, "said": 3},
            "budget_usd": 20.0,
            "rights": "customer contract allows training",
            "requested_by": "U0ANN",
            "version": "5c1f09ab77de",
            "added": 469,
            "total": 906,
            "reason": "2 rows stayed without an answer from the endpoint; the others are kept.",
            **changes,
        }
    )


def queue(**changes: object) -> QueueView:
    """A closed queue of people's labels."""
    return QueueView.model_validate(
        {
            "name": "que-7k3mq9ab",
            "slug": "ticket-router",
            "purpose": QueuePurpose.LABEL,
            "state": QueueState.CLOSED,
            "size": 50,
            "double_share": 0.1,
            "waiting": 0,
            "disputed": 0,
            "settled": 50,
            "left_out": 1,
            "people": (("U0ANN", 31), ("U0BO", 24)),
            "minutes": 21.0,
            "agreement": {
                "rows": 5, "agreed": 0.8, "kappa": 0.62, "low": 0.1, "high": 1.0, "ac1": 0.68, "alpha": 0.64,
            },
            "again": {
                "rows": 30, "agreed": 0.9, "low": 0.74, "high": 0.97,
                "flips": [{"was": "billing", "now": "bug", "rows": 2}],
            },
            "by": "U0ANN",
            "version": "5c1f09ab77de",
            **changes,
        }
    )  # fmt: skip


def turn(**changes: object) -> TurnView:
    """A text before one person."""
    return TurnView.model_validate(
        {
            "turn_id": 17,
            "slug": "ticket-router",
            "queue": "que-7k3mq9ab",
            "text": "my card was charged twice",
            "classes": ("billing", "bug", "howto"),
            "settles": False,
            "said": None,
            "answer": "",
            "person": "U0ANN",
            "place": 3,
            "size": 50,
            "is_open": True,
            **changes,
        }
    )


def writing() -> TurnView:
    """An address whose parts a person writes."""
    parts = (
        Field(name="number", kind="a number"),
        Field(name="street", needed=True),
        Field(name="kind", choices=("home", "office")),
    )
    return turn(slug="addresses", text="14 Oak St, Reno", classes=(), way=Way.FIELDS, fields=parts)


def edition(**changes: object) -> Edition:
    """A version a teacher made."""
    return Edition.model_validate(
        {
            "name": "5c1f09ab77de",
            "number": 2,
            "rows": 906,
            "added": 469,
            "origin": Origin.TEACHER,
            "by": "U0ANN",
            "at": "2026-11-03",
            "filename": "",
            "maker": "gpt-4o",
            "rights": "customer contract allows training",
            "run_id": "lab-7k3mq9ab",
            "cost_usd": 0.24,
            **changes,
        }
    )


def history() -> History:
    """A file, then a teacher."""
    first = edition(
        name="a91c0f22d3b0", number=1, rows=437, added=437, origin=Origin.FILE, filename="tickets.csv", maker="",
        run_id="", cost_usd=0.0,
    )  # fmt: skip
    return History(slug="ticket-router", editions=(edition(), first))


def difference() -> Difference:
    """An audit's corrections."""
    return Difference(
        slug="ticket-router",
        before="a91c0f22d3b0",
        after="5c1f09ab77de",
        added=(("billing", 301), ("bug", 168)),
        removed=(),
        relabelled=4,
    )
