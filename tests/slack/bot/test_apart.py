"""Several workspaces, one bot: what is one's is not seen, touched or even named to another, whatever it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from bot import links
from engine.desk import Desk, features
from engine.models.base import METADATA
from engine.services import Services
from engine.testing.clock import FixedClock
from tests.builders import SLUG
from tests.slack.bot import stories
from tests.slack.bot.several import ACME, BETA, House, a_slack, housed, prepared_place, settings_of
from tests.slack.bot.wire import Delivery, Wire
from tests.waiting import eventually

RECORD = "inv-one"  # the run of Acme's verdict
OF_THE_BOT = ("heartbeat",)


@pytest.fixture
def house(services: Services, clock: FixedClock) -> Iterator[House]:
    for team in (ACME, BETA):
        prepared_place(services, team)
    with a_slack(clock) as slack, housed(settings_of(services, slack), slack) as found:
        assert (found.install(ACME).status, found.install(BETA).status) == (200, 200)
        yield found


@pytest.mark.parametrize("has_its_own", [False, True])
def test_nothing_a_workspace_sends_reaches_what_is_anothers(house: House, *, has_its_own: bool) -> None:
    acme, beta = house.wire(ACME), house.wire(BETA)
    stories.set_up(acme)
    if has_its_own:
        stories.set_up(beta)
    deliveries = dict(stories.every(acme))
    acme.settle()
    before = rows_of(acme.desk)
    for name, delivery in deliveries.items():
        assert beta.send(from_beta(delivery))[0] == 200, name
        beta.idle()
    assert beta.send(opened_home(beta))[0] == 200
    eventually(lambda: beta.calls("views.publish"))
    beta.settle()
    assert rows_of(acme.desk) == before, "nothing of Acme's changed"
    own = {"by-form", SLUG} if has_its_own else {"by-form"}
    assert {one.slug for one in features.every(beta.desk)} == own, "what Beta registered is Beta's"
    told = json.dumps([beta.room.standin.calls, [beta.blocks("U1", where) for where in ("C1", "C2", beta.dm("U1"))]])
    for hidden in (ACME,) if has_its_own else (ACME, RECORD, "refund300", "refund400"):
        assert hidden not in told, hidden


def test_the_same_slug_in_two_workspaces_is_two_features(house: House) -> None:
    acme, beta = house.wire(ACME), house.wire(BETA)
    said = 'register {} model={} prompt="Sort: {{{{ input }}}}" labels=a,b'
    for wire, model in ((acme, "model-a"), (beta, "model-b")):
        assert "registered" in wire.answer(wire.command(said.format(SLUG, model)))
        wire.settle()
    assert "model-a" in str(acme.posted())
    assert "model-b" not in str(acme.posted())
    assert "model-b" in str(beta.posted())


def test_an_address_of_one_workspaces_page_opens_no_page_of_another(house: House) -> None:
    acme, beta = house.wire(ACME), house.wire(BETA)
    stories.set_up(acme)
    stories.set_up(beta)
    address = links.reading(acme.desk, SLUG)
    assert address.startswith(f"https://assay.example.com/w/{ACME}/readings/")
    assert house.get(address).status == 200
    assert house.get(address.replace(ACME, BETA)).status == 404
    assert house.get(address.replace(ACME, "T0NOBODY")).status == 404


def from_beta(delivery: Delivery) -> Delivery:
    """The very same delivery, ids and all, from the other workspace."""
    body, kind = delivery
    return body.replace(ACME.encode(), BETA.encode()), kind


def opened_home(wire: Wire) -> Delivery:
    return wire.event({"type": "app_home_opened", "user": "U1", "channel": wire.dm("U1"), "tab": "home"})


def rows_of(desk: Desk) -> dict[str, list[Any]]:
    """Every row of every table, but who is alive."""
    with desk.services.database.engine.connect() as connection:
        return {
            table.name: sorted(map(str, connection.execute(select(table)).all()))
            for table in METADATA.sorted_tables
            if table.name not in OF_THE_BOT
        }
