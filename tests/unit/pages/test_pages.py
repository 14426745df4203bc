"""What holds for every page: it needs nothing from outside, charts are told in words too, and it is as it was."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import pytest

from bot.pages import paper
from tests.unit.pages.told import Tree, plain_digest, plain_reading, plain_run

GOLDEN = Path(__file__).parents[2] / "golden"
PAGES = pytest.mark.parametrize("made", [plain_run, plain_reading, plain_digest], ids=["run", "reading", "digest"])


@pytest.mark.parametrize(("name", "made"), [("run", plain_run), ("reading", plain_reading), ("digest", plain_digest)])
def test_a_page_is_as_it_was(name: str, made: Any) -> None:
    path = GOLDEN / f"page.{name}.html"
    if os.environ.get("ASSAY_GOLDEN") == "write":
        path.write_text(made(), encoding="utf-8")

    assert made() == path.read_text(encoding="utf-8"), "intended? ASSAY_GOLDEN=write pytest tests/unit/pages"


@PAGES
def test_a_page_needs_nothing_from_outside_and_runs_nothing(made: Any) -> None:
    tree = Tree(made())

    assert not {tag for tag, _ in tree.tags} & {"script", "link", "img", "iframe", "object", "form", "use", "image"}
    for _, attributes in tree.tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on") or name == "src"]
        assert attributes.get("href", "#").startswith(("#", "/reports/"))


@PAGES
def test_the_one_style_is_the_one_the_policy_names(made: Any) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", made(), re.DOTALL)
    sha = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"style-src 'sha256-{sha}'" in paper.policy()
    assert "default-src 'none'" in paper.policy()
    assert "url(" not in style
    assert "@import" not in style


@PAGES
def test_every_chart_has_a_title_a_description_and_a_table_beside_it(made: Any) -> None:
    html = made()
    tree = Tree(html)
    charts = [attributes for tag, attributes in tree.tags if tag == "svg"]
    ids = [attributes["id"] for _, attributes in tree.tags if "id" in attributes]

    assert charts
    assert len(charts) % 2 == 0
    assert len(ids) == len(set(ids)), "one id, one thing"
    for chart in charts:
        assert chart["role"] == "img"
        assert set(chart["aria-labelledby"].split()) <= set(ids)
    for title in re.findall(r"<(?:title|desc) id=[^>]*>([^<]*)<", html):
        assert title.strip()
    for figure in html.split("</figure>")[1:]:
        assert "<table" in figure.split("<figure>")[0]


@PAGES
def test_colours_are_the_pages_own_so_that_dark_is_dark(made: Any) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", made(), re.DOTALL))
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', drawn))

    assert colours <= {"none", *re.findall(r"var\(--[a-z]+\)", " ".join(colours))}
