"""A candidate asked several times votes by the rule of prompted options, and each sample has a seed of its own."""

from __future__ import annotations

from collections.abc import Sequence

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.evals.predict import Voted, predict_votes
from engine.evals.rows import DatasetRow
from engine.train import Answer

ROWS = [DatasetRow(id=f"r{n}", input=str(n), output=str(n + 1)) for n in range(600)]


class Solver:
    """Right on two seeds of five, wrong in another way on each of two, and unreadable on one."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [Answer(text="never asked once")] * len(inputs)

    def sampled(self, inputs: Sequence[str], *, temperature: float, seed: int) -> list[Answer]:
        assert temperature == 0.7
        self.seeds.append(seed)
        said = {1: "Answer: {}", 3: "Answer: {}.0", 4: ""}.get(seed, f"Answer: -{seed + 1}")
        return [Answer(text=said.format(int(text) + 1)) for text in inputs]


def test_the_votes_of_a_candidate_are_counted_over_every_row() -> None:
    solver, told = Solver(), list[tuple[int, int]]()
    found = predict_votes(
        solver,
        ROWS,
        approach=approach_of("reason"),
        task=Task(approach="reason"),
        samples=5,
        temperature=0.7,
        progress=lambda step, of, _loss: told.append((step, of)),
    )
    assert found == Voted(quality=1.0, alone=0.4, valid_share=1.0)
    assert solver.seeds == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4], "each seed over all rows, in chunks"
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
