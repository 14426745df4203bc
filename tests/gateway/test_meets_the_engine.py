"""The engine's route file in, the gateway's spool out: both halves of the data plane, as they really are."""

from __future__ import annotations

import pytest
from sqlmodel import select

from engine.desk import Desk, drills, keys
from engine.flows import ingest
from engine.flows.durable import Pending
from engine.flows.steps import drill, gateways
from engine.flows.steps import route as way
from engine.gateway.routes import read
from engine.models.call import HourlyUsage
from engine.models.drill import DrillState
from tests.builders import SHELL, SLUG, a_feature
from tests.gateway.running import serving, until
from tests.gateway.upstream import says, upstream


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it is files that meet here
def test_what_is_registered_is_served_and_what_is_served_is_in_the_sums(desk: Desk) -> None:
    services = desk.services
    with upstream(says("billing")) as model:
        a_feature(desk, base_url=model.url)
        secret = keys.make(desk, SHELL, SLUG).secret
        path = way.path_of(services.settings)
        assert set(read(path).features) == {SLUG}
        with serving(services.settings, path) as gate:
            mine = {"authorization": f"Bearer {secret}"}
            asked = {"model": f"assay/{SLUG}", "messages": [{"role": "user", "content": "mail a@b.example"}]}
            calls = [gate.post("/v1/chat/completions", asked, mine) for _ in range(5)]
            assert [one.status_code for one in calls] == [200] * 5
            assert model.asked[0].fields["model"] == "gpt-4o-mini"
            liked = {"call": calls[0].headers["x-assay-call"], "score": 1}
            assert gate.post("/v1/feedback", liked, mine).status_code == 202
        passed = ingest.once(services)
    assert (passed.calls, passed.feedback) == (5, 1)
    with services.database.read() as tx:
        rows = list(tx.exec(select(HourlyUsage)))
    assert sum(row.n for row in rows) == 5
    assert sum(row.tokens_in for row in rows) == 55
    assert {(row.role, row.served, row.model) for row in rows} == {("answer", "baseline", "served-1")}
    assert list(services.settings.spool_folder.glob("*.bin")) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_gateway_tells_which_route_file_it_follows_and_so_a_drill_knows_when_it_is_back(desk: Desk) -> None:
    services = desk.services
    with upstream(says("billing")) as model:
        a_feature(desk, base_url=model.url)
        mine = {"authorization": f"Bearer {keys.make(desk, SHELL, SLUG).secret}"}
        path = way.path_of(services.settings)
        with serving(services.settings, path) as gate:
            ingest.once(services)
            with services.database.read() as tx:
                assert [one.version for one in gateways.heard(tx, services.clock.now()).workers] == [read(path).version]
            drills.begin(desk, SHELL, SLUG)

            def followed() -> drill.Followed | None:
                ingest.once(services)
                answer = drill.followed(services, 1)
                return None if isinstance(answer, Pending) else answer

            drill.change(services, 1)
            changed = until(followed)
            assert gate.app.parts.routes.snapshot is not None
            assert gate.app.parts.routes.snapshot.features[SLUG].mode == "canary"
            said = gate.post(f"/f/{SLUG}/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}, mine)
            assert (said.status_code, said.headers["x-assay-variant"]) == (200, "baseline")
            drill.back(services, 1)
            assert drill.end(services, 1, changed, until(followed)).state is DrillState.PASSED
            assert gate.app.parts.routes.snapshot.features[SLUG].mode == "observe"
