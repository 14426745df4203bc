"""How a decoder answers hangs on its weights and its template alone, whatever else came with it."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from engine.train.profile import Profile
from tests.training.tiny import tiny_decoder

pytestmark = [pytest.mark.torch, pytest.mark.xdist_group("torch")]

TEXTS = ["a red house", "a green door", "the old blue car", "tea"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import_module("torch").set_num_threads(1)
    return tiny_decoder(tmp_path_factory.mktemp("decoder") / "tiny", TEXTS)


def decoder_of(folder: Path) -> Any:
    return import_module("engine.train._decoder").Decoder(folder, Profile("cpu", 1, "fp32", 1.0))


def test_how_its_maker_had_the_base_write_changes_no_answer(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    made = {"eos_token_id": 1, "repetition_penalty": 1.5, "do_sample": True, "temperature": 0.7, "top_k": 5}
    (other / "generation_config.json").write_text(json.dumps(made), encoding="utf-8")
    plain, changed = decoder_of(folder), decoder_of(other)
    asked = [plain.question(text) for text in TEXTS]
    assert plain.answers(asked, 12) == changed.answers(asked, 12)


def test_where_answers_are_long_a_question_of_a_usual_length_is_answered(folder: Path) -> None:
    decoder, answerer_of = decoder_of(folder), import_module("engine.train._causal").CausalAnswerer
    decoder.longest = 64  # of a row of train; its context of 256 is longer
    said = [answerer_of(decoder, tokens).answer([TEXTS[0]])[0].text for tokens in (60, 250)]
    assert [bool(text) for text in said] == [True, False]
