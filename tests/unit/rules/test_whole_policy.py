"""The whole policy, sealed look to all traffic: how often candidates of known worth get there. Seeds are fixed.

Each run draws 900 sealed pairs, has them judged, and where the ruling ships climbs the stages day by day, people
approving as soon as the gate is ready. What a candidate is worse by on sealed rows it is worse by in production too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from engine.models.rollout import RolloutStatus, Stage
from engine.rules.compare import Pairs, pairs_needed, tango_interval
from engine.rules.rollout import SHARES, Action, Event, RolloutState, StageEvidence, gate, transition
from engine.rules.seal import look_alpha
from engine.rules.sequential import StageCounts, log_e_harm, log_e_mismatch, log_e_safe
from engine.rules.verdict import Evidence, decide

ROWS, MARGIN, APART = 900, 0.03, 0.08
ALPHA = look_alpha(1)
PLANNED = pairs_needed(APART, MARGIN, alpha=ALPHA)
UNITS, BASE, HOLDBACK = 8_000, 0.04, 0.01  # units a day; the prompted side's bad rate; the control that stays
PATIENCE_DAYS = 40  # at one stage; then the team gives up
GUARDRAILS = ("errors", "invalid", "slow", "thumbs_down")
SAFE_MARGIN = 0.01


def test_the_plan_fits_the_rows() -> None:
    assert PLANNED <= ROWS


@pytest.mark.parametrize(
    ("difference", "runs", "least", "most"),
    [
        (-MARGIN, 2_000, 0.0, 0.005),  # at the margin
        (-0.05, 1_000, 0.0, 0.0),
        (0.0, 150, 0.75, 1.0),
    ],
)
def test_good_candidates_reach_everybody_and_bad_ones_do_not(
    difference: float, runs: int, least: float, most: float
) -> None:
    generator = np.random.default_rng(60)
    shipped = [ships(generator, difference) for _ in range(runs)]
    reached = sum(climbed(generator, -difference).stage == Stage.FULL_100 for said in shipped if said)
    assert least <= reached / runs <= most


def test_two_equal_sides_looked_at_daily_for_two_months_are_hardly_ever_stopped() -> None:
    generator = np.random.default_rng(61)
    stopped = sum(_stays(generator, days=60) for _ in range(100))
    assert stopped / 100 <= 0.05


def test_five_points_of_harm_are_taken_back() -> None:
    generator = np.random.default_rng(62)
    ended = [climbed(generator, 0.05) for _ in range(100)]
    assert all(one.stage != Stage.FULL_100 for one in ended)
    assert sum(one.status == RolloutStatus.ROLLED_BACK for one in ended) >= 95
    assert all(one.share == 0.0 for one in ended if one.status == RolloutStatus.ROLLED_BACK)


def ships(generator: np.random.Generator, difference: float) -> bool:
    """Whether the sealed look at a candidate of that true difference says ship; its money is fine."""
    ahead, behind = (APART + difference) / 2, (APART - difference) / 2
    counts = generator.multinomial(ROWS, [0.85 * (1 - APART), ahead, behind, 0.15 * (1 - APART)])
    pairs = Pairs(*counts.tolist())
    found = tango_interval(pairs, 1 - 2 * ALPHA)
    variance = max((pairs.candidate_only + pairs.baseline_only) / pairs.n - pairs.difference**2, 0.0)
    said = decide(Evidence(found, MARGIN, ROWS, PLANNED, variance, 0.5, 0.9, 5_000.0))
    return said.outcome.ships


@dataclass
class Climb:
    """A rollout under way: each stage's counts so far, oldest first."""

    generator: np.random.Generator
    worse_by: float
    state: RolloutState
    stages: list[list[int]]

    def day(self) -> None:
        """A day of units, parted at the share of the stage."""
        share = served(self.state.stage)
        tuned = int(self.generator.binomial(UNITS, share))
        bad = int(self.generator.binomial(tuned, BASE + self.worse_by))
        theirs = int(self.generator.binomial(UNITS - tuned, BASE))
        for place, count in enumerate((bad, tuned - bad, theirs, UNITS - tuned - theirs)):
            self.stages[-1][place] += count

    def evidence(self, days: int) -> StageEvidence:
        """What the gate is told after so many days of the stage."""
        seen = [
            StageCounts(served(stage), BASE, *counts)
            for stage, counts in zip([*Stage][2 : 2 + len(self.stages)], self.stages, strict=True)
        ]
        mine = self.stages[-1]
        return StageEvidence(
            hours=24.0 * days,
            units=mine[0] + mine[1],
            log_e_harm={**dict.fromkeys(GUARDRAILS, 0.0), "errors": log_e_harm(seen)},
            log_e_safe=log_e_safe(seen, SAFE_MARGIN),
            log_e_mismatch=log_e_mismatch(mine[0] + mine[1], mine[2] + mine[3], served(self.state.stage)),
            ticks_old=0.0,
            full_week=days >= 7,
        )


def served(stage: str) -> float:
    return SHARES[Stage(stage)] * (1 - HOLDBACK)


def climbed(generator: np.random.Generator, worse_by: float) -> RolloutState:
    """Where a rollout ends that people approve as soon as they may: everybody served, taken back, or given up."""
    climb = Climb(generator, worse_by, RolloutState(Stage.CANARY_1, share=0.01, requested_by="U1"), [[0, 0, 0, 0]])
    days = 0
    while climb.state.stage != Stage.FULL_100 and days < PATIENCE_DAYS:
        climb.day()
        days += 1
        said = gate(climb.state.stage, climb.evidence(days)).action
        if said is Action.ROLLBACK:
            return transition(climb.state, Event("rollback", climb.state.sequence + 1))
        if said is Action.READY:
            climb.state = transition(climb.state, Event("approve", climb.state.sequence + 1, "U2", said))
            climb.stages.append([0, 0, 0, 0])
            days = 0
    return climb.state


def _stays(generator: np.random.Generator, *, days: int) -> bool:
    """Whether a stage of equal sides, looked at each day, is ever paused or taken back."""
    state = RolloutState(Stage.CANARY_1, share=0.01)
    climb = Climb(generator, 0.0, state, [[0, 0, 0, 0]])
    for day in range(1, days + 1):
        climb.day()
        if gate(state.stage, climb.evidence(day)).action in (Action.ROLLBACK, Action.PAUSE):
            return True
    return False


def test_the_stages_of_a_climb_are_those_of_the_rules() -> None:
    assert [*Stage][2:6] == [Stage.CANARY_1, Stage.CANARY_5, Stage.CANARY_25, Stage.CANARY_50]
    assert math.isclose(served(Stage.CANARY_50), 0.495)
