"""The engine's route file in, the gateway's spool out: both halves of the data plane, as they really are."""

from __future__ import annotations

import pytest
from sqlmodel import select

from engine.desk import Desk, keys
from engine.flows import ingest
from engine.flows.steps import route as way
from engine.gateway.routes import read
from engine.models.call import HourlyUsage
from tests.builders import SHELL, SLUG, a_feature
from tests.gateway.running import serving
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
