"""What people sign for counts while it lasts, and a condition is overridden by two of them."""

from __future__ import annotations

import pytest

from engine.desk import Desk, readiness, roles
from engine.desk.readiness import ReadingView
from engine.errors import Conflict, Invalid, NotAllowed, NotFound, NotReady
from engine.models.actor import Role
from engine.store import deeds
from engine.store import features as feature_rows
from tests.builders import ANN, ASKER, BO, SLUG, a_feature
from tests.desk.ready import REASON, a_measured_feature, odd, signed


def test_a_signature_runs_out(desk: Desk) -> None:
    a_measured_feature(desk)
    readiness.sign(desk, ASKER, SLUG, fact="on_call", value="yes", reason=REASON, days=7)
    before = next(one for one in readiness.read(desk, SLUG).conditions if one.name == "operations")
    assert [one.by for one in before.signed] == ["U1"]
    assert "on_call" not in before.missing
    desk.services.clock.move(days=8)  # type: ignore[attr-defined]
    after = next(one for one in readiness.read(desk, SLUG).conditions if one.name == "operations")
    assert after.signed == ()
    assert "on_call" in after.missing


def test_what_was_measured_wins_over_what_was_signed(desk: Desk) -> None:
    a_measured_feature(desk)
    found = signed(desk, capture_on="no")
    assert odd(found) == {}  # calls of the last day prove it


def test_a_signature_is_a_deed_with_its_reason(desk: Desk) -> None:
    a_feature(desk)
    readiness.sign(desk, ANN, SLUG, fact="on_call", value="Yes", reason=REASON)
    with desk.services.database.read() as tx:
        newest = deeds.of_feature(tx, feature_rows.by_slug(tx, SLUG).id or 0)[0]
    assert (newest.verb, newest.actor, newest.reason) == ("sign", ANN.id, REASON)
    assert newest.after["answer"] == "yes"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"fact": "on_cal"}, "fact is 'on_cal'; nearest: on_call."),
        ({"fact": "npv_usd"}, "fact is 'npv_usd'; nearest:"),
        ({"value": "maybe"}, "on_call is 'maybe', which cannot be."),
        ({"fact": "top_template_share", "value": "97"}, "top_template_share is '97', which cannot be."),
        ({"fact": "audited_rows", "value": "nan"}, "audited_rows is 'nan', which cannot be."),
        ({"fact": "month_budget_usd", "value": "inf"}, "month_budget_usd is 'inf', which cannot be."),
        ({"reason": "because"}, "The reason has 7 characters; 10 to 500 are needed."),
        ({"days": 91}, "days is 91; a signature lasts 1 to 90 days."),
        ({"days": 0}, "days is 0; a signature lasts 1 to 90 days."),
    ],
)
def test_a_signature_that_says_nothing_is_refused(desk: Desk, asked: dict[str, object], said: str) -> None:
    a_feature(desk)
    with pytest.raises(Invalid) as refused:
        readiness.sign(desk, ASKER, SLUG, **{"fact": "on_call", "value": "yes", "reason": REASON, **asked})  # type: ignore[arg-type]
    assert refused.value.message.startswith(said)
    assert refused.value.hint


def overridden(desk: Desk) -> ReadingView:
    """A feature that is too young, and somebody who asked to go on all the same."""
    a_measured_feature(desk, live=10)
    signed(desk)
    return readiness.override(desk, ASKER, SLUG, condition="tenure", reason="regulated launch date", days=60)


def test_an_override_counts_when_somebody_else_approves_it(desk: Desk) -> None:
    asked = overridden(desk)
    assert asked.outcome == "STAY"
    roles.name(desk, ASKER, SLUG, {Role.APPROVER: ("U1", ANN.id)})
    with pytest.raises(NotAllowed, match="You asked for this"):
        readiness.approve(desk, ASKER, SLUG, condition="tenure")
    with pytest.raises(NotAllowed, match="needs the role approver"):
        readiness.approve(desk, BO, SLUG, condition="tenure")
    found = readiness.approve(desk, ANN, SLUG, condition="tenure")
    assert found.outcome == "INVESTIGATE"
    assert odd(found) == {"tenure": "overridden"}
    told = next(one.override for one in found.conditions if one.name == "tenure")
    assert told is not None
    assert (told.by, told.approved_by) == ("U1", ANN.id)
    with pytest.raises(Conflict, match="approved this already"):
        readiness.approve(desk, ANN, SLUG, condition="tenure")


def test_an_override_ends_with_its_days(desk: Desk) -> None:
    overridden(desk)
    roles.name(desk, ASKER, SLUG, {Role.APPROVER: (ANN.id,)})
    desk.services.clock.move(days=3)  # type: ignore[attr-defined]
    readiness.approve(desk, ANN, SLUG, condition="tenure")
    desk.services.clock.move(days=26, hours=23)  # type: ignore[attr-defined]
    assert odd(readiness.read(desk, SLUG))["tenure"] == "overridden"
    desk.services.clock.move(days=33, hours=2)  # type: ignore[attr-defined]
    assert odd(readiness.read(desk, SLUG))["tenure"] == "fail"


def test_worth_is_never_overridden_and_a_pass_needs_none(desk: Desk) -> None:
    a_measured_feature(desk)
    with pytest.raises(Invalid, match="worth can never be overridden"):
        readiness.override(desk, ASKER, SLUG, condition="worth", reason=REASON)
    with pytest.raises(Invalid, match="nearest: tenure"):
        readiness.override(desk, ASKER, SLUG, condition="tenur", reason=REASON)
    with pytest.raises(NotReady, match="tenure of ticket-router passes"):
        readiness.override(desk, ASKER, SLUG, condition="tenure", reason=REASON)
    with pytest.raises(NotReady, match="Nobody asked to override data"):
        readiness.approve(desk, ANN, SLUG, condition="data")
    with pytest.raises(NotFound):
        readiness.read(desk, "nowhere")
