"""Real texts that people wrote to a brief: functions of Python's standard library and what their docstrings say.

They lie on every machine that runs Python (PSF licence); nothing is fetched, and nothing of it is run.
"""

from __future__ import annotations

import ast
import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from engine.errors import NotFound

SHORTEST, LONGEST = 20, 90  # characters of a text
_LEFT_OUT = {
    "test",
    "tests",
    "idlelib",
    "lib2to3",
    "site-packages",
    "dist-packages",
    "turtledemo",
    "tkinter",
    "__pycache__",
}
_SENTENCE = re.compile(r"[A-Z][^\n]*?[a-z)\"'`]\.(?=\s|$)")


def docstring_pairs(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """``count`` briefs (``textwrap.dedent(text)``) with the first sentence of the docstring, in an order of ``seed``.

    No brief and no sentence occurs twice. Raises ``NotFound`` where the library's sources are missing or too few.
    """
    library = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, str] = {}
    for path in sorted(library.rglob("*.py")):
        parts = path.relative_to(library).parts
        if not _LEFT_OUT.intersection(parts) and not any(part.startswith("_") for part in parts):
            found |= dict(_pairs(path, ".".join(parts).removesuffix(".py").removesuffix(".__init__")))
    told: dict[str, str] = {}
    for brief, text in found.items():
        told.setdefault(text, brief)
    pairs = sorted((brief, text) for text, brief in told.items())
    if len(pairs) < count:
        raise NotFound(
            f"Python's library in {library} has {len(pairs):,} usable docstrings; {count:,} were asked for.",
            hint="Install its sources, or ask for fewer.",
        )
    random.Random(seed).shuffle(pairs)  # noqa: S311 (an order, not a secret)
    return pairs[:count]


def _pairs(path: Path, module: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield from _pair(node, module)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield from _pair(inner, f"{module}.{node.name}")


def _pair(node: ast.FunctionDef, owner: str) -> Iterator[tuple[str, str]]:
    sentence = _SENTENCE.match(" ".join((ast.get_docstring(node) or "").split()))
    if node.name.startswith("_") or sentence is None or not SHORTEST <= len(sentence[0]) <= LONGEST:
        return
    names = [one.arg for one in node.args.args if one.arg not in ("self", "cls")]
    yield f"{owner}.{node.name}({', '.join(names)})", sentence[0]
