"""Judges and people: a judge alone gives no difference, however sure it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple
from statistics import fmean, variance

import numpy as np
import pytest

from engine.rules.agreement import cohen_kappa, gwet_ac1
from engine.rules.judged import (
    HUMANS_LEAST,
    JudgedPair,
    Ruled,
    Sampled,
    Tally,
    blockers,
    counted,
    judged,
    sampled,
    winner,
)
from engine.rules.judges import ppi_mean, swap_win_rate

WON, LOST, TIED = (JudgedPair(who, who) for who in ("candidate", "prompted", "tie"))
FIRST, SECOND = JudgedPair("candidate", "prompted"), JudgedPair("prompted", "candidate")


def with_people(wins: int, losses: int, wrong: int) -> list[JudgedPair]:
    """Pairs that a judge and a person saw; on ``wrong`` of each kind the person saw the other win."""
    ours = [JudgedPair("candidate", "candidate", "prompted" if place < wrong else "candidate") for place in range(wins)]
    theirs = [
        JudgedPair("prompted", "prompted", "candidate" if place < wrong else "prompted") for place in range(losses)
    ]
    return [*ours, *theirs]


def test_a_win_counts_only_if_it_survives_the_swap() -> None:
    pairs = [WON] * 40 + [LOST] * 25 + [FIRST] * 20 + [SECOND] * 5 + [TIED] * 6 + [JudgedPair("tie", "candidate")] * 4
    assert judged(pairs).swap == swap_win_rate(40, 25, 20, 5, 10)
    assert FIRST.survived == SECOND.survived == JudgedPair("tie", "candidate").survived == "tie"


def test_who_wrote_the_chosen_text_depends_on_where_it_stood() -> None:
    chosen = [
        (choice, winner(choice, candidate_first=first)) for choice in ("A", "B", "tie") for first in (True, False)
    ]
    assert chosen == [
        ("A", "candidate"),
        ("A", "prompted"),
        ("B", "prompted"),
        ("B", "candidate"),
        ("tie", "tie"),
        ("tie", "tie"),
    ]


def test_a_judge_alone_never_gates() -> None:
    alone = judged([WON] * 2_000)
    assert alone.swap.win_rate == 1.0
    assert alone.difference is None
    assert alone.ppi is alone.kappa is alone.ac1 is None
    assert alone.blockers == ("people judged 0 of the 100 that are needed", "the judge agrees too little with people")


def test_with_people_the_number_is_ppi_and_kappa_and_ac1_stand_beside_it() -> None:
    found = judged([*with_people(70, 50, 5), *[WON] * 300, *[LOST] * 200])
    table = [[65, 5, 0], [5, 45, 0], [0, 0, 0]]
    assert found.kappa == cohen_kappa(table)
    assert found.ac1 == gwet_ac1(table)
    assert found.humans == 120
    assert found.blockers == ()
    labels = [0.0] * 5 + [1.0] * 65 + [1.0] * 5 + [0.0] * 45
    number = ppi_mean(labels, [1.0] * 70 + [0.0] * 50, [1.0] * 300 + [0.0] * 200)
    assert found.ppi is not None
    assert astuple(found.ppi) == pytest.approx(astuple(number))
    assert found.difference is not None
    seen = [1.0] * 70 + [0.0] * 50
    corrections = [label - number.weight * one for label, one in zip(labels, seen, strict=True)]
    middle = fmean(corrections)
    unseen = variance([*corrections, middle + 1, middle - 1]) - variance(corrections)
    half = 1.959963985 * (number.standard_error**2 + unseen / 120) ** 0.5
    assert astuple(found.difference) == pytest.approx(
        (number.estimate - 0.5, number.estimate - 0.5 - half, number.estimate - 0.5 + half)
    )


def test_a_judge_that_errs_seldom_and_one_way_does_not_make_a_worse_candidate_pass() -> None:
    random = np.random.default_rng(4)
    passed = by_ppi_alone = 0
    shares = [0.45, 0.03, 0.52]  # both say candidate; the judge alone does; both say prompted: 5 points behind
    for _ in range(600):
        both, slip, lost = random.multinomial(100, shares).tolist()
        said, slipped, not_said = random.multinomial(1_500, shares).tolist()
        alone = Tally(candidate_both=said + slipped, prompted_both=not_said)
        found = counted(
            alone, [[both, slip, 0], [0, lost, 0], [0, 0, 0]], alone=alone, length_controlled=0.5, confidence=0.96
        )
        assert found.difference is not None
        assert found.ppi is not None
        z = 2.0537489
        passed += found.difference.low > -0.05
        by_ppi_alone += found.ppi.estimate - z * found.ppi.standard_error - 0.5 > -0.05
    assert passed / 600 <= 0.025
    assert by_ppi_alone / 600 >= 0.035


def test_grouped_rows_make_the_interval_wider_about_the_same_middle() -> None:
    table = [[65, 5, 0], [5, 45, 0], [0, 0, 0]]
    alone = Tally(candidate_both=300, prompted_both=200)
    plain, wider = (
        counted(alone, table, alone=alone, length_controlled=0.5, design_effect=effect).difference for effect in (1, 4)
    )
    assert plain is not None
    assert wider is not None
    assert wider.estimate == plain.estimate
    assert wider.high - wider.low == pytest.approx(2 * (plain.high - plain.low))


def test_pairs_that_need_no_judge_count_as_they_are() -> None:
    table = [[65, 5, 0], [5, 45, 0], [0, 0, 0]]
    alone = Tally(candidate_both=300, prompted_both=200)
    judged_alone = counted(alone, table, alone=alone, length_controlled=0.5).difference
    whole = counted(alone, table, alone=alone, length_controlled=0.5, ruled=Ruled(0, 250, 250)).difference
    assert judged_alone is not None
    assert whole is not None
    assert whole.estimate == pytest.approx(0.5 * judged_alone.estimate + 0.5 * -0.25)
    assert whole.high - whole.low < judged_alone.high - judged_alone.low, "what is ruled is known for sure"


def test_a_judge_that_people_contradict_is_blocked() -> None:
    found = judged([*with_people(60, 60, 20), *[WON] * 500])
    assert found.kappa == pytest.approx(1 / 3)  # 80 of 120 agree, 60 by chance
    assert found.difference is None
    assert found.blockers == ("the judge agrees too little with people",)
    assert blockers(HUMANS_LEAST, 0.6) == ()
    assert blockers(HUMANS_LEAST, None) == ("the judge agrees too little with people",)


def test_people_on_every_pair_leave_nothing_for_ppi() -> None:
    assert judged(with_people(60, 60, 0)).ppi is None
    assert judged(with_people(60, 60, 0)).difference is None


def test_the_length_controlled_rate_is_that_of_equal_lengths() -> None:
    longer, shorter = math.e, 1 / math.e
    pairs = [JudgedPair("candidate", "candidate", length_ratio=longer)] * 6
    pairs += [JudgedPair("prompted", "prompted", length_ratio=shorter)] * 2
    # Wins are .5 + .5 ln(ratio) exactly: at equal lengths one half, though 6 of 8 were won
    assert judged(pairs).length_controlled == pytest.approx(0.5)
    assert judged([WON] * 3 + [LOST]).length_controlled == 0.75


def test_answers_drawn_k_times_are_averaged_and_voted_on() -> None:
    found = sampled([["4", "4", "5"], ["7", "8", "8"], ["1", "2", "3"]], ["4", "7", "1"])
    assert found == Sampled((2 / 3, 1 / 3, 1 / 3), (1.0, 0.0, 1.0), 3)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: judged([]),
        lambda: judged([JudgedPair("nobody", "tie")]),  # pyright: ignore[reportArgumentType]
        lambda: judged([JudgedPair("tie", "tie", "nobody")]),  # pyright: ignore[reportArgumentType]
        lambda: judged([JudgedPair("tie", "tie", length_ratio=0.0)]),
        lambda: blockers(-1, 0.7),
        lambda: winner("C", candidate_first=True),
        lambda: counted(Tally(), [[0]], alone=Tally(), length_controlled=0.5),
        lambda: sampled([["a"], ["a", "b"]], ["a", "b"]),
        lambda: sampled([[]], ["a"]),
        lambda: sampled([["a"]], []),
    ],
)
def test_broken_judgements_are_refused(broken: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must|needed|agree"):
        broken()
