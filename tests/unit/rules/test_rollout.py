"""Known answers are docs/rules.md 7 and 11's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.rollout import SHARES, Event, Gate, RolloutState, StageEvidence, StagePolicy, gate, transition

HARM = {"errors": 0.5, "invalid": -1.0, "slow": 0.0, "thumbs_down": 1.0}


def s(**changes: Any) -> StageEvidence:
    known: dict[str, Any] = {
        "hours": 100,
        "units": 6000,
        "log_e_harm": HARM,
        "log_e_safe": 3.2,
        "log_e_mismatch": -1.0,
        "ticks_old": 0,
        "full_week": True,
    }
    return StageEvidence(**{**known, **changes})


GATES: list[tuple[str, StageEvidence, str]] = [
    ("canary_50", s(), "READY"),
    ("canary_50", s(log_e_safe=2.9), "HOLD"),
    ("canary_50", s(log_e_safe=None), "HOLD"),
    ("canary_50", s(log_e_safe=math.log(20)), "READY"),
    ("canary_50", s(full_week=False), "HOLD"),
    ("canary_1", s(log_e_harm={**HARM, "thumbs_down": 5.08}), "ROLLBACK"),
    ("canary_1", s(log_e_harm={**HARM, "thumbs_down": 5.07}), "READY"),
    ("canary_1", s(log_e_harm={"errors": 3.7}), "ROLLBACK"),  # ln(1/.025) = 3.689 with one guardrail
    ("canary_5", s(log_e_mismatch=6.95), "PAUSE"),
    ("canary_5", s(log_e_mismatch=6.90), "READY"),
    ("canary_5", s(log_e_mismatch=None), "READY"),
    ("canary_5", s(ticks_old=None), "PAUSE"),
    ("canary_5", s(ticks_old=2), "READY"),
    ("canary_5", s(ticks_old=2.1), "PAUSE"),
    ("canary_5", s(cost_ratio=1.26), "PAUSE"),  # docs/rules.md 7: 1.25 times the plan
    ("canary_5", s(cost_ratio=1.25), "READY"),
    ("canary_25", s(units=1999), "HOLD"),
    ("canary_25", s(hours=47.9), "HOLD"),
    ("canary_1", s(broken_ceilings=("errors",), ticks_old=None), "ROLLBACK"),
    ("canary_1", s(log_e_harm={}), "HOLD"),
    ("live", s(log_e_harm={}), "READY"),
    ("draft", s(broken_ceilings=("errors",), ticks_old=None), "READY"),
    ("shadow", s(units=499), "HOLD"),
    ("full_100", s(hours=0.5, units=0), "HOLD"),
    ("soaking", s(hours=167), "HOLD"),
    ("soaking", s(hours=168, units=0), "READY"),
]


@pytest.mark.parametrize(("stage", "seen", "action"), GATES)
def test_the_gate_says_what_the_evidence_allows(stage: str, seen: StageEvidence, action: str) -> None:
    found = gate(stage, seen)
    assert found.action == action
    assert bool(found.reasons) == (action != "READY")


def test_a_gate_names_every_reason_of_its_kind() -> None:
    found = gate("canary_50", s(hours=1, units=1, log_e_harm={}, full_week=False, log_e_safe=None))
    assert len(found.reasons) == 5
    assert gate("canary_1", s(broken_ceilings=("cost",))) == Gate(found.action.__class__.ROLLBACK, ("ceiling: cost",))


def event(kind: str, sequence: int, actor: str = "", action: str = "") -> Event:
    return Event(kind, sequence, actor, action)


def at(stage: str, **changes: Any) -> RolloutState:
    known: dict[str, Any] = {"status": "running", "share": SHARES[stage], "requested_by": "U1", "sequence": 5}  # type: ignore[index] # a Stage equals its word
    return RolloutState(stage, **{**known, **changes})


EVENTS: list[tuple[RolloutState, Event, tuple[str, str, float]]] = [
    (at("canary_5"), event("approve", 6, "U2", "READY"), ("canary_25", "running", 0.25)),
    (at("canary_1"), event("approve", 6, "U1", "READY"), ("canary_5", "running", 0.05)),
    (at("canary_1"), event("approve", 5, "U1", "READY"), ("canary_1", "running", 0.01)),
    (at("canary_25"), event("rollback", 6), ("canary_25", "rolled_back", 0)),
    (at("canary_25"), event("pause", 6), ("canary_25", "paused", 0.25)),
    (at("live"), event("lower", 9, "U2"), ("canary_50", "running", 0.5)),
    (at("draft"), event("approve", 6, "U1", "READY"), ("shadow", "running", 0)),
    (at("shadow"), event("approve", 6, "U1", "READY"), ("canary_1", "running", 0.01)),
    (at("canary_50"), event("approve", 6, "U2", "READY"), ("full_100", "running", 1)),
    (at("full_100"), event("approve", 6, "U1", "READY"), ("soaking", "running", 1)),  # no rise: anyone may
    (at("full_100"), event("settle", 6, "", "READY"), ("soaking", "running", 1)),
    (at("soaking"), event("settle", 6, "", "READY"), ("live", "running", 1)),
    (at("canary_25", status="paused"), event("resume", 6, "U1"), ("canary_25", "running", 0.25)),
    (at("canary_25", status="paused"), event("rollback", 6), ("canary_25", "rolled_back", 0)),
    (at("canary_50"), event("lower", 6, "U2"), ("canary_50", "retired", 0)),
    (at("live", status="paused"), event("lower", 6, "U2"), ("canary_50", "running", 0.5)),
    (at("shadow"), event("abort", 6), ("shadow", "aborted", 0)),
    (at("live", status="retired", share=0.0), event("approve", 5, "U2", "READY"), ("live", "retired", 0)),
]


@pytest.mark.parametrize(("state", "happened", "after"), EVENTS)
def test_an_event_makes_what_the_table_says(
    state: RolloutState, happened: Event, after: tuple[str, str, float]
) -> None:
    found = transition(state, happened)
    assert (found.stage, found.status, found.share) == after
    assert found.sequence == max(state.sequence, happened.sequence)
    assert found.requested_by == "U1"


FORBIDDEN: list[tuple[str, RolloutState, Event]] = [
    ("somebody else", at("canary_5"), event("approve", 6, "U1", "READY")),
    ("needs a person", at("canary_1"), event("approve", 6, "", "READY")),
    ("needs READY", at("canary_1"), event("approve", 6, "U2", "HOLD")),
    ("needs READY", at("canary_1"), event("approve", 6, "U2")),
    ("no next stage", at("live"), event("approve", 6, "U2", "READY")),
    ("running rollout", at("canary_1", status="paused"), event("approve", 6, "U2", "READY")),
    ("only full_100 and soaking", at("canary_1"), event("settle", 6, "", "READY")),
    ("needs READY", at("soaking"), event("settle", 6, "", "HOLD")),
    ("running rollout", at("soaking", status="paused"), event("settle", 6, "", "READY")),
    ("running rollout", at("canary_1", status="paused"), event("pause", 6)),
    ("only a paused", at("canary_1"), event("resume", 6, "U1")),
    ("needs a person", at("canary_1", status="paused"), event("resume", 6)),
    ("needs a person", at("live"), event("lower", 6)),
    ("roll back instead", at("canary_1"), event("abort", 6)),
    ("nothing follows", at("canary_1", status="rolled_back"), event("resume", 6, "U1")),
    ("nothing follows", at("canary_1", status="aborted"), event("rollback", 6)),
    ("nothing follows", at("canary_1", status="retired"), event("lower", 6, "U1")),
    ("kind", at("canary_1"), event("ship", 6)),
    ("gate", at("canary_1"), event("approve", 6, "U2", "GO")),
    ("event.sequence", at("canary_1"), event("pause", -1)),
    ("state.stage", RolloutState("moon"), event("pause", 1)),
    ("state.status", RolloutState(status="lost"), event("pause", 1)),
    ("state.share", RolloutState(share=1.5), event("pause", 1)),
    ("state.sequence", RolloutState(sequence=-1), event("pause", 1)),
]


@pytest.mark.parametrize(("why", "state", "happened"), FORBIDDEN)
def test_everything_else_is_refused_with_the_reason(why: str, state: RolloutState, happened: Event) -> None:
    with pytest.raises(ValueError, match=why):
        transition(state, happened)


events = st.builds(
    Event,
    st.sampled_from(["approve", "settle", "pause", "resume", "rollback", "lower", "abort"]),
    st.integers(0, 40),
    st.sampled_from(["", "U1", "U2"]),
    st.sampled_from(["", "READY", "HOLD", "PAUSE", "ROLLBACK"]),
)


@given(st.lists(events, max_size=40))
def test_a_share_rises_only_through_a_ready_approval_by_a_person(happened: list[Event]) -> None:
    state = RolloutState(requested_by="U1")
    for one in happened:
        try:
            after = transition(state, one)
        except ValueError:
            continue
        if after.share > state.share:
            assert (one.kind, one.gate, state.status) == ("approve", "READY", "running")
            assert one.actor
            assert after.share < 0.25 or one.actor != "U1"
        assert transition(after, one) == after  # the same press again changes nothing
        state = after


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("stage", lambda: gate("moon", s())),
    ("hours", lambda: gate("canary_1", s(hours=-1))),
    ("units", lambda: gate("canary_1", s(units=0.5))),
    ("log_e_harm", lambda: gate("canary_1", s(log_e_harm={"errors": math.nan}))),
    ("log_e_safe", lambda: gate("canary_1", s(log_e_safe=math.inf))),
    ("log_e_mismatch", lambda: gate("canary_1", s(log_e_mismatch=math.nan))),
    ("ticks_old", lambda: gate("canary_1", s(ticks_old=-1))),
    ("policy.alpha", lambda: gate("canary_1", s(), StagePolicy(alpha=0))),
    ("policy.safe_odds", lambda: gate("canary_1", s(), StagePolicy(safe_odds=0))),
    ("policy.hours", lambda: gate("canary_1", s(), StagePolicy(hours={"canary_1": -1}))),
    ("policy.units", lambda: gate("canary_1", s(), StagePolicy(units={"canary_1": -1}))),
    ("policy.holdback", lambda: gate("canary_1", s(), StagePolicy(holdback=1.1))),
]


@pytest.mark.parametrize(("named", "call"), REFUSED)
def test_broken_evidence_is_refused_by_name(named: str, call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=named):
        call()
