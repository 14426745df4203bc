"""A recipe as people read it: what it is, with which rate, rank and epochs, and out of how many."""

from __future__ import annotations

import pytest

from engine.models.investigation import Candidate, Recipe
from engine.models.recipes import in_words
from engine.train.ladder import ladder


@pytest.mark.parametrize(
    ("rung", "settings", "facts", "said"),
    [
        (
            "lora_encoder",
            {"lr": 1e-3, "epochs": 2, "batch": 16, "rank": 16, "alpha": 32},
            {"raced": 3},
            "LoRA encoder, rate 0.001, rank 16, 2 epochs, best of 3 recipes",
        ),
        ("full", {"lr": 5e-5, "head_lr": 1e-2, "epochs": 1}, {"raced": 1}, "all weights, rate 0.00005, 1 epoch"),
        ("lora_causal", {"lr": 5e-4, "epochs": 2}, {"lr": 5e-4 / 3}, "LoRA chat model, rate 0.00017, 2 epochs"),
        ("tfidf", {"c": 0.3}, {}, "word counts, C 0.3"),
        ("frozen", {}, {}, "frozen encoder"),
        ("bayes_of_ours", {}, {}, "bayes of ours"),
    ],
)
def test_a_recipe_is_told_by_what_it_is_and_what_was_set(
    rung: str, settings: dict[str, float], facts: dict[str, float], said: str
) -> None:
    assert in_words(rung, {"settings": settings}, facts) == said
    assert Candidate(run_id="inv-1", contender="x", rung=rung, recipe={"settings": settings}, facts=facts).words == said
    assert said.startswith(Recipe(rung=rung, name="x", seed=0).words)


def test_every_rung_of_ours_has_words_of_its_own() -> None:
    names = [rung.name for rung in ladder()]
    said = [in_words(name, {}, {}) for name in names]
    assert len(set(said)) == len(names)
    assert not [name for name, words in zip(names, said, strict=True) if words == name]
