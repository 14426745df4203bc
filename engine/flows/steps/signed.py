"""Facts of a reading that people sign for because nobody can measure them, and how their answers are written."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import Invalid
from engine.rules.facts import PROBES, Facts, check

# What only people know, and how an answer is written: a share, a count, an agreement (-1 to 1), a sum, yes or no.
SIGNABLE: Mapping[str, str] = {
    "top_template_share": "share",
    "valid_output_share": "share",
    "sampled_calls": "count",
    "sampled_days": "count",
    "audited_rows": "count",
    "audit_kappa": "agreement",
    "material_changes_90d": "count",
    "drift_alarms_3m": "count",
    "relabel_agreement": "share",
    "prompts_tried": "count",
    "models_tried": "count",
    "prompted_quality_high": "share",
    "month_budget_usd": "usd",
    "annotated_twice_rows": "count",
    "annotator_alpha": "agreement",
    "attested_stable_days": "count",
    **dict.fromkeys(PROBES, "yes or no"),
}

_EXAMPLES: Mapping[str, str] = {
    "share": "A share between 0 and 1: fact={} value=0.97 or value=97%",
    "count": "A whole number: fact={} value=120",
    "agreement": "An agreement, at most 1: fact={} value=0.8",
    "usd": "US dollars a month: fact={} value=3000",
    "yes or no": "Yes or no: fact={} value=yes",
}


def parsed(kind: str, answer: str) -> float | int | bool:
    """The value of a stored answer, by how it is written. Raises ``ValueError``."""
    if kind == "yes or no":
        return {"yes": True, "no": False}[answer]
    return int(answer) if kind == "count" else float(answer)


def answer_of(fact: str, value: str) -> str:
    """The answer as it is stored. Raises ``Invalid`` with how it is written."""
    kind, word = SIGNABLE[fact], value.strip().lower()
    number = word.removesuffix("%").strip().removeprefix("$").replace(",", "")
    try:
        if word.endswith("%"):
            number = str(float(number) / 100)
        answer = word if kind == "yes or no" else number
        told = parsed(kind, answer)
        if fact not in PROBES:
            check(Facts(**{fact: told}))  # pyright: ignore[reportArgumentType] # the name decides the type
    except (KeyError, ValueError) as error:
        raise Invalid(f"{fact} is {value[:40]!r}, which cannot be.", hint=_EXAMPLES[kind].format(fact)) from error
    return answer if kind == "yes or no" else f"{told:.12g}"
