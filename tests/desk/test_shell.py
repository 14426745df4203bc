"""The programs of the shell: exit codes that scripts can trust, and the same twice changes nothing."""

from __future__ import annotations

import gzip
import json
import logging
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.cli import PROGRAMS, main
from bot.manifest import SCOPES
from engine.store.artifacts import Artifacts
from engine.testing.traffic import month_of_calls
from tests.builders import csv_of
from tests.ingest.spooled import segment, some_frames

REGISTER = 'register ticket-router model=m prompt="Sort: {{ input }}" labels=billing,bug'
FIXTURES = Path(__file__).parent.parent / "fixtures" / "traffic"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Generator[Run]:
    """Run ``assay …`` in this process on a folder of its own; exit code, output, error output."""
    for name in ("ASSAY_DATABASE_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "ASSAY_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def assay(*words: str) -> tuple[int, str, str]:
        try:
            code = main(list(words))
        except SystemExit as stopped:  # argparse
            code = int(stopped.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    yield assay
    root.handlers[:] = handlers
    root.setLevel(level)


def test_say_is_done_refused_or_not_understood(run: Run) -> None:
    code, out, err = run("say", REGISTER, "--as", "ann")
    assert (code, err) == (0, "")
    assert "ticket-router is registered." in out
    code, out, err = run("say", REGISTER, "--as", "bo")
    assert (code, out) == (1, "")
    assert "registered already" in err
    assert "/assay show ticket-router" in err
    code, out, err = run("say", "shwo", "ticket-router")
    assert (code, out) == (2, "")
    assert "Did you mean show?" in err
    assert run("say", "register", "Two", "model=m", "prompt=Sort this", "labels=a,b")[0] == 1
    assert run("say", "register", "two", "model=m", "prompt=Sort this", "labels=a,b")[0] == 0, (
        "spaces survive the shell"
    )
    assert run("say", "show", "nowhere")[0] == 1
    assert run("say", "investigate")[0] == 2
    assert run("say", 'show "ticket-router')[0] == 2
    assert run("say", "help")[0] == run("say")[0] == 0
    assert "nothing to quote" in run("say", "--dry-run", "show", "ticket-router")[2]
    assert run("say", "--dry-run", "investigate", "ticket-router")[0] == 1, "without labels nothing is quoted"
    for nobody in ("", "<!channel>", "two words"):
        code, out, err = run("say", "help", "--as", nobody)
        assert (code, out) == (1, ""), nobody
        assert "names nobody" in err


def test_the_programs_are_listed_and_a_wrong_one_is_told_the_nearest(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert all(name in out for name in PROGRAMS)
    assert run()[0] == 2
    code, out, err = run("manifets")
    assert (code, out) == (2, "")
    assert "Did you mean manifest?" in err
    for name in ("say", "db", "prices", "import-traffic", "import-labels", "manifest", "bot"):
        code, out, _ = run(name, "--help")
        assert code == 0
        assert f"assay {name}" in out


def test_the_manifest_asks_for_ten_scopes_and_escaped_words(run: Run) -> None:
    code, out, _ = run("manifest", "--url", "https://assay.example/")
    assert code == 0
    lines = out.splitlines()
    scopes = lines[lines.index("    bot:") + 1 :][: len(SCOPES)]
    assert [json.loads(line.strip().removeprefix("- ")) for line in scopes] == list(SCOPES)
    assert len(SCOPES) <= 10
    assert out.count("https://assay.example/slack/events") == 3
    assert '    - command: "/assay"' in lines
    assert "      should_escape: true" in lines
    assert "  socket_mode_enabled: false" in lines
    (hint,) = [line for line in lines if "usage_hint" in line]
    assert "register" in hint
    assert "rollout" in hint
    code, _, err = run("manifest", "--url", "nope")
    assert (code, "nope is no address Slack can call" in err) == (1, True)
    _, socket, _ = run("manifest", "--socket")
    assert "url:" not in socket
    assert "  socket_mode_enabled: true" in socket.splitlines()
    assert not [one for one in (out, socket) if "redirect_urls" in one or "token_rotation_enabled: true" in one]


def test_the_manifest_for_several_workspaces_names_where_people_come_back_to_and_rotates_tokens(run: Run) -> None:
    _, out, _ = run("manifest", "--socket", "--oauth", "https://assay.example/")
    lines = out.splitlines()
    assert lines[lines.index("  redirect_urls:") + 1].strip() == '- "https://assay.example/slack/oauth_redirect"'
    assert "  token_rotation_enabled: true" in lines
    code, _, err = run("manifest", "--oauth", "http://assay.example")
    assert (code, "no address Slack can call" in err) == (1, True)


def test_upgrading_twice_is_upgrading_once(run: Run) -> None:
    first, second = run("db", "upgrade"), run("db", "upgrade")
    assert first[0] == second[0] == 0
    assert "Upgraded to" in first[1]
    assert "The database is at" in second[1]
    assert "Copied" not in second[1]


def test_a_backup_holds_database_and_artifacts_and_again_copies_what_is_new(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade")
    run("say", "register", "triage", "model=m", "prompt=p", "labels=a,b")
    stored = Artifacts(f"file://{tmp_path / 'home' / 'artifacts'}")
    first = stored.put_files({"rows.jsonl": b"one"})
    safe = tmp_path / "safe"
    assert "Artifacts: 1 new, 0 already there." in run("db", "backup", str(safe))[1]
    stored.put_files({"rows.jsonl": b"two"})
    run("say", "register", "later", "model=m", "prompt=p", "labels=a,b")
    assert "Artifacts: 1 new, 1 already there." in run("db", "backup", str(safe))[1]
    assert Artifacts(f"file://{safe / 'artifacts'}").read_bytes(first, "rows.jsonl") == b"one"
    with closing(sqlite3.connect(safe / "assay.db")) as copy:
        assert [row[0] for row in copy.execute("select slug from feature order by id")] == ["triage", "later"]
    (tmp_path / "a-file").touch()
    code, _, said = run("db", "backup", str(tmp_path / "a-file" / "below"))
    assert (code, "cannot be made" in said) == (1, True)


def test_prices_are_shown_set_and_refused(run: Run) -> None:
    assert "no known price" in run("prices", "our-model")[1]
    assert run("prices", "our-model", "--input", "2.50", "--output", "10")[0] == 0
    assert "$2.50 in, $10.00 out" in run("prices", "our-model")[1]
    run("prices", "our-model", "--input", "3", "--output", "12")
    assert "$3.00 in, $12.00 out" in run("prices", "our-model")[1], "the same day is corrected"
    for price in ("-1", "nan", "inf", "1e30"):
        code, _, err = run("prices", "our-model", f"--input={price}", "--output", "1")
        assert code == 1, price
        assert "price" in err
    code, _, err = run("prices", "our-model", "--input", "4")
    assert code == 1
    assert "--output" in err, "half a price is no price, and is not silently dropped"
    assert "--input and --output are missing" in run("prices", "our-model", "--cached", "1")[2], "it looked as if set"
    assert "$3.00 in" in run("prices", "our-model")[1]


def test_all_prices_are_listed_and_a_month_is_priced_again(run: Run) -> None:
    assert "No model is in use yet." in run("prices")[1]
    run("say", REGISTER)
    run("prices", "m", "--input", "2.50", "--cached", "0.075", "--output", "10", "--from", "2026-01-01")
    code, out, _ = run("prices")
    assert code == 0
    assert "m: $2.50 in, $0.075 cached, $10 out, from 2026-01-01 (set on the command line by operator), used by" in out
    code, out, _ = run("prices", "--recompute", "2026-10")
    assert code == 0
    assert out == "2026-10: 0 of 0 calls have another price now, $0.00 before, $0.00 after.\n"
    assert run("prices", "--recompute", "tomorrow")[0] == 1
    assert run("prices", "--input", "1", "--output", "1")[0] == 1


def test_importing_twice_counts_once_and_names_bad_lines(run: Run, tmp_path: Path) -> None:
    run("say", REGISTER)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=30)
    log = tmp_path / "calls.jsonl"
    calls = month_of_calls(["hello there"], model="m", calls=50, start=start, seed=1, prompt_tokens=10)
    log.write_text("".join(json.dumps(call) + "\n" for call in calls) + "{}\n", encoding="utf-8")
    code, out, err = run("import-traffic", "ticket-router", str(log))
    assert code == 0
    assert out.splitlines()[:2] == [
        "imported 50, already known 0, skipped 0, refused 1",
        "line 51: input_tokens is missing",
    ]
    assert "50 calls have no price: assay prices m" in out
    assert err == ""
    assert "imported 0, already known 50, skipped 0, refused 1" in run("import-traffic", "ticket-router", str(log))[1]
    assert run("import-traffic", "nowhere", str(log))[0] == 1
    assert run("import-traffic", "ticket-router", str(tmp_path / "none"))[0] == 1
    assert run("import-traffic", "ticket-router", str(log), "--format", "excel")[0] == 1

    rows = tmp_path / 'Ann\'s "own" labels.csv'
    rows.write_bytes(csv_of(range(40)))
    assert "40 rows" in run("import-labels", "ticket-router", str(rows))[1]
    code, out, _ = run("import-labels", "ticket-router", str(rows))
    assert code == 0
    assert "every row was known" in out
    assert "40 rows in all" in out, "an unchanged version is told as it stands"
    assert run("import-labels", "ticket-router", str(tmp_path / "none.csv"))[0] == 1


def test_a_log_of_another_format_stores_nothing_and_names_its_own(run: Run) -> None:
    run("say", REGISTER)
    log = str(FIXTURES / "litellm.jsonl")
    code, out, err = run("import-traffic", "ticket-router", log, "--format", "helicone")
    assert (code, out) == (2, "")
    assert "It looks like litellm: --format litellm" in err
    code, out, _ = run("import-traffic", "ticket-router", log, "--format", "litellm", "--dry-run")
    assert (code, out.splitlines()[0]) == (
        0,
        "would import 5, already known 1, skipped 0, refused 2; nothing was stored",
    )
    code, out, _ = run(
        "import-traffic", "ticket-router", log, "--format", "litellm", "--where", "metadata.feature=triage"
    )
    assert (code, out.splitlines()[0]) == (0, "imported 4, already known 0, skipped 4, refused 0")
    code, out, _ = run("import-traffic", "ticket-router", log, "--format", "litellm")
    assert (code, out.splitlines()[0]) == (0, "imported 1, already known 5, skipped 0, refused 2")
    code, _, err = run("import-traffic", "ticket-router", log, "--where", "feature")
    assert code == 1
    assert "--where metadata.feature=triage" in err


def test_a_file_that_breaks_off_keeps_what_was_counted_and_exits_with_1(run: Run, tmp_path: Path) -> None:
    run("say", REGISTER)
    torn = tmp_path / "calls.jsonl.gz"
    torn.write_bytes(gzip.compress((FIXTURES / "assay.jsonl").read_bytes())[:-20])
    code, out, err = run("import-traffic", "ticket-router", str(torn))
    assert (code, out) == (1, "")
    assert "broken or cut off" in err


def test_programs_without_slack_say_what_is_missing(run: Run) -> None:
    code, _, err = run("bot")
    assert code == 1
    assert "SLACK_BOT_TOKEN is missing" in err


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_a_scheduler_that_does_what_is_due_once_is_not_taken_for_an_engine(run: Run) -> None:
    run("say", REGISTER)
    due = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}T09:00:00Z"
    words = [sys.executable, "-m", "bot.cli", "scheduler", "--once", "--now", due]
    done = subprocess.run(words, env=dict(os.environ), capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert "schedule.done" in done.stderr
    assert "no engine was ever alive" in run("doctor")[1], "its moment may lie ahead, and it is gone by now"


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_a_bot_whose_port_is_taken_says_so_and_ends(run: Run) -> None:
    run("say", REGISTER)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        secrets = {"SLACK_BOT_TOKEN": "xoxb-none", "SLACK_APP_TOKEN": "xapp-none"}
        environment = {**os.environ, **secrets, "PORT": port, "ASSAY_SLACK_API_URL": f"http://127.0.0.1:{port}/"}
        words = [sys.executable, "-m", "bot.cli", "bot"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 1
    assert f"Nothing can listen on 127.0.0.1, port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "file"))
    code, _, err = run("demo")
    assert code == 1
    assert "ASSAY_HOME" in err


def test_a_key_is_printed_alone_and_what_a_gateway_recorded_is_stored(run: Run, tmp_path: Path) -> None:
    run("say", REGISTER, "--as", "ann")
    code, out, err = run("gateway-key", "ticket-router")
    assert (code, len(out.strip()), out[:4]) == (0, 47, "agk_")
    assert "shown this once" in err
    assert "k1  made" in run("gateway-key", "ticket-router", "--list")[1]
    assert out.strip() not in (tmp_path / "home" / "gateway" / "routes.json").read_text()
    assert "opens nothing any more" in run("gateway-key", "ticket-router", "--revoke", "k1")[1]
    assert run("gateway-key", "ticket-router", "--revoke", "k9")[0] == 1
    assert run("gateway-key", "nowhere")[0] == 1
    assert "ticket-router: observe" in run("routes")[1]
    assert run("routes", "--set", "ticket-router", "capture")[0] == 1
    with segment(tmp_path / "home" / "spool") as writer:
        writer.append(*some_frames(20))
    code, out, _ = run("ingest", "--once")
    assert (code, out.split()[0]) == (0, str(len(some_frames(20))))
    assert run("ingest", "--once")[1].startswith("0 calls")
