"""A server of ours says how sure it is of an answer (``assay.score``), and a cascade goes by that."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.running import TUNED_UNIT, canary
from tests.gateway.upstream import says


@pytest.mark.parametrize(("score", "variant"), [(0.85, "tuned"), (0.75, "baseline"), ("0.9", "baseline")])
def test_the_score_decides_who_answers_and_is_recorded(tmp_path: Path, score: object, variant: str) -> None:
    cascade = {"min_confidence": 0.8, "labels": ["billing", "bug"]}
    small = says("billing", assay={"score": score})
    with canary(tmp_path, says("bug"), small, mode="cascade", cascade=cascade) as (gate, _, _):
        assert gate.ask(TUNED_UNIT).headers["x-assay-variant"] == variant
        frames = gate.frames()
    assert len(frames) == (1 if variant == "tuned" else 2)
    if score != "0.9":
        assert round(frames[0].confidence, 2) == score
