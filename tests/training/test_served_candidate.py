"""A candidate over HTTP: the OpenAI wire as its own client reads it, and the check against the offline answers."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.errors import Invalid, Unavailable
from engine.evals.parity import Agreement, agreement
from engine.evals.predict import predict
from engine.evals.rows import DatasetRow
from engine.runners import JobKind, JobSpec, JobStatus
from engine.servers import Endpoint
from engine.servers.local import LARGEST_BODY, build_app, loaded, served
from engine.testing.corpus import CLASSES
from engine.train import Answer, Answerer
from engine.train.ladder import host_of
from tests.training.home import Home, real_rows
from tests.waiting import SECONDS

MODEL = "c0ffee" * 10
TASK = Task(approach="classify", classes=("long", "short"))
ROWS = [DatasetRow(id=f"r{length}", input="x" * length, output="long") for length in range(1, 41)]


class ByLength:
    """Long from 20 characters on; ``seen`` keeps the sizes of batches."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.free = threading.Event()
        self.free.set()

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        assert self.free.wait(SECONDS)
        self.seen.append(len(inputs))
        return [Answer(text="long" if len(text) >= 20 else "short", confidence=0.75) for text in inputs]


class Together(ByLength):
    """Two threads meet in an answer, or neither gets one; ``cores`` are what each was told to work on."""

    def __init__(self) -> None:
        super().__init__()
        self.met = threading.Barrier(2)
        self.cores: list[int] = []

    def use_cores(self, count: int) -> None:
        self.cores.append(count)

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        if "alone" not in inputs:
            self.met.wait(SECONDS)
        return super().answer(inputs)


class Truncating(ByLength):
    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return super().answer([text[:18] for text in inputs])


class Broken:
    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        raise RuntimeError(f"{len(inputs)} inputs")


@pytest.fixture
def answerer() -> ByLength:
    return ByLength()


@pytest.fixture
def endpoint(answerer: ByLength) -> Generator[Endpoint]:
    with served(build_app(MODEL, answerer), MODEL) as at:
        yield at


@pytest.fixture
def client(endpoint: Endpoint) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=endpoint.base_url, api_key="none", max_retries=0) as asking:
        yield asking


def told(step: int, of: int, loss: float | None) -> None:
    """Nobody listens."""


def said(content: object) -> Any:
    return [{"role": "system", "content": "ignored"}, {"role": "user", "content": content}]


def test_the_label_is_the_content_and_its_probability_the_score(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model=MODEL, messages=said("x" * 30))
    assert reply.choices[0].message.content == "long"
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == MODEL
    assert reply.model_extra == {"assay": {"score": 0.75}}


def test_a_text_in_parts_is_one_text(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "x" * 15}, {"type": "text", "text": "x" * 15}]
    assert client.chat.completions.create(model=MODEL, messages=said(parts)).choices[0].message.content == "long"


def test_a_candidate_is_asked_what_it_learned_from_without_the_prompt_around_it(answerer: ByLength) -> None:
    app = build_app(MODEL, answerer, prompt="Sort this ticket by its length: {{ input }} Answer with one word.")
    with (
        served(app, MODEL) as at,
        openai.OpenAI(base_url=at.base_url, api_key="none", max_retries=0) as asking,
    ):
        for text in ("Sort this ticket by its length: xxx Answer with one word.", "xxx"):
            reply = asking.chat.completions.create(model=MODEL, messages=said(text))
            assert reply.choices[0].message.content == "short"


def test_a_stream_says_the_same_and_ends(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model=MODEL, messages=said("x"), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "short"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_one_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]


def test_another_model_s_name_is_not_answered(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="not served here"):
        client.chat.completions.create(model="stale", messages=said("x"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"model": "%s"}' % MODEL.encode(),
        b'{"model": "%s", "messages": [{"role": "system", "content": "x"}]}' % MODEL.encode(),
        b'{"model": "%s", "messages": [{"role": "user", "content": " "}]}' % MODEL.encode(),
        b'{"model": "%s", "messages": "%s"}' % (MODEL.encode(), b"x" * LARGEST_BODY),
    ],
    ids=["nothing", "list", "no messages", "no user", "empty", "huge"],
)
def test_a_bad_request_is_refused_in_openai_s_words(endpoint: Endpoint, body: bytes) -> None:
    reply = httpx2.post(f"{endpoint.base_url}/chat/completions", content=body, timeout=SECONDS)
    assert reply.status_code == (413 if len(body) > LARGEST_BODY else 400)
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_classify_takes_one_text_or_many(endpoint: Endpoint) -> None:
    one = httpx2.post(f"{endpoint.base_url}/classify", json={"input": "x"}, timeout=SECONDS).json()
    many = httpx2.post(f"{endpoint.base_url}/classify", json={"input": ["x" * 30, "x"]}, timeout=SECONDS).json()
    assert one == {"model": MODEL, "results": [{"label": "short", "score": 0.75}]}
    assert [result["label"] for result in many["results"]] == ["long", "short"]


def test_it_is_healthy_once_it_serves(endpoint: Endpoint) -> None:
    reply = httpx2.get(endpoint.base_url.removesuffix("/v1") + "/healthz", timeout=SECONDS)
    assert (reply.status_code, reply.json()["model"]) == (200, MODEL)


def test_questions_asked_at_once_are_each_answered_once(answerer: ByLength, client: openai.OpenAI) -> None:
    answerer.free.clear()
    with ThreadPoolExecutor(9) as pool:
        asked = [pool.submit(client.chat.completions.create, model=MODEL, messages=said("x")) for _ in range(9)]
        answerer.free.set()
        assert {reply.result().choices[0].message.content for reply in asked} == {"short"}
    assert sum(answerer.seen) == 9


def test_a_model_that_breaks_is_a_500_and_the_next_question_is_heard() -> None:
    with served(build_app(MODEL, Broken()), MODEL) as at:
        for _ in range(2):
            reply = httpx2.post(f"{at.base_url}/classify", json={"input": "x"}, timeout=SECONDS)
            assert (reply.status_code, reply.json()["error"]["type"]) == (500, "server_error")
            assert "1 inputs" not in reply.text, "a message of a library may quote a text"


def compared(served_by: Answerer) -> Agreement:
    approach = approach_of("classify")
    offline = predict(ByLength(), ROWS, approach=approach, task=TASK, progress=told)
    with (
        served(build_app(MODEL, served_by), MODEL) as at,
        openai.OpenAI(base_url=at.base_url, api_key="none", max_retries=0) as asking,
    ):
        return agreement(asking, MODEL, rows=ROWS, offline=offline, approach=approach, task=TASK, progress=told)


def test_the_same_candidate_agrees_on_every_row() -> None:
    found = compared(ByLength())
    assert (found.agree, found.rows, found.first) == (40, 40, "")
    assert 0 < found.latency_p50_ms <= found.latency_p95_ms


def test_a_server_that_cuts_its_inputs_is_found_out() -> None:
    found = compared(Truncating())
    assert (found.agree, found.rows, found.first) == (19, 40, "r20")


def test_a_server_that_fails_is_unavailable_and_no_disagreement() -> None:
    with pytest.raises(Unavailable):
        compared(Broken())


def test_a_folder_without_a_candidate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"candidate\.json"):
        loaded(tmp_path, host_of(""))


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_a_trained_candidate_is_scored_and_served_as_scored(tmp_path: Path) -> None:
    home = Home(tmp_path)
    rows = real_rows(400)
    trained = home.run(home.training(rows[:300], rung="tfidf", settings={"c": 1.0}, dev=rows[300:]))
    assert trained.status is JobStatus.DONE
    inputs = {"candidate": trained.result["artifact"], "rows": home.put(rows[300:])}
    config = {"approach": "classify", "classes": list(CLASSES), "rung": "tfidf"}
    scored = home.run(JobSpec(kind=JobKind.PREDICT, inputs=inputs, config=config))
    assert scored.result["rows"] == 100
    inputs["predictions"] = scored.result["predictions"]
    served_as = home.run(JobSpec(kind=JobKind.PARITY, inputs=inputs, config={**config, "rows": 40}))
    assert (served_as.result["agree"], served_as.result["rows"], served_as.result["first"]) == (40, 40, "")
    names = {path.name for path in home.artifacts.path(trained.result["artifact"]).iterdir()}
    assert {"candidate.json", "README.md", "head.safetensors"} <= names


def test_two_cores_answer_side_by_side_and_a_question_alone_gets_both() -> None:
    together = Together()
    with served(build_app(MODEL, together, 2), MODEL) as at, ThreadPoolExecutor(2) as both:

        def asked(text: str) -> str:
            return httpx2.post(f"{at.base_url}/classify", json={"input": text}, timeout=2 * SECONDS).json()["results"][
                0
            ]["label"]

        asked("alone")
        assert together.cores == [2]
        assert list(both.map(asked, ("x" * 3, "x" * 30))) == ["short", "long"]
    assert 1 in together.cores[1:], "who comes while another is answered works on one core"
