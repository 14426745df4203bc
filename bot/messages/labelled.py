"""Good examples of how labels are made: what the desk says of teachers and of people's queues."""

from __future__ import annotations

from engine.desk.labellings import LabellingView, TeacherQuote
from engine.models.investigation import RunState


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
