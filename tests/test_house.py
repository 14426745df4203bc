"""The house rules that a machine can hold; CONTRIBUTING.md says why. Each test names what breaks them."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import house_rules as house
from tests.house_rules import ROOT, Module

LINES_MOST = 300
MEDIAN_MOST, P95_MOST, LONGEST = 9, 50, 120
POSITIONAL_MOST = 4
HIDDEN_MOST = 12

# Whoever catches everything must be one of these, log it once and tell a person a reference.
ERROR_BOUNDARIES = {"bot/app.py", "engine/worker.py", "engine/gateway/app.py"}
UNTYPED_EDGES = {
    "engine/train/_causal.py", "engine/train/_decoder.py", "engine/train/_torch.py", "engine/train/_trainer.py",
    "engine/servers/local.py",
    "engine/runners/ray.py",
}  # fmt: skip
HEAVY_EDGES = ("engine/train/", "engine/jobs/", "engine/servers/local.py")
SCIPY_EDGES = {"engine/rules/distributions.py", "engine/rules/metrics.py"}

# Calls that may run while a module is imported: they make a value or a declaration, and touch nothing.
AT_IMPORT = {
    "AfterValidator", "model_validator", "Family",  # the gateway's route file and metrics
    "AliasChoices", "Column", "ConfigDict", "ContextVar", "DateTime", "Field", "Index", "NewType", "ParamSpec", "Path",
    "SecretStr", "SettingsConfigDict", "String", "TypeVar", "UniqueConstraint", "dataclass", "datetime",
    "dict.fromkeys", "field", "field_validator", "frozenset", "logging.getLogger", "logging.makeLogRecord",
    "lru_cache", "re.compile", "str.maketrans", "time", "timedelta", "torch.inference_mode", "torch.no_grad", "tuple",
    "vars",
    "CollectorRegistry", "Counter", "Gauge", "Histogram",     # bot/metrics.py, in a registry of our own
    "button", "command", "form", "shortcut", "Registry",      # the bot's stories
    "Classify", "Extract", "Reason", "Voice",                 # plug-ins, which keep no state
    "Frozen", "Full", "LoraCausal", "LoraEncoder", "Majority", "Tfidf",
    "word", "words_check", "listed",                          # columns of closed words
}  # fmt: skip

BANNED = {
    "common", "data", "handler", "helper", "helpers", "info", "item", "items", "manager", "misc", "my", "new",
    "object", "objects", "process", "temp", "util", "utils",
}  # fmt: skip
# Words that are somebody else's: Slack's block types, hooks of SQLAlchemy and asyncio, and a manager is a person.
BORROWED = {
    "bot/blockkit/data_blocks.py", "data_table", "DATA_TABLE_PAGE", "DATA_TABLE_ROWS", "DATA_TABLE_ROWS_LEAST",
    "DATA_TABLE_TEXT", "data_received", "process_bind_param", "process_result_value", "MANAGER",
}  # fmt: skip

LOGS = re.compile(r"log\.(debug|info|warning|error|exception|critical|log)")
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
HEAVY = ("torch", "transformers", "peft", "trl", "sklearn")
STARTS = (
    "import bot.app, bot.commands; bot.commands.load()",
    "import engine.worker, engine.runners.local, engine.train.ladder as train; train.ladder()",
    "import engine.approaches.registry as known; [known.approach_of(name) for name in known.approach_names()]",
    "import bot.cli; bot.cli.main(['scheduler', '--help'])",
    "import bot.cli; bot.cli.main(['gateway', '--help'])",
    "import bot.cli.demo, bot.cli.say, bot.cli.files, bot.cli.doctor",
)


def test_no_file_has_more_than_300_lines() -> None:
    paths = [path for path in house.tracked(".py", ".j2", ".js", ".css") if "/migrations/" not in path]
    counts = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {path: lines for path, lines in counts.items() if lines > LINES_MOST} == {}


def test_functions_are_short() -> None:
    sizes = [((one.end_lineno or 0) - one.lineno + 1, module.path, one.name) for module in house.source()
             for one in module.functions]  # fmt: skip
    lines = sorted(size for size, _, _ in sizes)
    assert statistics.median(lines) <= MEDIAN_MOST
    assert lines[int(len(lines) * 0.95)] <= P95_MOST
    assert [one for one in sizes if one[0] > LONGEST] == []


def test_at_most_four_parameters_may_be_given_by_place() -> None:
    borrowed = {"redirect_request"}  # urllib's own signature
    found = [
        f"{module.path}:{one.lineno} {one.name}"
        for module in house.source()
        for one in module.functions
        if len(house.positional(one)) > POSITIONAL_MOST
        and one.name not in borrowed
        and not _is_published_rule(module, one.name)
    ]
    assert found == []


def test_importing_a_module_does_nothing() -> None:
    values = {one.name for module in house.source() for one in module.classes if _is_value(one)}
    found = [
        f"{module.path}:{call.lineno} {house.called(call)}"
        for module in house.source()
        for call in house.calls_at_import(module)
        if house.called(call) not in AT_IMPORT | values and not module.path.endswith("__main__.py")
    ]
    assert found == []


def test_tests_replace_services_and_never_patch() -> None:
    patches = re.compile(r"unittest\.mock|MagicMock|monkeypatch\.setattr|mocker\b|pytest_mock")
    found = [module.path for module in house.modules("tests") if patches.search(module.text)]
    assert found == ["tests/test_house.py"]  # where the words stand above


def test_everything_is_caught_at_the_error_boundaries_alone() -> None:
    found = {module.path for module in house.source() for one in module.nodes if _catches_everything(one)}
    assert found <= ERROR_BOUNDARIES
    assert "bot/app.py" in found


def test_only_the_command_line_prints() -> None:
    found = [
        f"{module.path}:{call.lineno}"
        for module in house.source()
        for call in module.calls
        if house.called(call) in ("print", "pprint", "sys.stdout.write") and not module.path.startswith("bot/cli/")
    ]
    assert found == []


def test_log_calls_name_an_event_and_build_no_text() -> None:
    found = [
        f"{module.path}:{call.lineno} {ast.unparse(call)}"
        for module in house.source()
        for call in module.calls
        if LOGS.fullmatch(house.called(call)) and not _names_an_event(call)
    ]
    assert found == []


def test_nothing_is_left_undone() -> None:
    undone = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    found = [module.path for module in house.source() if undone.search(module.text)]
    empty = [
        f"{module.path}:{one.lineno} {one.name}"
        for module in house.source()
        for holder in module.nodes
        if not (isinstance(holder, ast.ClassDef) and "Protocol" in ast.unparse(ast.Tuple(holder.bases)))
        for one in ast.iter_child_nodes(holder)
        if isinstance(one, house.Function) and _is_empty(one)
    ]
    assert (found, empty) == ([], [])


def test_imports_stand_at_the_top() -> None:
    found: dict[str, list[str]] = {}
    for module in house.source():
        hidden = [one for function in module.functions for one in ast.walk(function)
                  if isinstance(one, ast.Import | ast.ImportFrom)]  # fmt: skip
        if hidden:
            found[module.path] = [ast.unparse(one) for one in hidden]
    heavy = [line for path, lines in found.items() if path.startswith(HEAVY_EDGES) for line in lines]
    scipy = [line for path in SCIPY_EDGES for line in found.get(path, [])]
    elsewhere = {path for path in found if not path.startswith(HEAVY_EDGES)} - SCIPY_EDGES
    assert elsewhere == set()
    assert len(heavy) <= HIDDEN_MOST
    assert all("scipy" in line for line in scipy)


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = {module.name for module in house.source()}
    leads = {module.name: {one for one in house.imported(module) if one in known and one != module.name}
             for module in house.source()}  # fmt: skip
    while leaves := [name for name, targets in leads.items() if not targets & leads.keys()]:
        for name in leaves:
            del leads[name]
    assert leads == {}


def test_types_are_strict_but_at_the_named_edges() -> None:
    basic = {module.path for module in house.source() if re.search(r"^# pyright: ?(basic|standard)", module.text, re.M)}
    given = [one for module in house.source() for one in module.functions]
    assert basic <= UNTYPED_EDGES
    assert sum(map(house.is_typed, given)) / len(given) >= 0.97


def test_a_silenced_checker_is_told_which_rule_and_why() -> None:
    silencer = re.compile(r"#\s*(type: ignore|pyright: ignore|noqa)")
    reasoned = re.compile(
        r"#\s*(type: ignore\[[^\]]+\]|pyright: ignore\[[^\]]+\]|noqa: [A-Z]+\d+(, [A-Z]+\d+)*)[\s#(-]*\w{2}"
    )
    found = [
        f"{module.path}:{line} {text}"
        for module in house.source()
        for line, text in house.comments(module)
        if silencer.search(text) and not reasoned.search(text)
    ]
    assert found == []


def test_no_name_is_one_that_says_nothing() -> None:
    found = [
        f"{module.path}:{line} {name}"
        for module in house.source()
        for line, name in house.names_given(module)
        if house.words_of(name) & BANNED and name not in BORROWED
    ]
    files = [module.path for module in house.source()
             if house.words_of(module.path.rsplit("/", 1)[-1].removesuffix(".py")) & BANNED]  # fmt: skip
    assert found == []
    assert set(files) <= BORROWED


def test_comments_and_docstrings_are_neither_missing_nor_noise() -> None:
    lines = sum(len(module.text.splitlines()) for module in house.source())
    remarks = sum(len(house.comments(module)) for module in house.source())
    told = sum(house.docstring_lines(module) for module in house.source())
    assert 0.005 <= remarks / (lines - remarks - told) <= 0.20
    assert 0.03 <= told / lines <= 0.30


def test_nothing_logs_what_people_wrote_or_what_opens_doors() -> None:
    secret = re.compile(r"prompt|token|secret|key|body|text|input|output|reply|content|mail|password", re.I)
    harmless = {"tokens_in", "tokens_out"}
    found = [
        f"{module.path}:{call.lineno} {one}"
        for module in house.source()
        for call in module.calls
        if LOGS.fullmatch(house.called(call))
        for one in _facts(call)
        if secret.search(one) and one not in harmless
    ]
    assert found == []


@pytest.fixture(scope="module")
def started() -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Every start in an interpreter of its own, all at once; each says at its end what heavy things it loaded."""
    look = f"import atexit, sys; atexit.register(lambda: print('LOADED', *{set(HEAVY)} & sys.modules.keys()))"
    pipe = subprocess.PIPE
    words = {start: [sys.executable, "-c", f"{look}\n{start}"] for start in STARTS}
    running = {start: subprocess.Popen(words[start], stdout=pipe, stderr=pipe, text=True, cwd=ROOT) for start in STARTS}
    yield running
    for program in running.values():  # another worker of pytest may have asked after some of them
        if program.returncode is None:
            program.communicate(timeout=60)


@pytest.mark.parametrize("start", STARTS)
def test_no_program_loads_what_only_children_need(start: str, started: dict[str, subprocess.Popen[str]]) -> None:
    said, complained = started[start].communicate(timeout=60)
    assert said.splitlines()[-1:] == ["LOADED"], said + complained


def _is_published_rule(module: Module, name: str) -> bool:
    """Public functions of the rules have signatures that outside tests call by place (docs/decisions/0002)."""
    return module.path.startswith("engine/rules/") and not name.startswith("_")


def _is_value(one: ast.ClassDef) -> bool:
    frozen = any("dataclass" in ast.unparse(mark) for mark in one.decorator_list)
    return frozen or any(ast.unparse(base) in ("Value", "NamedTuple") for base in one.bases)


def _catches_everything(node: ast.AST) -> bool:
    broad = re.compile(r"\b(Base)?Exception\b")
    if isinstance(node, ast.ExceptHandler):
        caught = node.type is None or bool(broad.search(ast.unparse(node.type)))
        return caught and not any(isinstance(one, ast.Raise) and one.exc is None for one in ast.walk(node))
    called = isinstance(node, ast.Call) and house.called(node).endswith("suppress")
    return called and any(broad.search(ast.unparse(one)) for one in getattr(node, "args", []))


def _names_an_event(call: ast.Call) -> bool:
    said = call.args[0] if len(call.args) == 1 else None
    if isinstance(said, ast.Constant):
        return isinstance(said.value, str) and bool(EVENT.fullmatch(said.value))
    return isinstance(said, ast.Name)  # an event handed down as it is; text that is built is no name


def _is_empty(one: house.Function) -> bool:
    body = one.body[1:] if ast.get_docstring(one) is not None else one.body
    return all(isinstance(line, ast.Pass) or ast.unparse(line) == "..." for line in body)


def _facts(call: ast.Call) -> list[str]:
    extra = next((one.value for one in call.keywords if one.arg == "extra"), None)
    keys = extra.keys if isinstance(extra, ast.Dict) else []
    return [str(key.value) for key in keys if isinstance(key, ast.Constant)]
