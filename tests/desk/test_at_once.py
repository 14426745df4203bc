"""Several people at the same moment: one of them is first, the others are told, nothing is done twice or half."""

from __future__ import annotations

import pathlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from sqlmodel import func, select

from engine.desk import Desk, approvals, features, labels, rollouts
from engine.desk import roles as grants
from engine.errors import Refused
from engine.models.actor import Actor, Role
from engine.models.labels import Label
from engine.models.mail import Once
from engine.models.rollout import Approval, ApprovalState, Rollout
from engine.store import deeds
from tests.builders import (
    ANN,
    ASKER,
    BO,
    CY,
    SHELL,
    SLUG,
    a_feature,
    a_registration,
    a_verdict,
    csv_of,
)
from tests.prepared import sqlite_in


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Locks are what databases differ in, so this file runs on both."""
    if request.param == "sqlite":
        return sqlite_in(tmp_path)
    return request.getfixturevalue("prepared_postgres_url")


def at_once(works: Sequence[Callable[[], object]]) -> Counter[str]:
    """Start all together; how many were done, and how many refused by which class. Nothing else may come out."""
    barrier = threading.Barrier(len(works))
    came: list[str] = []

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
            came.append("done")
        except Refused as error:
            came.append(type(error).__name__)
        except Exception as error:  # noqa: BLE001 (the claim is that nothing else comes out, so it is counted)
            came.append(f"broke: {error!r}")

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(came)


def count(desk: Desk, table: type[Label | Approval | Rollout]) -> int:
    with desk.services.database.read() as tx:
        return tx.exec(select(func.count()).select_from(table)).one()


def test_registering_uploading_and_starting_at_once(desk: Desk) -> None:
    once = Once(team="T", key="trigger", kind="command")
    came = at_once([lambda: features.register(desk, ASKER, a_registration(), once=once)] * 4)
    assert came == {"done": 1, "Repeated": 3}, "four deliveries of one command"
    came = at_once([lambda: features.register(desk, ANN, a_registration(slug="second"))] * 4)
    assert came == {"done": 1, "Conflict": 3}, "four people with one name"

    draft = labels.preview(desk, ASKER, SLUG, "labels.csv", content=csv_of(range(60)))
    assert at_once([lambda: labels.confirm(desk, ASKER, draft.token)] * 4) == {"done": 4}
    assert count(desk, Label) == 60
    files = [labels.preview(desk, ASKER, SLUG, "l.csv", content=csv_of(range(60 * n, 60 * n + 90))) for n in (1, 2, 3)]
    assert at_once([lambda one=one: labels.confirm(desk, ASKER, one.token) for one in files]) == {"done": 3}
    assert count(desk, Label) == 270, "rows of two files are stored once"
    assert labels.show(desk, SLUG).rows == 270
    other = labels.preview(desk, ASKER, SLUG, "l.csv", content=csv_of(range(900, 930)))
    came = at_once([lambda: labels.confirm(desk, ASKER, other.token), lambda: labels.cancel(desk, ASKER, other.token)])
    assert came == {"done": 2}
    assert count(desk, Label) in (270, 300), "confirmed or cancelled, never half of it"
    with desk.services.database.read() as tx:
        assert deeds.broken_at(tx) is None


def test_voting_at_once(desk: Desk) -> None:
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(desk)
    came = at_once([lambda: rollouts.next_stage(desk, ASKER, SLUG)] * 4)
    assert came == {"done": 4}, "asked at once is asked once"
    assert (count(desk, Rollout), count(desk, Approval)) == (1, 1)
    token = approvals.pending(desk)[0].token

    _need_two(desk, token)
    came = at_once([lambda: approvals.approve(desk, ANN, token)] * 4)
    assert came == {"done": 1, "Conflict": 3}, "one person counts once"
    assert approvals.show(desk, token).voters == (ANN.id,)
    came = at_once([_vote(desk, voter, token) for voter in (BO, CY)])
    assert came == {"done": 1, "Conflict": 1}, "the second vote decides, the third comes late"
    assert approvals.show(desk, token).state is ApprovalState.APPROVED
    assert len(desk.durable.runs()) == 1

    rollouts.lower(desk, ANN, SLUG, "rollback")
    again = rollouts.next_stage(desk, ASKER, SLUG).token
    _need_two(desk, again)
    came = at_once([_vote(desk, voter, again) for voter in (ANN, BO)])
    assert came == {"done": 2}
    assert approvals.show(desk, again).state is ApprovalState.APPROVED, "two votes at one moment see each other"
    came = at_once(
        [
            _vote(desk, CY, again),
            lambda: approvals.reject(desk, CY, again, "not convinced by it"),
            lambda: rollouts.lower(desk, ANN, SLUG, "rollback"),
            lambda: rollouts.next_stage(desk, ASKER, SLUG),
        ]
    )
    assert not [word for word in came if word.startswith("broke")], came
    with desk.services.database.read() as tx:
        assert deeds.broken_at(tx) is None


def _vote(desk: Desk, voter: Actor, token: str) -> Callable[[], object]:
    return lambda: approvals.approve(desk, voter, token)


def _need_two(desk: Desk, token: str) -> None:
    """As from 25 % on."""
    with desk.services.database.write() as tx:
        approval = tx.exec(select(Approval).where(Approval.token == token)).one()
        approval.needed = 2
