"""``make mutants``: each known bug of traffic and gateway put back, one at a time, into a copy; a named test must fail.

``python -m tests.gateway.bench.mutants [WORD …]`` takes those whose name holds a word. The exit code is 1 where a bug
went unseen, or where the line it is put into is no longer there (then mend the list).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.gateway.bench.soak import say
from tests.house_rules import ROOT

COPIED = ("bot", "engine", "templates", "tests", "docs", "pyproject.toml", "constraints.txt", "Makefile", "README.md")
FIXTURES = "tests/contract/test_traffic_fixtures.py"
ONCE = "tests/desk/test_traffic_import.py"


@dataclass(frozen=True)
class Bug:
    """A bug as it would be written: in a file, this text in the place of that; and the tests that must see it."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


BUGS = (
    Bug("1 Anthropic's cache reads are left out", "engine/importers/calls/openai.py",
        "fed if is_inside else fed + read_ + written", "fed", FIXTURES),
    Bug("1 a proxy's cached tokens are added to the input that holds them", "engine/importers/calls/openai.py",
        "fed if is_inside else fed + read_ + written", "fed + read_ + written", FIXTURES),
    Bug("2 Langfuse's parts are added where they lie inside", "engine/importers/calls/langfuse.py",
        "default=-1):", "default=-2) and False:", FIXTURES),
    Bug("3 Helicone's negative status is a good one", "engine/importers/calls/helicone.py",
        "found <= 599 else FAILED", "found <= 599 else 200", FIXTURES),
    Bug("4, 5 each try of an answer is a call", "engine/store/seen.py",
        'call.answer_id not in ("", call.id)', "False", ONCE),
    Bug("4 a hit is a yes in Python alone", "engine/importers/calls/fields.py",
        'isinstance(value, str) and value.lower() in _YES', "False", FIXTURES),
    Bug("6 an agent's span repeats its children's tokens", "engine/importers/calls/otel.py",
        "if not is_call and operation", "if False and operation", FIXTURES),
    Bug("6 only the newer names of tokens are read", "engine/importers/calls/otel.py",
        'f"{_USAGE}input_tokens", f"{_USAGE}prompt_tokens"', 'f"{_USAGE}input_tokens"', FIXTURES),
    Bug("7 a hit in the source's own cache is paid", "engine/importers/calls/reading.py",
        "if call.is_cache_hit:", "if call.is_cache_hit and not call:", FIXTURES),
    Bug("8 sums stand beside the calls they hold", "engine/store/sums.py",
        "    _refuse_calls(tx, feature_id, day)\n", "", "tests/desk/test_usage_sums.py"),
    Bug("8 a bucket is counted each time it comes", "engine/store/sums.py",
        "        tx.delete(row)\n", "        continue\n", "tests/desk/test_usage_sums.py"),
    Bug("9 a zone is dropped instead of reckoned with", "engine/importers/calls/fields.py",
        "moment.astimezone(UTC)", "moment.replace(tzinfo=UTC)", "tests/contract/test_every_call_importer.py"),
    Bug("the first of rows with one id counts", "engine/store/seen.py",
        "max(other, call, key=_said)", "other", "tests/desk/test_logs_killed.py -k order"),
    Bug("a call is counted again after 35 days", "engine/store/seen.py",
        "ImportedFile.at < now - KEPT", "ImportedFile.at < now - KEPT * 99", ONCE),
    Bug("the split reads its bytes from the other end", "engine/rules/bucket.py",
        'digest[:8], "big"', 'digest[:8], "little"', "tests/gateway/test_flags.py"),
    Bug("one number of two enums is one word", "engine/rules/frame.py",
        ", typed=True)", ")", "tests/unit/rules/test_frame.py"),
    Bug("the breaker's window is of the wall clock", "engine/gateway/record.py",
        "    now = time.monotonic()", "    now = time.time()", "tests/gateway/test_clock.py"),
    Bug("a person's press releases no trip", "engine/gateway/breaker.py",
        "known.stage != route.stage", "False", "tests/gateway/test_modes.py"),
    Bug("an older route file is taken", "engine/gateway/routes.py",
        "found.version < self.snapshot.version", "found.version < 0", "tests/gateway/test_route_file.py"),
    Bug("a frame comes before the name it uses", "engine/gateway/spool.py",
        "self._fresh.append(orjson", "(lambda _: None)(orjson", "tests/gateway/test_spool.py"),
    Bug("half a frame stays behind a full disk", "engine/gateway/spool.py",
        "os.ftruncate(number, os.fstat(number).st_size - done)", "pass", "tests/gateway/test_spool.py"),
    Bug("bodies are not redacted before the spool", "engine/gateway/samples.py",
        "iter(redact_row([*texts, *outputs]).texts)", "iter([*texts, *outputs])", "tests/gateway/test_secrets.py"),
    Bug("a product may be sent to the cloud's metadata", "engine/rules/address.py",
        "address.is_link_local", "address.is_multicast", "tests/desk/test_routes.py tests/gateway/test_route_file.py"),
    Bug("a stretch of the spool is stored twice", "engine/flows/steps/blocks.py",
        "position.offset, position.at = block.end,", "position.offset, position.at = start,",
        "tests/ingest/test_ingest.py -k live"),
    Bug("what an earlier try left is kept too", "engine/store/calls.py",
        "            file.truncate(known.get(path, 0))\n", "", "tests/ingest/test_ingest.py -k kept_once"),
    Bug("raw calls lie by the host's own day", "engine/store/calls.py",
        'row["at_ms"] // 1000, UTC).date()', 'row["at_ms"] // 1000).date()', "tests/ingest/test_clock_of_calls.py"),
    Bug("columns hold twice what came twice", "engine/store/columns.py",
        "if row not in had", "if row", "tests/ingest/test_columns.py"),
    Bug("a forgotten customer stays in columns", "engine/store/columns.py",
        'if row["unit"] != mark', "if row", "tests/ingest/test_columns.py"),
    Bug("a database that is gone ends the ingester", "engine/flows/ingest.py",
        "except (Unavailable, OSError) as error:", "except OSError as error:",
        "tests/gateway/test_database_gone.py -k sqlite"),
    Bug("twenty texts of one customer are twenty draws", "engine/flows/steps/judging.py",
        " and row.unit not in units:", ":", "tests/desk/test_stage_judged.py -k unit"),
    Bug("a judge that nobody was compared with counts", "engine/flows/steps/judgeword.py",
        'or told["blockers"] or', "or", "tests/desk/test_stage_judged.py -k nothing_is_known"),
    Bug("a histogram's counts lose their last bits", "engine/rules/rice.py",
        "    numbers <<= low\n", "", "tests/unit/rules/test_histogram.py"),
    Bug("a model's name may hold a secret", "engine/importers/calls/reading.py",
        "    return redact(model).text", "    return model", "tests/slack/bot/test_secrets_in_traffic.py"),
)  # fmt: skip


def main(words: list[str]) -> int:
    """Put each bug in, and say whether it was seen."""
    unseen = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        for bug in BUGS:
            if not words or any(word in bug.name for word in words):
                told = _tried(copy, bug)
                unseen += told != "seen"
                say(f"{told:8} {bug.name} ({bug.tests})")
    say(f"{unseen} of {len(BUGS)} went unseen" if unseen else "every bug was seen")
    return 1 if unseen else 0


def _tried(copy: Path, bug: Bug) -> str:
    path = copy / bug.file
    kept = path.read_text()
    if kept.count(bug.right) < 1:
        return "GONE"
    path.write_text(kept.replace(bug.right, bug.wrong, 1))
    words = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider", *bug.tests.split()]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(words, cwd=copy, env=environment, capture_output=True, timeout=300, check=False)
    finally:
        path.write_text(kept)
    return {0: "UNSEEN", 1: "seen"}.get(done.returncode, f"BROKEN {done.returncode}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
