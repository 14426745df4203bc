"""The wall clock is set back and on under a gateway: durations stay true, and the breaker keeps its window."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from engine.rules.frame import Fault, Why
from tests.gateway.programs import Program, ask, program
from tests.gateway.running import frames_of, route, write_routes
from tests.gateway.upstream import RESET, answer, completion, steps, upstream

HOUR = 3600
TURNED = Path(__file__).parent / "turned"


class Turned:
    """A gateway whose wall clock a test turns."""

    def __init__(self, home: Path) -> None:
        self.home, self.file = home, home / "turned"
        self.turn(0)

    def turn(self, seconds: int) -> None:
        """Set its clock so many seconds from the true time; never a file that is half written."""
        half = self.file.with_suffix(".half")
        half.write_text(str(seconds))
        half.replace(self.file)

    def environ(self) -> dict[str, str]:
        path = os.pathsep.join([str(TURNED), str(Path(__file__).parents[2])])
        return {"PYTHONPATH": path, "ASSAY_TEST_TURNED": str(self.file)}


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
def test_a_gateway_whose_clock_is_set_back_and_on_again_times_calls_right_and_keeps_one_window(tmp_path: Path) -> None:
    turned = Turned(tmp_path)
    old, small = steps(0.02, answer(completion("billing"))), steps(RESET)
    with upstream(old) as baseline, upstream(small) as tuned:
        kept = {"window_s": 600, "min_n": 20, "max_bad": 0.1}
        told = route(baseline.url, tuned.url, share=1.0, breaker=kept)
        write_routes(tmp_path / "gateway" / "routes.json", triage=told)
        with program(tmp_path, **turned.environ()) as running:
            served = [asked(running) for _ in range(7)]
            turned.turn(-HOUR)
            served += [asked(running) for _ in range(7)]
            turned.turn(24 * HOUR)  # a breaker on the wall clock would forget the first fourteen here
            served += [asked(running) for _ in range(7)]
            assert running.end() == 0
    assert served == ["fallback"] * 20 + ["tripped"]
    frames = frames_of(tmp_path / "spool")
    assert len(list((tmp_path / "spool").glob("calls-*.bin"))) == 1, "a segment's age is no matter of the wall clock"
    answers = [one for one in frames if one.role == 0]
    assert [one.why for one in answers] == [Why.FALLBACK] * 20 + [Why.TRIPPED]
    assert Counter(one.fault for one in frames if one.role) == {Fault.RESET: 20}
    assert all(10_000 <= one.latency_us < 60_000_000 for one in answers), "no duration is negative, or an hour"
    moments = [one.at_ms / 1000 for one in answers]
    assert moments[6] - moments[7] == pytest.approx(HOUR, abs=60)
    assert moments[14] - moments[13] == pytest.approx(25 * HOUR, abs=60)


def asked(running: Program) -> str:
    reply = ask(running.url)
    assert reply.status_code == 200
    return reply.headers["x-assay-why"]
