"""The model card of a candidate: what it is made from, and its limits. The same work, the same text."""

from __future__ import annotations

from engine.approaches import Task
from engine.models.investigation import Recipe

_ENCODER = "the encoder named in `encoder.json`; its weights are not in this folder and keep their own licence"
_DECODER = "the decoder named in `decoder.json`; its weights are not in this folder and keep their own licence"
_WHOLE = (
    "all weights are in this folder; they began as those named in `encoder.json` or `decoder.json`, whose licence holds"
)
_BASES = {"frozen": _ENCODER, "lora_encoder": _ENCODER, "lora_causal": _DECODER, "full": _WHOLE}


def model_card(recipe: Recipe, task: Task, *, rows: int, train: str, alarm: str) -> str:
    """Markdown. ``train`` is the artifact id of the training rows, ``alarm`` what went wrong ("" for nothing)."""
    settings = ", ".join(f"{name} {value}" for name, value in sorted(recipe.settings.items())) or "none"
    lines = [
        f"# {recipe.name}",
        "",
        f"A candidate made by Assay for a {task.approach} feature. {_answers(task)}",
        "",
        f"- In words: {recipe.words}.",
        f"- Rung: {recipe.rung}. Recipe: {recipe.name}, seed {recipe.seed}, settings: {settings}.",
        f"- Trained on {rows:,} rows, artifact `{train}`.",
        f"- Base: {_BASES.get(recipe.rung, 'none; everything is in this folder')}.",
        f"- Alarm: {alarm or 'none'}.",
        "- Scores: in the verdict of the run that made it, and in the card that is written from it: "
        "`assay artifacts --card` with this artifact's id.",
        "- Limits: it knows only answers and texts like those it was trained on; its probabilities are not "
        "calibrated. It is never to be used where the verdict says to stay with prompting.",
        "",
    ]
    return "\n".join(lines)


def _answers(task: Task) -> str:
    if not task.classes:
        return "It writes its answer."
    return f"It answers one of {len(task.classes)} labels: {', '.join(task.classes)}."
