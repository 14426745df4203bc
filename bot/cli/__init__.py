"""``assay WORD``: look the word up in a table and import that program alone. The only package that prints."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Callable

from engine.errors import AssayError

PROGRAMS = {
    "bot": ("bot.app:main", "the Slack app: Socket Mode, or HTTP on /slack/events"),
    "scheduler": ("bot.scheduler:main", "monthly digests; --once does what is due and ends"),
    "engine": ("engine.worker:main", "investigations, on the GPU host"),
    "gateway": ("bot.cli.gateway:main", "OpenAI-compatible data plane: splits, falls back, records"),
    "workspaces": ("bot.cli.workspaces:main", "who installed the app; --run keeps the programs of each alive"),
    "demo": ("bot.cli.demo:main", "everything on this machine, in your browser"),
    "say": ("bot.cli.say:main", "the words of /assay without Slack"),
    "doctor": ("bot.cli.doctor:main", "what is wrong, and how to mend it"),
    "db": ("bot.cli.db:main", "bring the database to this version"),
    "import-labels": ("bot.cli.files:labels_main", "labels from a file"),
    "import-traffic": ("bot.cli.files:traffic_main", "production calls from a log file"),
    "gateway-key": ("bot.cli.keys:main", "a key that opens one feature at the gateway"),
    "routes": ("bot.cli.routes:main", "compile the gateway's route file from the database"),
    "ingest": ("bot.cli.ingest:main", "store what the gateway recorded, where no engine runs"),
    "export": ("bot.cli.export:main", "everything stored of features, as files"),
    "forget": ("bot.cli.export:forget_main", "delete what is kept of one customer's calls"),
    "servers": ("bot.cli.servers:main", "where candidates are served, and what providers bill"),
    "artifacts": ("bot.cli.artifacts:main", "what lies in the artifact store, and what nobody names"),
    "prices": ("bot.cli.prices:main", "show or set what models cost"),
    "audit": ("bot.cli.audit:main", "who did what, and whether the log of it still holds"),
    "verdict": ("bot.cli.verdict:main", "decide a verdict again from its record"),
    "manifest": ("bot.cli.manifest:main", "the manifest of the Slack app"),
}

_WIDTH = 16


def main(argv: list[str] | None = None) -> int:
    """Run one program; 0 done, 1 refused, 2 not understood."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help())
        return 0 if words else 2
    name, *rest = words
    if name == "--version":
        print(_version())
        return 0
    if name not in PROGRAMS:
        near = difflib.get_close_matches(name, PROGRAMS, n=1)
        print(f"assay has no program {name[:40]!r}.{f' Did you mean {near[0]}?' if near else ''}", file=sys.stderr)
        print("All of them: assay --help", file=sys.stderr)
        return 2
    try:
        return _flushed(_program(PROGRAMS[name][0])(rest))
    except AssayError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader (`| head`) has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (FileNotFoundError, FileExistsError, NotADirectoryError, PermissionError) as error:
        print(f"{error.filename}: {error.strerror}. May Assay write there? See ASSAY_HOME.", file=sys.stderr)
        return 1


def _flushed(code: int) -> int:
    sys.stdout.flush()  # here, where a reader that went away is expected
    return code


def _program(where: str) -> Callable[[list[str]], int]:
    module, _, function = where.partition(":")
    return getattr(importlib.import_module(module), function)


def _help() -> str:
    lines = [f"  {name:{_WIDTH}}{told}" for name, (_, told) in PROGRAMS.items()]
    return "\n".join(
        [
            "assay PROGRAM …   does a fine-tuned small model beat the prompted one, in numbers, today?",
            "",
            *lines,
            "",
            "Try: assay demo · assay say help · assay PROGRAM --help",
        ]
    )


def _version() -> str:
    return importlib.import_module("importlib.metadata").version("assay")
