"""Every command a message tells is understood when it is typed as it is told."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import templates
from bot.blockkit.render import render, render_form, render_home
from bot.grammar import parse
from engine.errors import Refused
from tests.gallery import views
from tests.house_rules import ROOT

TOLD = re.compile(r"(?<![\w/])/assay (?!without )(?=[a-z])([^\n`]*)")
WHOLE = re.compile(
    r'(?:"[^"]*"|(?! · | \(| and | or )[^".,;:)<]|[.,;:)](?![\s.]|$|"))*'
)  # a command, to its sentence's end
LEFT_OUT = ("notice/help",)  # names the verbs
STANDS_FOR = {  # placeholders that are no slug
    "usage(verb)": "help",
    "verb.example": "help",
    "view.usage": "help",
    "view.words": "help",
    "view.starts": "help",
    "view.more_labels": "help",
    "view.steps": "help",
    "told.starts": "help",
    "line.words": "help",
    "hand.line.words": "help",
    "one.words": "help",
    "words": "help",
    "line": "help",
    "verb.name": "help",
    "verb": "show",
    "word": "queue",
    "step": "sign",
    "condition": "tenure",
    "name": "margin",
    "of": " ticket-router",
    "example": "approach=classify",
    "EXAMPLES[step]": "fact=on_call",
    "EXAMPLES['sign']": "fact=on_call",
}


def commands(text: str) -> Iterator[str]:
    """The commands a text tells, each up to the end of its sentence; what shows how a verb is built up is none."""
    for found in TOLD.finditer(text):
        command = _whole(found[1])
        if "[" not in command and "|" not in command:
            yield command.replace("@…", "@ann")


def _whole(rest: str) -> str:
    found = WHOLE.match(rest)
    assert found is not None
    return found[0].strip()


def sentences(tree: ast.AST) -> Iterator[str]:
    """Every string of a module but docstrings, with what stands for its placeholders."""
    passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if isinstance(node, ast.JoinedStr):
            passed |= {id(part) for part in node.values}
            yield "".join(_part(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    value = part.value.body if isinstance(part.value, ast.IfExp) else part.value
    if isinstance(value, ast.JoinedStr):
        return "".join(_part(piece) for piece in value.values)
    return str(value.value) if isinstance(value, ast.Constant) else _stands_for(ast.unparse(value))


def _stands_for(placeholder: str) -> str:
    quoted = re.match(r'"([a-z]+)" if ', placeholder)
    return quoted[1] if quoted else STANDS_FOR.get(placeholder, "ticket-router")


def texts(said: Any) -> Iterator[str]:
    """Every text of a payload."""
    match said:
        case str():
            yield said
        case dict():
            yield from texts([*cast("dict[str, Any]", said).values()])
        case list():
            for piece in cast("list[Any]", said):
                yield from texts(piece)
        case _:
            pass


def not_understood(told: Iterator[str]) -> dict[str, str]:
    """What each text tells that nobody could type, and why."""
    wrong: dict[str, str] = {}
    for command in (command for text in told for command in commands(text)):
        try:
            parse(command)
        except Refused as error:
            wrong[command] = str(error)
    return wrong


@pytest.mark.parametrize(
    "view", [one for one in views() if one.template not in LEFT_OUT], ids=lambda view: view.template
)
def test_every_command_of_a_message_is_understood(view: Any) -> None:
    example = view.example()
    kind = view.template.partition("/")[0]
    drawn = render_form if kind == "forms" else render_home if kind == "home" else render
    shown: Any = drawn(example)
    assert not_understood(texts(shown if isinstance(shown, dict) else [shown.blocks, shown.said])) == {}


def test_every_command_that_a_sentence_in_the_code_tells_is_understood() -> None:
    modules = [path for room in ("bot", "engine") for path in sorted((ROOT / room).rglob("*.py"))]
    telling = [source for path in modules if "/assay " in (source := path.read_text(encoding="utf-8"))]
    told = [sentence for source in telling for sentence in sentences(ast.parse(source)) if "/assay " in sentence]
    assert len(told) > 100
    assert not_understood(iter(told)) == {}


def test_every_command_that_stands_in_a_template_is_understood() -> None:
    told: list[str] = []
    for path in sorted(Path(templates.__file__).parent.rglob("*.j2")):
        source = re.sub(r"\{%.*?%\}", "\n", path.read_text(encoding="utf-8"))
        told.append(re.sub(r"\{\{\s*(.*?)\s*\}\}", lambda found: _stands_for(found[1]), source))
    assert not_understood(iter(told)) == {}
