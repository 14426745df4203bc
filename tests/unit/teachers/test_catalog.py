"""Asking an endpoint which models it lists: only where it was named, and whatever it answers."""

from __future__ import annotations

from datetime import date

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.teachers import catalog
from engine.testing.scripted_server import serving

MODELS = "/v1/models"


def test_models_are_listed_with_their_last_days() -> None:
    rows = [{"id": "old", "object": "model", "shutdown_date": "2027-01-31"}, {"id": "new", "object": "model"}]

    async def models(_request: Request) -> Response:
        return JSONResponse({"object": "list", "data": rows})

    with serving(Starlette(routes=[Route(MODELS, models)])) as url:
        assert catalog.listed(f"{url}/v1", "k") == {"old": date(2027, 1, 31), "new": None}


def test_a_list_that_moved_is_not_gone_after() -> None:
    met: list[str] = []

    async def elsewhere(request: Request) -> Response:
        met.append(request.headers.get("authorization", ""))
        return JSONResponse({"object": "list", "data": []})

    with serving(Starlette(routes=[Route(MODELS, elsewhere)])) as other:

        async def moved(_request: Request) -> Response:
            return RedirectResponse(f"{other}{MODELS}", 307)

        with serving(Starlette(routes=[Route(MODELS, moved)])) as url:
            assert catalog.listed(f"{url}/v1", "k") is None
    assert met == [], "an endpoint cannot send us to another host, such as the cloud's own"


@pytest.mark.parametrize("said", ["<html>", "[]", '{"data": 7}', '{"data": [{"id": 7, "shutdown_date": 1e99}]}', ""])
def test_an_endpoint_that_answers_with_anything_ends_nothing(said: str) -> None:
    async def models(_request: Request) -> Response:
        return Response(said, media_type="application/json")

    with serving(Starlette(routes=[Route(MODELS, models)])) as url:
        found = catalog.listed(f"{url}/v1", "k")
    assert not [day for day in (found or {}).values() if day is not None]
