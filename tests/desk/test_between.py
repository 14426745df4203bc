"""Somebody acts between two statements of somebody else: both take effect, one after the other, or one is told."""

from __future__ import annotations

import json
import pathlib
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlmodel import select

from engine.desk import (
    Desk,
    approvals,
    bills,
    investigations,
    policies,
    price_book,
    prices,
    prompts,
    readiness,
    rollouts,
    routes,
    workspaces,
)
from engine.desk import keys as gateway_keys
from engine.desk import roles as grants
from engine.desk.workspaces import Grant, Tokens
from engine.errors import Conflict, NotAllowed
from engine.flows.steps import end, refresh
from engine.models.actor import Actor, Role
from engine.models.call import Call
from engine.models.investigation import Investigation, RunState
from engine.models.rollout import Approval
from engine.services import Services
from engine.store import deeds, features, keys, seals, usage
from engine.store import policies as policy_rows
from engine.store.database import Database
from engine.testing.clock import FixedClock
from tests.builders import ANN, ASKER, BO, SHELL, SLUG, a_feature, a_verdict, some_labels
from tests.flows.test_refresh import a_look, more_labels
from tests.meddling import meddling
from tests.prepared import sqlite_in


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Locks are what databases differ in, so this file runs on both."""
    if request.param == "sqlite":
        return sqlite_in(tmp_path)
    return request.getfixturevalue("prepared_postgres_url")


def at(desk: Desk, database: Database) -> Desk:
    """The same desk over another connection."""
    return replace(desk, services=replace(desk.services, database=database))


def test_tokens_that_are_renewed_while_a_bot_seals_anew_stay_the_newest(services: Services) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(9)]

    def with_keys(count: int, over: Services) -> Services:
        known = SecretStr(",".join(reversed(keys[:count])))  # the newest first
        return replace(over, settings=over.settings.model_copy(update={"slack_keys": known}))

    def tokens(word: str) -> Tokens:
        return Tokens(bot=SecretStr(word), refresh=SecretStr(f"{word}-next"))

    grant = Grant(team="T0ACME", team_name="A", bot_user="U0", scopes="", installed_by="U1", tokens=tokens("first"))
    workspaces.keep(with_keys(1, services), grant)
    for moment in range(6):
        here = with_keys(moment + 2, services)
        one = workspaces.known(here, "T0ACME")
        assert one is not None

        def renew(other: Database, one: workspaces.Known = one, here: Services = here, moment: int = moment) -> None:
            old = with_keys(moment + 1, replace(here, database=other))
            workspaces.renew(old, one, tokens(f"renewed-{moment}"), lasts=timedelta(hours=12))

        with meddling(services.database, moment, renew):
            workspaces.reseal(here)
        assert workspaces.tokens(here, "T0ACME").bot.get_secret_value() == f"renewed-{moment}"


@pytest.mark.parametrize("slug", ["", SLUG])
def test_two_who_set_values_of_one_policy_both_set_them(desk: Desk, slug: str) -> None:
    a_feature(desk)
    for moment in range(6):
        mine, theirs = f"{moment + 1}", f"{moment + 2}"

        def set_other(other: Database, theirs: str = theirs) -> None:
            policies.change(at(desk, other), SHELL, slug, {"cost_retrain_months": theirs})

        with meddling(desk.services.database, moment, set_other):
            policies.change(desk, ASKER, slug, {"cost_operations_month_usd": mine})
        (found,) = (one.settings for one in policies.show(desk, slug).kinds if one.kind == "cost")
        values = {one.name: one.value for one in found}
        assert (values["cost_operations_month_usd"], values["cost_retrain_months"]) == (mine, theirs)


def test_two_who_set_traffic_or_prompts_of_a_feature_both_set_them(desk: Desk) -> None:
    a_feature(desk)
    for moment in range(4):
        model, days = f"m-{moment}", str(moment + 1)

        def set_other(other: Database, model: str = model, days: str = days) -> None:
            prompts.change(at(desk, other), ANN, SLUG, model=f"{model}-b", text="Again: {{ input }}")
            routes.decide(at(desk, other), ANN, SLUG, {"example_days": days})

        with meddling(desk.services.database, moment, set_other):
            prompts.change(desk, ASKER, SLUG, model=f"{model}-a", text="Sort: {{ input }}")
        assert {f"{model}-a", f"{model}-b"} <= set(prompts.of(desk, SLUG))
        with meddling(desk.services.database, moment, lambda other: set_other(other)):
            routes.decide(desk, ASKER, SLUG, {"raw_days": days})
        with desk.services.database.read() as tx:
            found = policy_rows.traffic(tx, 1)
        assert (str(found.example_days), str(found.raw_days)) == (days, days)


def test_a_vote_given_while_its_voter_loses_the_role_counts_no_more(desk: Desk) -> None:
    a_feature(desk)
    a_verdict(desk)
    token = rollouts.next_stage(desk, ASKER, SLUG).token
    with desk.services.database.write() as tx:
        tx.exec(select(Approval)).one().needed = 2
    for moment in range(8):
        grants.name(desk, SHELL, "", {Role.APPROVER: (ANN.id, BO.id)})

        def take_away(other: Database) -> None:
            grants.name(at(desk, other), SHELL, "", {Role.APPROVER: (BO.id,)})

        with meddling(desk.services.database, moment, take_away), suppress(NotAllowed):
            approvals.approve(desk, ANN, token)
        assert approvals.voters(desk, token) == ()


def test_of_two_who_name_the_admins_one_is_the_last(desk: Desk) -> None:
    for moment in range(6):

        def name_other(other: Database) -> None:
            grants.name(at(desk, other), SHELL, "", {Role.ADMIN: (BO.id,)})

        with meddling(desk.services.database, moment, name_other):
            grants.name(desk, SHELL, "", {Role.ADMIN: (ANN.id,)})
        assert grants.show(desk).admins in ((ANN.id,), (BO.id,))


@pytest.mark.parametrize("moment", range(6))
def test_a_run_that_ends_while_somebody_cancels_it_is_told_as_ended_or_ended_as_cancelled(
    desk: Desk, moment: int
) -> None:
    a_feature(desk)
    with desk.services.database.write() as tx:
        now, state = desk.services.clock.now(), RunState.RUNNING
        tx.add(
            Investigation(run_id="inv-a", feature_id=1, state=state, budget_nano=1, requested_by="U1", created_at=now)
        )
    cancelled: list[str] = []
    ended_first: list[bool] = []

    def end_it(other: Database) -> None:
        end.close(at(desk, other).services, "inv-a", end.Told(state=RunState.FAILED, reason="It broke."))
        ended_first.append(not cancelled)

    with meddling(desk.services.database, moment, end_it), suppress(Conflict):
        investigations.cancel(desk, ASKER, "inv-a")
        cancelled.append("told")
    assert ended_first == [not cancelled]


def test_a_run_that_begins_while_the_eval_is_renewed_keeps_the_rows_it_was_planned_on(
    desk: Desk, clock: FixedClock
) -> None:
    a_feature(desk)
    some_labels(desk, 150)
    a_look(desk, "inv-a")
    more_labels(desk, clock, range(300, 400))
    began_on: list[int] = []

    def begin(other: Database) -> None:
        with other.write() as tx:
            features.alone(tx, 1)
            run = Investigation(
                run_id="inv-b",
                feature_id=1,
                open_feature_id=1,
                budget_nano=1,
                requested_by="U1",
                created_at=clock.now(),
            )
            tx.add(run)
            began_on.append(seals.current(tx, 1).number)

    with meddling(desk.services.database, "INSERT INTO seal", begin):
        assert refresh.refresh(desk.services, 1).version == 2
    assert began_on == [2]


def test_a_route_file_is_never_named_newer_than_one_that_says_more(desk: Desk, tmp_path: pathlib.Path) -> None:
    a_feature(desk)
    here, there = tmp_path / "here.json", tmp_path / "there.json"

    def add_key(database: Database, sha: str) -> None:
        with database.write() as tx:
            keys.add(tx, 1, sha256=sha, by="U1", at=desk.services.clock.now())

    def on_another_host(other: Database) -> None:
        add_key(other, "b")
        routes.publish(at(desk, other), there)

    add_key(desk.services.database, "a")
    with meddling(desk.services.database, "INSERT INTO route_file", on_another_host):
        routes.publish(desk, here)
    files = [json.loads(path.read_bytes()) for path in (here, there)]
    newest = max(files, key=lambda file: file["version"])
    assert [key["sha256"] for key in newest["keys"]] == ["a", "b"]


def test_calls_that_are_counted_while_a_month_is_priced_again_are_in_its_cost(desk: Desk) -> None:
    a_feature(desk)
    one = prices.DatedPrice(model="m", input_usd=1, output_usd=1, starts_on=date(2026, 1, 1), source="test")
    prices.set_price(desk, ASKER, one)

    def count(database: Database, name: str, cost: int) -> None:
        made = [
            Call(id=f"{name}{number}", at=desk.services.clock.now(), model="m", input_tokens=1_000, output_tokens=0)
            for number in range(3)
        ]
        with database.write() as tx:
            features.alone(tx, 1)
            usage.count_calls(tx, 1, made, cost_of=lambda _call: cost, source="test")

    count(desk.services.database, "before", 5)
    with meddling(desk.services.database, "UPDATE hourly_usage", lambda other: count(other, "between", 1_000_000)):
        assert price_book.recompute(desk, ASKER, "2026-11").changed == 3
    assert bills.month(desk, SLUG, "2026-11").cost_nano == 6 * 1_000_000


def test_of_two_who_decide_of_one_override_or_key_one_is_told_that_it_is_done(desk: Desk) -> None:
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id)})
    for moment in range(4):
        readiness.override(desk, ASKER, SLUG, condition="volume", reason="we know it will grow")
        name = gateway_keys.make(desk, ASKER, SLUG).name
        approved: list[str] = []

        def approve(database: Database, who: Actor, approved: list[str] = approved) -> None:
            with suppress(Conflict):
                readiness.approve(at(desk, database), who, SLUG, condition="volume")
                approved.append(who.id)

        with meddling(desk.services.database, moment, lambda other, do=approve: do(other, BO)):
            approve(desk.services.database, ANN)
        assert len(approved) == 1
        with meddling(
            desk.services.database,
            moment,
            lambda other, name=name: gateway_keys.revoke(at(desk, other), BO, SLUG, name),
        ):
            gateway_keys.revoke(desk, ANN, SLUG, name)
        with desk.services.database.read() as tx:
            assert [one.verb for one in deeds.of_entity(tx, "key", name)] == ["make key", "revoke key"]
