"""The worked examples of docs/extend.md as modules: a code block whose first line is ``# PATH`` is that file."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from tests.house_rules import ROOT

PAGE = ROOT / "docs" / "extend.md"
_FENCE = re.compile(r"^```\w+\n(?:# |\{# )(\S+/\S+\.\w+)(?: #\})?\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> dict[str, str]:
    """The text of every example by its path, without the line that names it."""
    return dict(_FENCE.findall(PAGE.read_text(encoding="utf-8")))


@cache
def shown(path: str) -> Any:
    """An example as a module, loaded once."""
    return loaded(path)


def loaded(path: str) -> Any:
    """An example as a module, loaded anew from a folder of its own; the tree does not hold it."""
    file = Path(mkdtemp(prefix="assay-shown-")) / Path(path).name
    file.write_text(blocks()[path], encoding="utf-8")
    name = f"shown_{file.stem}"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
