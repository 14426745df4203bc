"""Features are found by slug, a miss names the nearest, and a baseline is told by its content."""

from __future__ import annotations

from typing import Any

import pytest

from engine.desk import Desk
from engine.errors import NotFound
from engine.store import features
from tests.builders import SLUG, a_feature

BODY: dict[str, Any] = {
    "model": "gpt-4o",
    "prompt": "Sort: {{ input }}",
    "base_url": "https://api.openai.com/v1",
    "parameters": {},
}


def test_features_and_baselines(desk: Desk) -> None:
    a_feature(desk)
    a_feature(desk, slug="refund-mood")
    now = desk.services.clock.now()
    with desk.services.database.write() as tx:
        assert [one.slug for one in features.every(tx)] == [SLUG, "refund-mood"]
        with pytest.raises(NotFound) as missed:
            features.by_slug(tx, "tiket-router")
        assert "ticket-router" in missed.value.hint
        with pytest.raises(NotFound, match="no feature") as far:
            features.by_slug(tx, "x" * 5_000)
        assert len(str(far.value)) < 200
        feature = features.by_slug(tx, SLUG)
        first = features.baseline(tx, feature.id or 0)
        second = features.add_baseline(tx, feature.id or 0, body=BODY, at=now)
        third = features.add_baseline(tx, feature.id or 0, body={**BODY, "parameters": {"temperature": 0}}, at=now)
        assert [one.number for one in (first, second, third)] == [1, 2, 3]
        assert len({one.sha for one in (first, second, third)}) == 3
        assert features.baseline(tx, feature.id or 0).id == third.id
        assert features.baseline_by_id(tx, first.id or 0).model == "gpt-4o-mini"
        assert features.slug_of_run(tx, "inv-none") == features.slug_of_request(tx, "none") == ""
