"""vLLM, Fireworks and Together by recorded shapes on a real socket. None of it ever ran against the live service."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openai
import pytest

from engine.approaches import Task
from engine.approaches.classify import Classify
from engine.errors import BadReply, KeyRejected, NotReady, RateLimited, Unavailable, WorkFailed
from engine.evals.parity import agreement
from engine.evals.rows import DatasetRow
from engine.models.investigation import Prediction
from engine.servers import Condition
from engine.servers.fireworks import Fireworks
from engine.servers.provider import Billing, DeploymentState, Provider, ProviderServer, name_of
from engine.servers.together import Together
from engine.servers.vllm import Fingerprint, VllmServer
from engine.store.artifacts import Artifacts
from engine.testing.scripted_server import serving
from tests.contract import clouds
from tests.contract.clouds import KEY, Cloud
from tests.shown import shown

BASE = "base-8b"
EXAMPLE = shown("engine/servers/acme.py")  # the one that docs/extend.md shows
HANDLES = {"fireworks": clouds.fireworks, "together": clouds.together, "acme": clouds.acme}
EXPECTED_DAY = {"fireworks": 2.90 * 24, "together": 0.04 * 1_440, "acme": 2.0 * 24}


SORTING = Task(approach="classify", classes=("billing", "refund"))


def an_adapter(home: Path, *, rank: int = 16, weights: bool = True) -> tuple[Artifacts, str]:
    store = Artifacts(f"file://{home / 'artifacts'}")
    with tempfile.TemporaryDirectory() as name:
        config = {"r": rank, "target_modules": ["q_proj", "v_proj"], "peft_type": "LORA"}
        (Path(name) / "adapter_config.json").write_text(json.dumps(config))
        if weights:
            (Path(name) / "adapter_model.safetensors").write_bytes(b"weights")
        return store, store.put(Path(name))


@contextmanager
def at(name: str, cloud: Cloud, key: str = KEY) -> Generator[Provider]:
    with serving(clouds.app_of(cloud, HANDLES[name])) as url:
        if name == "fireworks":
            yield Fireworks(key, api=url)
        elif name == "acme":
            yield EXAMPLE.Acme(key, api=f"{url}/v1")
        else:
            yield Together(key, lambda artifact: f"https://bucket.example/{artifact}.tar.gz", api=f"{url}/v1")


def until_done(act: Callable[[], object]) -> object:
    """As the engine does: what is not done yet is asked again at the next look."""
    for _ in range(5):
        try:
            return act()
        except Unavailable:
            continue
    raise AssertionError("it never was done")


@pytest.mark.parametrize("name", HANDLES)
def test_an_adapter_is_sent_once_served_once_and_its_end_is_proved(name: str, tmp_path: Path) -> None:
    store, artifact = an_adapter(tmp_path)
    cloud = Cloud()
    with at(name, cloud) as provider:
        server = ProviderServer(provider, store, tmp_path / "cache", BASE)
        assert server.health(artifact).condition is Condition.DOWN
        where = until_done(lambda: server.ensure(artifact))
        assert until_done(lambda: server.ensure(artifact)) == where
        assert server.health(artifact).condition is Condition.READY
        assert [one.is_ours for one in provider.deployments()] == [True]
        (deployed,) = provider.deployments()
        assert deployed.daily_usd == pytest.approx(EXPECTED_DAY[name])
        used = provider.usage(deployed, datetime.now(UTC) - timedelta(hours=12))
        assert used.estimated
        assert used.cost_usd == pytest.approx(EXPECTED_DAY[name] / 2, rel=0.01)
        provider.scale(deployed, 0)
        assert provider.deployments()[0].state is DeploymentState.STOPPED
        server.unload(artifact)
        server.unload(artifact)
        assert provider.deployments() == []
        assert provider.teardown(deployed).deployment == deployed.id, "what is gone is gone"
    assert cloud.count("POST", "/models") + cloud.count("POST", "/deployments") + cloud.count("POST", "/endpoints") <= 3
    sent = json.dumps([body for _, _, body in cloud.asked if not isinstance(body, bytes)])
    assert name_of(artifact) in sent
    assert BASE in sent


def test_fireworks_gets_both_files_whole_and_waits_until_they_are_read(tmp_path: Path) -> None:
    store, artifact = an_adapter(tmp_path)
    cloud = Cloud(starts=False)
    with at("fireworks", cloud) as provider:
        server = ProviderServer(provider, store, tmp_path / "cache", BASE)
        with pytest.raises(Unavailable, match="not done"):
            server.ensure(artifact)
        cloud.starts = True
        found = server.ensure(artifact)
    files = {path.rpartition("/")[2]: body for method, path, body in cloud.asked if method == "PUT"}
    assert files["adapter_model.safetensors"] == b"weights"
    assert set(files) == {"adapter_config.json", "adapter_model.safetensors"}
    made = next(body for method, path, body in cloud.asked if (method, path) == ("POST", "/v1/accounts/acme/models"))
    details = {"baseModel": BASE, "r": 16, "targetModules": ["q_proj", "v_proj"]}
    assert made["model"] == {"kind": "HF_PEFT_ADDON", "peftDetails": details}
    assert found.model == f"accounts/acme/models/{name_of(artifact)}#accounts/acme/deployments/{name_of(artifact)}"


def test_the_example_of_the_docs_sends_again_what_a_kill_kept_from_coming(tmp_path: Path) -> None:
    store, artifact = an_adapter(tmp_path)
    cloud = Cloud(models={name_of(artifact): {}})  # named, and then killed
    with at("acme", cloud) as provider:
        ProviderServer(provider, store, tmp_path / "cache", BASE).ensure(artifact)
    assert cloud.files["adapter_model.safetensors"] == b"weights"
    assert cloud.count("POST", "/adapters") == 0


def test_together_fetches_from_an_address_on_the_cheapest_hardware(tmp_path: Path) -> None:
    store, artifact = an_adapter(tmp_path)
    cloud = Cloud()
    with at("together", cloud) as provider:
        until_done(lambda: ProviderServer(provider, store, tmp_path / "cache", BASE).ensure(artifact))
        quote = provider.quote(BASE)
    asked = {path: body for method, path, body in cloud.asked if method == "POST"}
    assert asked["/v1/models"]["model_source"] == f"https://bucket.example/{artifact}.tar.gz"
    assert (asked["/v1/models"]["model_type"], asked["/v1/models"]["base_model"]) == ("adapter", BASE)
    assert asked["/v1/endpoints"]["hardware"] == "1x_nvidia_a100_80gb_sxm"
    assert quote.serve_month_usd == pytest.approx(0.04 * 730 * 60)
    assert provider.caps().billing is Billing.GPU_SECOND


@pytest.mark.parametrize("name", HANDLES)
@pytest.mark.parametrize(
    ("status", "error"),
    [(401, KeyRejected), (403, KeyRejected), (429, RateLimited), (500, Unavailable), (400, BadReply)],
)
def test_a_failing_provider_is_one_of_our_errors(name: str, status: int, error: type[Exception]) -> None:
    with at(name, Cloud(status=status)) as provider, pytest.raises(error):
        provider.deployments()


@pytest.mark.parametrize("name", HANDLES)
def test_what_a_provider_cannot_serve_is_refused_before_it_is_asked(name: str, tmp_path: Path) -> None:
    cloud = Cloud()
    with at(name, cloud) as provider:
        refused = (
            (an_adapter(tmp_path, weights=False), "this candidate is none"),
            (an_adapter(tmp_path, rank=128), "64"),
        )
        for (store, artifact), said in refused:
            with pytest.raises(NotReady, match=said):
                ProviderServer(provider, store, tmp_path / "cache", BASE).ensure(artifact)
        store, artifact = an_adapter(tmp_path)
        with pytest.raises(NotReady, match="base model is called"):
            ProviderServer(provider, store, tmp_path / "cache", "").ensure(artifact)
    assert {method for method, _, _ in cloud.asked} <= {"GET"}


@pytest.mark.parametrize(
    ("task", "answer", "reply", "is_known"),
    [
        (SORTING, "billing", ' {"label": "Billing"}', True),
        (SORTING, "billing", "refund", False),
        (Task(approach="reason"), "17", "There are 12 and 5.\n\nAnswer: 17.0", True),
        (Task(approach="reason"), "17", "There are 12 and 6.\n\nAnswer: 18", False),
    ],
)
def test_a_fingerprint_is_read_as_the_answers_of_its_task_are(
    task: Task, answer: str, reply: str, is_known: bool
) -> None:
    assert Fingerprint(prompt="x", answer=answer, task=task).is_answer(reply) is is_known


def test_what_is_compared_with_offline_answers_is_asked_without_chance() -> None:
    cloud, row = Cloud(), DatasetRow(id="r1", input="my card was charged twice", output="billing")
    offline = Prediction(row_id="r1", output="billing", correct=True, score=1.0, valid=True, latency_ms=1.0)
    with (
        serving(clouds.app_of(cloud, clouds.vllm)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client,
    ):
        found = agreement(
            client, "m", rows=[row], offline=[offline], approach=Classify(), task=SORTING, progress=lambda *_: None
        )
    assert (found.agree, cloud.asked[-1][2]["temperature"]) == (1, 0)


def test_vllm_loads_under_the_hash_and_proves_it_by_a_known_answer(tmp_path: Path) -> None:
    store, artifact = an_adapter(tmp_path)
    cloud = Cloud()
    known = Fingerprint(prompt="my card was charged twice", answer="billing", task=SORTING)
    with serving(clouds.app_of(cloud, clouds.vllm)) as url:
        server = VllmServer(f"{url}/v1", KEY, store, cache=tmp_path / "cache", fingerprint=lambda _artifact: known)
        assert server.health(artifact).condition is Condition.DOWN
        found = server.ensure(artifact)
        assert (found.model, server.ensure(artifact), server.served()) == (artifact, found, [artifact])
        assert cloud.count("POST", "/v1/load_lora_adapter") == cloud.count("POST", "/v1/chat/completions") == 1
        assert cloud.models[artifact]["lora_path"] == str(tmp_path / "artifacts" / artifact)
        server.unload(artifact)
        server.unload(artifact)
        cloud.answer = "refund"
        with pytest.raises(WorkFailed, match="fingerprint"):
            server.ensure(artifact)
        assert server.health(artifact).condition is Condition.DOWN, "the wrong adapter is not left there"
        other, no_adapter = an_adapter(tmp_path, weights=False)
        del other
        with pytest.raises(NotReady, match="this candidate is none"):
            server.ensure(no_adapter)
    with pytest.raises(Unavailable):
        server.health(artifact)
