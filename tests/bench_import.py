"""Import a million LiteLLM rows into an empty SQLite deployment, and again: ``python -m tests.bench_import [ROWS]``.

Prints rows a second and the most memory the import held, in a process of its own; then how long 10,000 labels take, in
four shapes (``labels`` in the place of ROWS: these alone).
Timings depend on the machine.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROWS = 1_000_000
LABELS, LABEL_SECONDS = 10_000, 60.0  # docs/labels.md, the index for near copies included
DAYS = 30
FAILED_EACH = 50  # every so manieth call fails once and is tried again
REGISTER = 'register bench model=gpt-4o-mini prompt="Sort: {{ input }}" labels=billing,bug'


def main(argv: list[str]) -> int:
    """Write the log, import it twice, print the table."""
    if argv == ["labels"]:
        labels()
        return 0
    rows = int(argv[0]) if argv else ROWS
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "spend.jsonl")
        _write(log, rows)
        environment = {**os.environ, "ASSAY_HOME": f"{folder}/home"}
        environment.pop("ASSAY_DATABASE_URL", None)
        _assay(environment, "say", REGISTER)
        _say(f"{rows:,} LiteLLM rows, {log.stat().st_size / 1e6:,.0f} MB, SQLite")
        _say(f"{'':10}{'seconds':>9}{'rows/s':>10}{'peak MB':>9}  said")
        for name in ("first", "again"):
            started = time.perf_counter()
            said = _assay(environment, "import-traffic", "bench", str(log), "--format", "litellm")
            took = time.perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
            _say(f"{name:10}{took:>9.1f}{rows / took:>10,.0f}{peak:>9.0f}  {said.splitlines()[0]}")
        size = sum(path.stat().st_size for path in Path(folder, "home").glob("assay.db*"))
        _say(f"database {size / 1e6:,.0f} MB, of it the ids of calls, which go after 35 days")
    labels()
    return 0


def labels() -> None:
    """Import 10,000 labels of each shape, each into an empty deployment; print seconds beside those allowed."""
    _say(f"{LABELS:,} labels, looking for near copies included; {LABEL_SECONDS:.0f} s are allowed")
    _say(f"{'':44}{'seconds':>9}{'CPU s':>8}{'peak MB':>9}")
    for shape, texts in _shapes().items():
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "ASSAY_HOME": f"{folder}/home"}
            environment.pop("ASSAY_DATABASE_URL", None)
            _assay(environment, "say", REGISTER)
            file = Path(folder, "labels.jsonl")
            rows = [{"input": text, "output": ("billing", "bug")[number % 2]} for number, text in enumerate(texts)]
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            began, spent = time.perf_counter(), _spent()
            said = _assay(environment, "import-labels", "bench", str(file))
            assert f"{len(rows):,}" in said, said
            took, cpu = time.perf_counter() - began, _spent() - spent
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000  # of the largest so far
            _say(f"{shape:44}{took:>9.1f}{cpu:>8.1f}{peak:>9.0f}")


def _shapes() -> dict[str, list[str]]:
    """Texts by what they share: nothing, phrases (runs that thousands hold), half of themselves, nearly all."""
    draw = random.Random(7)
    words = [f"word{number}" for number in range(2_000)]
    phrases = [" ".join(draw.sample(words, 5)) for _ in range(40)]
    closing = " ".join(draw.sample(words, 30))
    drawn = set[str]()
    while len(drawn) < LABELS:
        drawn.add(" ".join(draw.sample(phrases, 4)))
    return {
        "60 words by chance": [" ".join(draw.choices(words, k=60)) for _ in range(LABELS)],
        "20 words, 4 of the same 40 phrases": sorted(drawn),
        "60 words, the last 30 the same": [" ".join([*draw.choices(words, k=30), closing]) for _ in range(LABELS)],
        "30 words, one template, a number in it": [f"order {number} {closing}" for number in range(LABELS)],
    }


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write(log: Path, rows: int) -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=DAYS)
    step = timedelta(days=DAYS) / rows
    with log.open("w", encoding="utf-8") as file:
        for number in range(rows):
            file.write(json.dumps(_row(number, start + step * number)) + "\n")


def _row(number: int, at: datetime) -> dict[str, object]:
    """A row as LiteLLM writes it when it stores no prompts, which is its default."""
    failed = number % FAILED_EACH == 0
    return {
        "request_id": f"chatcmpl-{number:012x}",
        "litellm_call_id": f"3f0c4e9a-0000-4000-8000-{number - (number % FAILED_EACH == 1):012x}",
        "call_type": "acompletion",
        "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
        "spend": 0.0 if failed else 0.0001224,
        "total_tokens": 804,
        "prompt_tokens": 0 if failed else 800,
        "completion_tokens": 0 if failed else 4,
        "startTime": at.isoformat(timespec="milliseconds"),
        "endTime": (at + timedelta(milliseconds=400 + number % 700)).isoformat(timespec="milliseconds"),
        "completionStartTime": (at + timedelta(milliseconds=200)).isoformat(timespec="milliseconds"),
        "model": "gpt-4o-mini",
        "model_group": "fast",
        "custom_llm_provider": "openai",
        "metadata": {
            "user_api_key_alias": "desk",
            "usage_object": {"prompt_tokens_details": {"cached_tokens": 0 if failed else 512}},
        },
        "cache_hit": "False",
        "request_tags": ["desk"],
        "end_user": f"customer-{number % 5000}",
        "status": "failure" if failed else "success",
        "messages": {},
        "response": {},
    }


def _assay(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bot.cli", *words], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
