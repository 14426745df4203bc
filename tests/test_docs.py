"""The docs are true: generated pages are current, everything is documented, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from functools import cache
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from bot.cli import PROGRAMS
from bot.grammar import parse
from bot.metrics import REGISTRY
from bot.verbs import VERBS
from engine.settings import Settings
from tests.generate_docs import NOUNS, PAGES, all_errors
from tests.house_rules import ROOT, tracked

README_LINES, DECISION_LINES = 250, 60
PICTURES = ("register", "labels", "progress", "verdict", "approval", "digest")  # `make e2e` takes them
SETTINGS_MOST = 25
RELIABILITY = 17  # reliability tests of the gateway, in docs/gateway.md
FAULTS = {
    "faults": 50,
    "engine_faults": 31,
}  # rows of these pages: what Slack may do, what may go wrong under the engine

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"(?<![\w/.])((?:docs/[\w/-]+|[A-Z]{4,})\.md)(?:#([\w-]+))?")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_is_what_the_code_says(path: str) -> None:
    assert _text(path) == PAGES[path](), f"{path} is out of date; run: make docs"


def test_every_verb_setting_error_and_noun_stands_in_its_page() -> None:
    settings = [str(choice) for field in Settings.model_fields.values() for choice in _aliases(field.validation_alias)]
    assert [verb.name for verb in VERBS if f"\n## {verb.name}\n" not in _text("docs/commands.md")] == []
    assert [name for name in settings if f"`{name}`" not in _text("docs/settings.md")] == []
    assert [one.__name__ for one in all_errors() if f"`{one.__name__}`" not in _text("docs/errors.md")] == []
    assert [noun for noun in NOUNS if f"**{noun}**" not in _text("docs/glossary.md")] == []


def test_there_are_few_settings_and_each_says_what_it_is_for() -> None:
    fields = Settings.model_fields
    assert len(fields) <= SETTINGS_MOST
    assert [name for name, field in fields.items() if not (field.description or "").endswith(".")] == []
    assert [name for name, field in fields.items() if not field.examples] == []


def test_every_error_says_what_it_means() -> None:
    assert [one.__name__ for one in all_errors() if not (one.__doc__ or "").strip()] == []


def test_every_metric_is_documented() -> None:
    told = _text("docs/operate.md")
    families = re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", generate_latest(REGISTRY).decode(), re.M)
    assert families
    assert [name for name in families if f"`{name}`" not in told and not name.endswith("_created")] == []


def test_every_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z][a-z0-9-]*):.*##", _text("Makefile"), re.MULTILINE)
    assert targets
    assert [name for name in targets if f"`make {name}`" not in _text("CONTRIBUTING.md")] == []


def test_every_make_target_and_program_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", _text("Makefile"), re.MULTILINE))
    made = {(page, name) for page in _pages() for name in re.findall(r"`make ([a-z-]+)`", _text(page))}
    programs = {(page, name) for page in _pages() for name in re.findall(r"`assay ([a-z][a-z-]*)", _text(page))}
    assert {one for one in made if one[1] not in targets} == set()
    assert {one for one in programs if one[1] not in PROGRAMS} == set()


def test_every_test_that_holds_a_threat_off_is_there() -> None:
    named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", _text("docs/threats.md"))
    assert len(named) > 20
    assert [(path, name) for path, name in named if f"def {name}(" not in _text(path)] == []


@pytest.mark.parametrize("page", FAULTS)
def test_every_row_of_a_fault_table_names_a_test_that_is_there(page: str) -> None:
    rows = re.findall(r"^\| ([\d, ]+) \| .* \| ([^|]*) \|$", _text(f"docs/{page}.md"), re.MULTILINE)
    assert [int(number) for numbers, _ in rows for number in numbers.split(", ")] == list(range(1, FAULTS[page] + 1))
    for numbers, held in rows:
        named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", held)
        assert named, numbers
        assert [(path, name) for path, name in named if f"def {name}(" not in _text(path)] == [], numbers


def test_each_of_the_gateways_reliability_tests_is_there() -> None:
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|", _text("docs/gateway.md"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, RELIABILITY + 1))
    for number, held in rows:
        named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", held)
        assert named or "make soak" in held, number
        assert [(path, name) for path, name in named if f"def {name}(" not in _text(path)] == [], number


def test_every_dependency_is_documented() -> None:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    names = {re.split(r"[\[<>=]", one)[0] for one in wanted} | {
        line.partition("==")[0] for line in _text("tests/weights.txt").splitlines() if not line.startswith("#")
    }
    told = _text("docs/dependencies.md")
    assert [name for name in sorted(names) if name.removeprefix("pytest-") not in told] == []


@pytest.mark.parametrize("page", tracked(".md"))
def test_every_link_leads_somewhere(page: str) -> None:
    broken = [link for link in _LINK.findall(_prose(page)) if not _resolves(page, link)]
    assert broken == []


def test_every_page_that_code_names_exists() -> None:
    paths = [path for path in tracked(".py", ".j2", ".toml", ".sh", "Makefile") if path != "tests/test_docs.py"]
    broken = [
        f"{path}: {name}{f'#{anchor}' if anchor else ''}"
        for path in paths
        for name, anchor in _NAMED.findall(_text(path))
        if not ((ROOT / name).exists() and (not anchor or anchor in _anchors(name)))
    ]
    assert broken == []


def test_the_readme_is_short_and_its_commands_are_two() -> None:
    text = _text("README.md")
    fenced = [line.strip() for _, block in _FENCE.findall(text) for line in block.splitlines() if line.strip()]
    assert len(text.splitlines()) <= README_LINES
    assert fenced == ["make demo", "make test"]


def test_the_pictures_of_the_readme_are_those_the_browser_test_takes() -> None:
    shown = set(re.findall(r"docs/img/([\w-]+)\.png", _text("README.md")))
    taken = set(re.findall(r"\bshot\(\"([\w-]+)\"", _text("tests/e2e/test_road.py")))
    taken |= set(re.findall(r"\(\"([\w-]+)\", a_\w+\(\)\)", _text("tests/e2e/test_pictures.py")))
    there = {name for name in PICTURES if (ROOT / f"docs/img/{name}.png").exists()}
    assert shown == set(PICTURES)
    assert shown <= taken
    assert there in (set(), shown), "some pictures are missing; run: make e2e"


def test_commands_of_the_docs_are_understood() -> None:
    lines = [(page, line) for page in _pages() for tag, block in _FENCE.findall(_text(page)) if tag == "sh"
             for line in block.splitlines()]  # fmt: skip
    asked = [(page, shlex.split(line.partition("assay ")[2])) for page, line in lines if "bin/assay " in line]
    assert asked
    for page, words in asked:
        assert words[0] in PROGRAMS, (page, words)
        if words[0] == "say":
            assert parse(words[1]).verb, (page, words)


def test_a_decision_fits_a_screen_and_says_when_to_look_again() -> None:
    pages = [path for path in tracked(".md") if re.match(r"docs/decisions/\d{4}-", path)]
    numbers = [int(path.split("/")[-1][:4]) for path in sorted(pages)]
    assert numbers == list(range(1, len(pages) + 1))
    for path in pages:
        text = _text(path)
        assert len(text.splitlines()) <= DECISION_LINES, path
        assert all(f"**{part}" in text for part in ("Context", "Decision", "Refused", "Look again")), path
        assert f"({path.split('/')[-1]})" in _text("docs/decisions/README.md"), path


def test_each_guide_says_whom_it_is_for() -> None:
    generated = {*PAGES, "docs/img/README.md"}
    guides = [path for path in tracked(".md") if re.fullmatch(r"docs/[\w-]+\.md", path) and path not in generated]
    assert guides
    assert [path for path in guides if "\nFor: " not in _text(path)] == []


@cache
def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _prose(page: str) -> str:
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", _text(page)))


def _pages() -> list[str]:
    return [path for path in tracked(".md") if not path.startswith("docs/decisions/")]


def _aliases(alias: object) -> list[object]:
    return list(getattr(alias, "choices", ()))


def _resolves(page: str, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True  # another place of the internet; nothing is fetched in tests
    name, _, anchor = link.partition("#")
    target = (ROOT / page).parent / name if name else ROOT / page
    path = Path(target).resolve().relative_to(ROOT.resolve()).as_posix()
    if path.startswith("docs/img/") and path.endswith(".png"):
        return Path(path).stem in PICTURES
    return target.exists() and (not anchor or anchor in _anchors(path))


@cache
def _anchors(path: str) -> set[str]:
    headings = _HEADING.findall(_FENCE.sub("", _text(path)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
