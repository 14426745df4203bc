"""The client against real loopback endpoints: one request, one reply or one named error, and no key goes astray."""

from __future__ import annotations

import itertools
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from engine.errors import BadReply, KeyRejected, RateLimited, Unavailable, Upstream
from engine.teachers.client import Client
from engine.teachers.replies import Question, Reply
from engine.testing.asked_labels import asked_labels
from engine.testing.scripted_server import completion, refusal, scripted_app, serving
from engine.testing.simulated_model import MODEL, simulated_app

KEY = "sk-canary-1111111111"


def a_question(url: str, **changed) -> Question:
    return Question(
        **{
            "base_url": f"{url}/v1",
            "model": MODEL,
            "messages": ({"role": "system", "content": "Classify."}, {"role": "user", "content": "it broke"}),
            "parameters": {"temperature": 0, "max_tokens": 64},
            **changed,
        }
    )


def send(url: str, timeout: float = 60.0, **changed) -> Reply:
    with Client(f"{url}/v1", KEY, timeout=timeout) as client:
        return client.send(a_question(url, **changed))


def told(app: Starlette, **changed) -> Upstream:
    with serving(app) as url, pytest.raises(Upstream) as found:
        send(url, **changed)
    assert KEY not in str(found.value)
    assert "CANARY" not in str(found.value)
    assert "it broke" not in str(found.value)
    return found.value


APPS = {
    "scripted": lambda: scripted_app(lambda body: completion(body["model"], "bug")),
    "simulated": lambda: simulated_app({"it broke": "bug"}, accuracy=1.0),
}


@pytest.mark.parametrize("app", APPS)
def test_every_endpoint_gives_text_tokens_and_latency(app) -> None:
    with serving(APPS[app]()) as url:
        reply = send(url)
    assert (reply.text, reply.finish, reply.refusal, reply.is_answer) == ("bug", "stop", False, True)
    assert reply.tokens_in > 0
    assert reply.tokens_out > 0
    assert 0 < reply.latency_ms < 5000


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, KeyRejected) for status in (400, 401, 402, 403, 404, 422)),
        *((status, Unavailable) for status in (408, 500, 502, 503)),
        (429, RateLimited),
    ],
)
def test_every_status_is_one_named_error_and_one_request(status, kind) -> None:
    calls = []
    error = told(scripted_app(lambda body: calls.append(1) or refusal(status)))
    assert type(error) is kind
    assert len(calls) == 1
    assert MODEL in str(error)
    if kind is not RateLimited:
        assert str(status) in str(error)


def test_a_429_without_credit_is_a_rejected_key() -> None:
    assert type(told(scripted_app(lambda body: refusal(429, code="insufficient_quota")))) is KeyRejected


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("0.5", 0.5), ("", 0), ("soon", 0)])
def test_retry_after_is_read_in_seconds(said, seconds) -> None:
    error = told(scripted_app(lambda body: refusal(429, retry_after=said)))
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_retry_after_is_read_as_a_date_against_the_endpoints_clock() -> None:
    def late(_body: object) -> Response:  # from the moment of the answer on
        return refusal(429, retry_after=format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))

    error = told(scripted_app(late))
    assert isinstance(error, RateLimited)
    assert 85 <= error.retry_after <= 95


@pytest.mark.parametrize(
    "body",
    [
        Response("<html>", media_type="text/html"),
        Response("{", media_type="application/json"),
        JSONResponse({}),
        JSONResponse({"choices": []}),
        JSONResponse([]),
        JSONResponse("text"),
        JSONResponse({"choices": [{"index": 0}]}),
        JSONResponse({"choices": [{"message": {"content": ["x"]}}]}),
    ],
)
def test_a_body_that_is_no_completion_is_a_bad_reply(body) -> None:
    assert type(told(scripted_app(lambda _: body))) is BadReply


def test_a_reply_keeps_its_text_whatever_signs_it_holds() -> None:
    said = b'{"choices": [{"message": {"content": "a\\u0000b\\ud800c \\ud83d\\ude00"}}]}'
    with serving(scripted_app(lambda body: Response(said, media_type="application/json"))) as url:
        assert send(url).text == "a\ufffdb?c \U0001f600"


def test_a_reply_without_usage_is_booked_at_its_worst_case() -> None:
    said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "bug"}, "finish_reason": "stop"}]}
    with serving(scripted_app(lambda body: JSONResponse(said))) as url:
        question = a_question(url)
        reply = send(url)
    assert (reply.tokens_in, reply.tokens_out) == (question.input_tokens_most, 64)


def test_a_redirect_is_not_followed_so_no_key_reaches_another_host() -> None:
    met = []

    async def elsewhere(request) -> Response:
        met.append(request.headers.get("authorization"))
        return completion("m", "bug")

    async def moved(request) -> Response:
        return RedirectResponse(f"{other}/v1/chat/completions", 307)

    with serving(Starlette(routes=[Route("/v1/chat/completions", elsewhere, methods=["POST"])])) as other:
        error = told(Starlette(routes=[Route("/v1/chat/completions", moved, methods=["POST"])]))
    assert isinstance(error, Upstream)
    assert met == []


def test_the_key_is_sent_as_bearer() -> None:
    met = []

    async def answer(request) -> Response:
        met.append(request.headers["authorization"])
        return completion("m", "bug")

    with serving(Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])) as url:
        send(url)
    assert met == [f"Bearer {KEY}"]


def test_nobody_there_and_too_slow_are_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable):
            send(f"http://127.0.0.1:{port}", timeout=0.2)
    with pytest.raises(Unavailable):
        send(f"http://127.0.0.1:{port}", timeout=0.2)


def test_a_simulated_model_says_so_and_answers_to_no_other_name() -> None:
    with serving(simulated_app({"it broke": "bug"})) as url, pytest.raises(KeyRejected, match="404"):
        send(url, model="gpt-4o-mini")
    assert "simulated" in str(told(scripted_app(lambda body: refusal(401))))


def test_a_simulated_model_is_right_about_seven_times_in_ten_and_always_the_same() -> None:
    labels = ("billing", "bug", "other")
    truth = {f"ticket {number} of a customer": labels[number % 3] for number in range(400)}
    ask = [
        a_question("http://x", messages=({"role": "system", "content": prompt}, {"role": "user", "content": text}))
        for prompt, text in itertools.product(("Classify.", "Classify.\n\nExamples:"), truth)
    ]
    with serving(simulated_app(truth)) as url, Client(f"{url}/v1", KEY) as client:
        said = [client.send(question).text for question in ask]
        assert [client.send(question).text for question in ask[:50]] == said[:50]
    plain, shown = (
        sum(text == truth[question.messages[-1]["content"]] for text, question in part) / len(truth)
        for part in (list(zip(said, ask, strict=True))[:400], list(zip(said, ask, strict=True))[400:])
    )
    assert 0.64 < plain < 0.76
    assert plain <= shown < 0.78
    assert set(said) <= set(labels)


def test_a_simulated_model_finds_the_input_in_a_rendered_prompt_and_guesses_the_unknown() -> None:
    truth = {"charged twice": "billing", "page is blank": "bug"}

    def asked(text: str) -> tuple[dict[str, str], ...]:
        return ({"role": "user", "content": text},)

    with serving(simulated_app(truth, accuracy=1.0)) as url:
        assert send(url, messages=asked("e.g. charged twice: billing. Now: page is blank")).text == "bug"
        assert send(url, messages=asked("why was I charged again")).text == "billing"


LISTS = {
    "Answer with exactly one word: negative, neutral or positive.\n\nMessage: good, or bad": [
        "negative", "neutral", "positive",
    ],
    "Classify the ticket as 'billing', 'bug' or 'other', and nothing else.": ["billing", "bug", "other"],
    "Answer with one of delivery, refund, login.": ["delivery", "refund", "login"],
    "Which topic? Labels: bug | data loss | how to": ["bug", "data loss", "how to"],
    "Exactly one of these labels:\n\n- past due\n- paid\n\nExamples:\n\nInput: - a\n- b": ["past due", "paid"],
    "Classify the ticket.": [],
    "Answer with one JSON object that fits this JSON schema, and nothing else.": [],
}  # fmt: skip


@pytest.mark.parametrize("prompt", LISTS)
def test_a_simulated_model_reads_the_labels_that_a_prompt_lists(prompt: str) -> None:
    assert asked_labels(prompt) == LISTS[prompt]


def test_a_simulated_model_guesses_the_unknown_among_the_labels_of_the_prompt() -> None:
    system = {"role": "system", "content": "Answer with one of: delivery, refund, login"}
    texts = ["please refund me", *(f"text {number}" for number in range(40))]
    with serving(simulated_app({"charged twice": "billing"})) as url:
        said = [send(url, messages=(system, {"role": "user", "content": text})).text for text in texts]
    assert said[0] == "refund"
    assert set(said) == {"delivery", "refund", "login"}
