"""Every template from its view's example: inside Slack's limits, safe from any text, the same as last time."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, nodes
from pydantic import BaseModel
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

import templates
from bot.blockkit import escape
from bot.blockkit.render import TWIN_TEXT, render, render_form, render_home
from bot.blockkit.shape import mapping, sequence, string
from bot.blockkit.validate import Surface, validate
from bot.standin.render import draw
from tests.gallery import views

ROOT = Path(templates.__file__).parent / "slack"
Change = Callable[[str, str], str]
GOLDEN = Path(__file__).parent / "golden"


VIEWS = views()
FORMS = [view for view in VIEWS if view.template.startswith("forms/")]
HOMES = [view for view in VIEWS if view.template.startswith("home/")]
MESSAGES = [view for view in VIEWS if view not in (*FORMS, *HOMES)]
SOURCES = sorted(ROOT.rglob("*.j2"))


def by_template(views: list[Any]) -> Any:
    return pytest.mark.parametrize("view", views, ids=lambda view: view.template)


# What a message shows


def test_views_and_templates_pair_one_to_one() -> None:
    named = [view.template for view in VIEWS]
    blocks = [str(path.relative_to(ROOT)).removesuffix(".j2") for path in SOURCES if not path.name.startswith("_")]

    assert sorted(named) == sorted(name for name in blocks if not name.endswith(".txt"))
    assert sorted(f"{view.template}.txt" for view in MESSAGES) == sorted(
        name for name in blocks if name.endswith(".txt")
    )


@by_template(MESSAGES)
def test_every_message_fits_and_says_all_in_its_twin(view: Any) -> None:
    said = render(view.example())

    assert said.blocks
    assert validate(said.blocks, "message") == []
    assert 0 < len(said.text) <= TWIN_TEXT
    assert not LIVE.search(said.text)
    assert len(json.dumps(said.blocks)) < 20_000


@by_template(FORMS)
def test_every_form_fits(view: Any) -> None:
    assert validate(render_form(view.example()), "modal") == []


@by_template(HOMES)
def test_every_home_fits(view: Any) -> None:
    assert validate(render_home(view.example()), "home") == []


@by_template(VIEWS)
def test_slack_sdk_finds_nothing_wrong_either(view: Any) -> None:
    rendered = _rendered(view.example())
    for block in rendered["blocks"]:
        known = Block.parse(block)
        if known is not None:  # slack_sdk does not know charts yet
            known.validate_json()
    if view not in MESSAGES:
        View(**rendered).validate_json()


@by_template(VIEWS)
def test_the_stand_in_can_draw_every_view(view: Any) -> None:
    blocks = _rendered(view.example())["blocks"]
    assert len(draw(blocks)) == len(blocks)


@by_template(VIEWS)
def test_every_example_renders_as_it_did(view: Any) -> None:
    path = GOLDEN / f"{view.template.replace('/', '.')}.json"
    found = _rendered(view.example())
    if os.environ.get("ASSAY_GOLDEN") == "write":
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    assert found == json.loads(path.read_text(encoding="utf-8")), (
        "intended? ASSAY_GOLDEN=write pytest tests/test_templates.py"
    )


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == {view.template.replace("/", ".") for view in VIEWS}


@by_template(VIEWS)
def test_the_same_view_gives_the_same_bytes(view: Any) -> None:
    assert json.dumps(_rendered(view.example())) == json.dumps(_rendered(view.example()))


# How templates are written


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_talk_and_do_not_reckon(path: Path) -> None:
    tree = Environment(extensions=["jinja2.ext.do"], autoescape=True).parse(path.read_text(encoding="utf-8"))
    reckoning = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Concat)

    assert list(tree.find_all(reckoning)) == []
    assert {found.name for found in tree.find_all(nodes.Filter)}.isdisjoint({"safe", "tojson", "forceescape", "format"})
    assert list(tree.find_all(nodes.ScopedEvalContextModifier)) == []


# Whatever a person typed

LIVE = re.compile(r"<[@#!]|<[a-z]+:")
MARK = "zqmarkzq"
SURELY_SHOWN = 16  # the label of a chart is the shortest place, and cut with an ellipsis
NASTY = st.text(
    st.one_of(
        st.sampled_from(list("<>&\"'\\ |{}%\n\u2028\u200b\u202e\u05d0🙂éZ9")),
        st.characters(exclude_categories=("Cs", "Cc")),
    ),
    max_size=40,
).filter(str.strip)
ATTACKS = (
    "<!channel> <@U1> <#C1|x> <http://x.example|y> & \"q\" 's' \\ end",
    "&lt;!here&gt; &amp;lt; &#34; {{ 7*7 }} {% raw %}",
    "two\nlines\u2028and\u200b\u202e more 🙂",
    ']}}, {"type": "divider"}',
)


@by_template(VIEWS)
@given(text=st.one_of(NASTY, st.sampled_from(ATTACKS), st.just("x" * 10_000), st.just("<" * 10_000)))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_breaks_a_message_or_comes_alive(view: Any, text: str) -> None:
    if escape.PERSON.fullmatch(text) or escape.CHANNEL.fullmatch(text) or escape.ADDRESS.fullmatch(text):
        return
    found = _changed(view.example(), _everywhere(text))
    rendered = _rendered(found)

    assert rendered["text"] if "text" in rendered else rendered["blocks"]
    assert validate(rendered["blocks"], _surface(view)) == []
    assert rendered["blocks"]
    assert len(rendered.get("text", "")) <= TWIN_TEXT
    assert not LIVE.search(rendered.get("text", ""))
    for marked in _marked(rendered["blocks"]):
        assert not LIVE.search(re.sub(r"<!date\^\d+\^[^<>]*>", "", marked))


@by_template(VIEWS)
@pytest.mark.parametrize("text", ATTACKS)
def test_what_a_reader_sees_is_what_was_typed(view: Any, text: str) -> None:
    example = view.example()
    for path in _shown(view):
        assert _norm(text)[:SURELY_SHOWN] in _seen(_rendered(_changed(example, _only(path, text)))), path


@cache
def _shown(view: Any) -> list[str]:
    """Where in a view's example the texts stand that a reader sees."""
    example = view.example()
    return [path for path, _ in _leaves(example) if MARK in _seen(_rendered(_changed(example, _only(path, MARK))))]


def _everywhere(text: str) -> Change:
    def changed(_path: str, _was: str) -> str:
        return text

    return changed


def _only(path: str, text: str) -> Change:
    def changed(at: str, was: str) -> str:
        return text if at == path else was

    return changed


def _surface(view: Any) -> Surface:
    return "message" if view in MESSAGES else "home" if view in HOMES else "modal"


def _rendered(view: Any) -> dict[str, Any]:
    if view.template.startswith("forms/"):
        return render_form(view)
    if view.template.startswith("home/"):
        return render_home(view)
    said = render(view)
    return {"blocks": said.blocks, "text": said.text}


def _changed(value: Any, change: Change, path: str = "", *, closed: bool = False) -> Any:
    """The value with each free text changed; closed words (enums, literals) stay."""
    if isinstance(value, str):
        return value if closed or isinstance(value, Enum) else change(path, value)
    if isinstance(value, tuple):
        parts = cast("tuple[Any, ...]", value)
        return tuple(_changed(part, change, f"{path}/{index}") for index, part in enumerate(parts))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = get_type_hints(type(value))
        names = [field.name for field in dataclasses.fields(value)]
        return dataclasses.replace(value, **{name: _field(value, name, hints, change, path) for name in names})
    if isinstance(value, BaseModel):
        hints = get_type_hints(type(value))
        return value.model_copy(
            update={name: _field(value, name, hints, change, path) for name in type(value).model_fields}
        )
    return value


def _field(value: Any, name: str, hints: dict[str, Any], change: Any, path: str) -> Any:
    closed = get_origin(hints[name]) is Literal
    return _changed(getattr(value, name), change, f"{path}.{name}", closed=closed)


def _leaves(value: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def noted(path: str, old: str) -> str:
        found.append((path, old))
        return old

    _changed(value, noted)
    return found


def _marked(found: Any) -> list[str]:
    """The texts Slack parses."""
    own = [string(mapping(found)["text"])] if mapping(found).get("type") == "mrkdwn" else []
    return own + [text for part in (*sequence(found), *mapping(found).values()) for text in _marked(part)]


def _seen(found: dict[str, Any]) -> str:
    """All a reader sees, in blocks alone, with escapes undone where Slack undoes them."""
    return _norm(" ".join(_texts(found["blocks"])))


def _texts(found: Any) -> list[str]:
    node = mapping(found)
    raw = [string(node.get(name)) for name in ("text", "title", "label", "initial_value")]
    undone = [text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for text in raw]
    own = [text for text in (undone if node.get("type") == "mrkdwn" else raw) if text]
    return own + [text for part in (*sequence(found), *node.values()) for text in _texts(part)]


def _norm(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
