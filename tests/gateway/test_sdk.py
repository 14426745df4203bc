"""OpenAI's own client gets the same through the gateway as from the model itself: plain, streams, tools, structures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.gateway.running import KEY, Gateway, gateway, route
from tests.gateway.upstream import Asked, Steps, Upstream, answer, chunk, completion, events, streamed, upstream

MESSAGES: Any = [{"role": "user", "content": "Where is my invoice?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
CALL = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"id": 1}'}}


class Team(BaseModel):
    team: str
    urgent: bool


def model_of(asked: Asked) -> Steps:
    """A model that knows tools, structures, streams and one kind of mistake."""
    fields = asked.fields
    if fields["model"] == "missing":
        yield answer(
            b'{"error":{"message":"no such model","type":"invalid_request_error","code":"x"}}', "404 Not Found"
        )
    elif fields.get("stream") and "tools" in fields:
        start = chunk({"role": "assistant", "tool_calls": [{"index": 0, **CALL}]})
        yield from streamed([start, *events()[-3:]])
    elif fields.get("stream"):
        yield from streamed(events("bill", "ing"))
    elif "tools" in fields:
        message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        yield answer(completion(choices=[{"index": 0, "message": message, "finish_reason": "tool_calls"}]))
    elif "response_format" in fields:
        yield answer(completion('{"team": "billing", "urgent": true}'))
    else:
        yield answer(completion("billing"))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Upstream]]:
    home: Path = tmp_path_factory.mktemp("sdk")
    with upstream(model_of) as model, gateway(home, triage=route(model.url, model.url)) as gate:
        yield gate, model


def clients(both: tuple[Gateway, Upstream]) -> tuple[openai.OpenAI, openai.OpenAI]:
    gate, model = both
    direct = openai.OpenAI(base_url=model.url, api_key="none", max_retries=0)
    through = openai.OpenAI(base_url=f"{gate.url}/f/triage/v1", api_key=KEY, max_retries=0)
    return direct, through


@pytest.mark.parametrize("user", ["user-1", "user-2"])  # tuned, baseline
@pytest.mark.parametrize("more", [{}, {"tools": TOOLS}], ids=["plain", "tools"])
def test_answers_are_equal(both: tuple[Gateway, Upstream], user: str, more: dict) -> None:
    direct, through = clients(both)
    with direct, through:
        told = [
            each.chat.completions.create(model="m", messages=MESSAGES, user=user, **more) for each in (direct, through)
        ]
    assert told[0].model_dump() == told[1].model_dump()


@pytest.mark.parametrize("user", ["user-1", "user-2"])
@pytest.mark.parametrize("wants", [True, False])
@pytest.mark.parametrize("more", [{}, {"tools": TOOLS}], ids=["plain", "tools"])
def test_streams_are_equal(both: tuple[Gateway, Upstream], user: str, wants: bool, more: dict) -> None:
    direct, through = clients(both)
    with direct, through:
        told = []
        for each in (direct, through):
            options: Any = {"stream_options": {"include_usage": True}} if wants else {}
            stream = each.chat.completions.create(
                model="m", messages=MESSAGES, user=user, stream=True, **options, **more
            )
            told.append([one.model_dump() for one in stream])
    if not wants:  # the scripted model tells its usage to everybody; asked for by us, it is taken out again
        told[0] = [one for one in told[0] if one["choices"]]
    assert told[0] == told[1]
    assert told[1]


@pytest.mark.parametrize("user", ["user-1", "user-2"])
def test_structures_are_equal(both: tuple[Gateway, Upstream], user: str) -> None:
    direct, through = clients(both)
    with direct, through:
        told = [
            each.chat.completions.parse(model="m", messages=MESSAGES, user=user, response_format=Team)
            for each in (direct, through)
        ]
    assert told[0].choices[0].message.parsed == told[1].choices[0].message.parsed == Team(team="billing", urgent=True)


def test_the_models_own_refusal_is_the_same_exception(both: tuple[Gateway, Upstream]) -> None:
    direct, through = clients(both)
    with direct, through:
        told = []
        for each in (direct, through):
            with pytest.raises(openai.NotFoundError) as caught:
                each.chat.completions.create(model="missing", messages=MESSAGES, user="user-2")
            told.append(caught.value.body)
    assert told[0] == told[1]


def test_a_refusal_of_ours_is_shown_by_the_client(both: tuple[Gateway, Upstream]) -> None:
    gate, _ = both
    other = openai.OpenAI(base_url=f"{gate.url}/f/other/v1", api_key=KEY, max_retries=0)
    with other, pytest.raises(openai.PermissionDeniedError, match="This key does not open feature other"):
        other.chat.completions.create(model="m", messages=MESSAGES)
    wrong = openai.OpenAI(base_url=f"{gate.url}/v1", api_key="agk_wrong", max_retries=0)
    with wrong, pytest.raises(openai.AuthenticationError, match="assay gateway-key SLUG"):
        wrong.chat.completions.create(model="assay/triage", messages=MESSAGES)


def test_the_alias_and_the_list_of_models_work(both: tuple[Gateway, Upstream]) -> None:
    gate, _ = both
    with openai.OpenAI(base_url=f"{gate.url}/v1", api_key=KEY, max_retries=0) as client:
        assert [one.id for one in client.models.list()] == ["assay/triage"]
        assert client.chat.completions.create(model="assay/triage", messages=MESSAGES).model == "served-1"


def test_the_asynchronous_client_gets_the_same(both: tuple[Gateway, Upstream]) -> None:
    gate, model = both

    async def all_of(url: str, key: str) -> list[Any]:
        async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
            plain = [client.chat.completions.create(model="m", messages=MESSAGES, user=f"user-{n}") for n in range(20)]
            told: list[Any] = [one.model_dump() for one in await asyncio.gather(*plain)]
            stream = await client.chat.completions.create(
                model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
            return [*told, [one.model_dump() async for one in stream]]

    direct = asyncio.run(all_of(model.url, "none"))
    assert asyncio.run(all_of(f"{gate.url}/f/triage/v1", KEY)) == direct
