"""The examples of docs/extend.md are whole: each is held by a battery, and is written as the house writes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from jinja2 import Environment, StrictUndefined

from tests.house_rules import ROOT, modules
from tests.shown import blocks

PROMPT = "templates/prompts/rate/few_shot.txt.j2"


def test_a_battery_holds_each_example() -> None:
    batteries = [module.text for module in modules("tests") if module.path != "tests/shown.py"]
    assert blocks()
    examples = [path for path in blocks() if path.endswith(".py")]
    assert [path for path in examples if not any(f'("{path}")' in text for text in batteries)] == []


@pytest.mark.parametrize("path", [path for path in blocks() if path.endswith(".py")])
def test_an_example_is_written_as_the_house_writes(path: str) -> None:
    for checks in (["check"], ["format", "--check"]):
        asked = [sys.executable, "-m", "ruff", *checks, "--quiet", "--stdin-filename", path, "-"]
        told = subprocess.run(asked, input=blocks()[path], capture_output=True, text=True, check=False, cwd=ROOT)
        assert (told.stdout + told.stderr, told.returncode) == ("", 0)


@pytest.mark.parametrize("path", [path for path in blocks() if path.endswith(".py")])
def test_an_example_stands_where_nothing_stands_yet(path: str) -> None:
    assert not (ROOT / path).exists()
    assert (ROOT / path).parent.is_dir()


def test_the_prompt_of_an_approach_shows_its_examples_and_works_without() -> None:
    prompt = Environment(undefined=StrictUndefined, autoescape=True).from_string(blocks()[PROMPT])
    bare = prompt.render(examples=[])
    assert bare.startswith("Answer with one digit")
    assert "Input" not in bare
    assert "Input: so-so\nAnswer: 3" in prompt.render(examples=[{"input": "so-so", "output": "3"}])
