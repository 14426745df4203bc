"""What the house tests read: our files, parsed once, and questions about them. The rules stand in the tests."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE_FOLDERS = ("bot", "engine", "templates")
Function = ast.FunctionDef | ast.AsyncFunctionDef
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True)
class Module:
    """One Python file: where it is, what it says, how Python reads it."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]

    @property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in self.nodes if isinstance(node, ast.ClassDef)]

    @property
    def calls(self) -> list[ast.Call]:
        return [node for node in self.nodes if isinstance(node, ast.Call)]


@cache
def tracked(*endings: str) -> list[str]:
    """Files of the repository, those about to be added too; generated and ignored ones are not ours."""
    asked = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in listed if path.endswith(endings) and (ROOT / path).exists()]


@cache
def modules(*folders: str) -> list[Module]:
    """Python files under folders; migrations are Alembic's shape and left out."""
    found = [path for path in tracked(".py") if path.split("/")[0] in folders and "/migrations/" not in path]
    return [Module(path, (ROOT / path).read_text(encoding="utf-8")) for path in found]


def source() -> list[Module]:
    """Our own code, without the tests."""
    return modules(*SOURCE_FOLDERS)


def words_of(name: str) -> set[str]:
    """The words a name is made of, small letters."""
    return {word.lower() for word in _WORD.findall(name)}


def called(call: ast.Call) -> str:
    """What is called, as written."""
    return ast.unparse(call.func)


def calls_at_import(module: Module) -> Iterator[ast.Call]:
    """Calls that run when the module is imported: bodies of functions wait, decorators and defaults do not."""
    for statement in module.tree.body:
        if not (isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)):
            yield from _eager(statement)


def _eager(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, Function | ast.Lambda):
        now = [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
        now += [] if isinstance(node, ast.Lambda) else node.decorator_list
        for one in now:
            yield from _eager(one)
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _eager(child)


def positional(function: Function) -> list[str]:
    """Parameters a caller may give by place, without self and cls."""
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def overrides(function: Function) -> bool:
    """Whether the signature is another library's, as ``@override`` says."""
    return any(ast.unparse(one) == "override" for one in function.decorator_list)


def names_given(module: Module) -> Iterator[tuple[int, str]]:
    """Every name the module makes: functions, classes, parameters, variables, attributes; with its line."""
    for node in module.nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr
            case _:
                pass


def comments(module: Module) -> list[tuple[int, str]]:
    """Every comment with its line."""
    found = tokenize.generate_tokens(io.StringIO(module.text).readline)
    return [(one.start[0], one.string) for one in found if one.type == tokenize.COMMENT]


def docstring_lines(module: Module) -> int:
    """Lines of docstrings."""
    holders = [node for node in module.nodes if isinstance(node, ast.Module | ast.ClassDef | Function)]
    told = [one.body[0] for one in holders if one.body and ast.get_docstring(one) is not None]
    return sum((one.end_lineno or one.lineno) - one.lineno + 1 for one in told)


def is_typed(function: Function) -> bool:
    """Whether every parameter and the result say what they are."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    rest = [one for one in (function.args.vararg, function.args.kwarg) if one is not None]
    plain = [one for one in (*given, *rest) if one.arg not in ("self", "cls")]
    return function.returns is not None and all(one.annotation is not None for one in plain)


def imported(module: Module) -> Iterator[str]:
    """Names of modules this one imports, those inside functions included; ``from a import b`` gives a and a.b."""
    for node in module.nodes:
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)
