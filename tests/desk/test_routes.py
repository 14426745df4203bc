"""The gateway's route file follows what was decided: features, keys, stages; whole, in order, the same everywhere."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.desk import Desk, keys, rollouts, routes
from engine.desk import roles as grants
from engine.errors import Invalid, NotFound
from engine.flows.steps import route as way
from engine.models.actor import Role
from engine.models.rollout import Mode, Stage
from engine.rules.bucket import variant
from engine.store import deeds, servings
from engine.testing.clock import FixedClock
from engine.testing.servers import URL
from tests.builders import ANN, BO, CY, SHELL, SLUG, a_feature, a_verdict
from tests.desk.climbing import climb

TUNED = "http://10.0.0.5:8000/v1"


def the_file(desk: Desk) -> dict[str, Any]:
    return json.loads(way.path_of(desk.services.settings).read_text())


def test_a_registered_feature_is_observed(desk: Desk) -> None:
    a_feature(desk, base_url="http://127.0.0.1:9001/v1")
    found = the_file(desk)
    assert (found["version"], found["keys"]) == (1, [])
    entry = found["features"][SLUG]
    assert (entry["mode"], entry["share"], entry["stage"]) == ("observe", 0.0, "")
    assert entry["baseline"] == {"base_url": "http://127.0.0.1:9001/v1", "model": "gpt-4o-mini"}
    assert "tuned" not in entry
    assert variant(entry["salt"], "user-1", 0.0) == "baseline"
    assert entry["cascade"]["labels"] == ["billing", "bug"]


def test_a_key_is_told_once_and_only_its_hash_is_stored(desk: Desk) -> None:
    a_feature(desk)
    made = keys.make(desk, SHELL, SLUG)
    assert made.secret.startswith("agk_")
    assert len(made.secret) == 4 + 43
    sha = hashlib.sha256(made.secret.encode()).hexdigest()
    assert the_file(desk)["keys"] == [{"id": "k1", "sha256": sha, "features": [SLUG]}]
    other = keys.make(desk, SHELL, SLUG)
    assert other.secret != made.secret
    assert [one.name for one in keys.every(desk, SLUG)] == ["k1", "k2"]
    assert keys.revoke(desk, ANN, SLUG, "k1").revoked_by == ANN.id
    assert keys.revoke(desk, BO, SLUG, "k1").revoked_by == ANN.id, "revoked twice is revoked once"
    assert [one["id"] for one in the_file(desk)["keys"]] == ["k2"]
    with pytest.raises(NotFound, match="no key 'k9'"):
        keys.revoke(desk, ANN, SLUG, "k9")
    with pytest.raises(NotFound):
        keys.make(desk, ANN, "nowhere")
    with desk.services.database.read() as tx:
        told = " ".join(f"{deed.verb} {deed.after}" for deed in deeds.of_feature(tx, 1))
    assert made.secret not in told
    assert "revoke key" in told


def test_a_stage_moves_the_share_to_where_the_candidate_is_served(desk: Desk, clock: FixedClock) -> None:
    a_feature(desk)
    grants.name(desk, SHELL, SLUG, {Role.APPROVER: (ANN.id, BO.id, CY.id)})
    a_verdict(desk)
    climb(desk, clock, Stage.CANARY_5)
    assert the_file(desk)["features"][SLUG]["tuned"]["base_url"] == URL, "the engine serves it, and nobody typed where"
    with desk.services.database.write() as tx:
        row = servings.running(tx)[0]
        row.checked_at = None
        servings.save(tx, row)
    lacks = routes.publish(desk).ways[0].lacks
    waits = the_file(desk)["features"][SLUG]
    assert (waits["mode"], waits["share"]) == ("observe", 0.0), "no call goes to a server that was not checked"
    assert lacks.startswith("canary waits: its server")
    routes.decide(desk, SHELL, SLUG, {"tuned_url": TUNED, "drop": "tools", "set": '{"temperature": 0}'})
    entry = the_file(desk)["features"][SLUG]
    assert entry["mode"] == "canary"
    assert entry["share"] == pytest.approx(0.05 * 0.99)
    assert entry["stage"] == "rollout-1/3"
    assert entry["salt"].startswith(f"{SLUG}-")
    tuned = {"base_url": TUNED, "model": entry["tuned"]["model"], "system": "keep"}
    assert entry["tuned"] == {**tuned, "drop": ["tools"], "set": {"temperature": 0}}
    assert entry["tuned"]["model"], "an endpoint names a candidate by the hash of its artifact"
    routes.decide(desk, SHELL, SLUG, {"min_confidence": "0.8"})
    assert the_file(desk)["features"][SLUG]["mode"] == "cascade"
    rollouts.lower(desk, ANN, SLUG, "pause")
    paused = the_file(desk)["features"][SLUG]
    assert (paused["share"], paused["salt"]) == (entry["share"], entry["salt"]), "a pause keeps the split"
    rollouts.lower(desk, ANN, SLUG, "rollback")
    back = the_file(desk)["features"][SLUG]
    assert (back["mode"], back["share"], back["rolled_back"]) == ("observe", 0.0, True)
    assert "rolled_back" not in paused
    assert back["stage"] != paused["stage"], "a latched gateway waits for another stage"


def test_the_version_rises_with_the_content_alone(desk: Desk, tmp_path: Path) -> None:
    a_feature(desk)
    first = routes.publish(desk)
    assert not first.written
    assert (routes.publish(desk).version, routes.publish(desk, tmp_path / "elsewhere" / "r.json").version) == (1, 1)
    keys.make(desk, SHELL, SLUG)
    assert the_file(desk)["version"] == 2
    assert not (tmp_path / "elsewhere" / "r.json").read_text().count('"k1"'), "other files are their watcher's"


def test_writers_at_once_leave_the_newest_file(desk: Desk) -> None:
    a_feature(desk)
    threads = [threading.Thread(target=lambda: keys.make(desk, SHELL, SLUG)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(the_file(desk)["keys"]) == 8
    assert the_file(desk)["version"] == routes.publish(desk).version
    assert [one.name for one in way.path_of(desk.services.settings).parent.iterdir() if one.name[0] == "."] == []


def test_what_cannot_be_decided_changes_nothing(desk: Desk) -> None:
    a_feature(desk)
    before = the_file(desk)
    with pytest.raises(Invalid, match="link-local"):
        routes.decide(desk, SHELL, SLUG, {"capture": "all", "tuned_url": "http://169.254.169.254/v1"})
    with pytest.raises(Invalid, match="There is no 'colour'"):
        routes.decide(desk, SHELL, SLUG, {"colour": "red"})
    assert the_file(desk) == before
    assert before["features"][SLUG]["mode"] == Mode.OBSERVE


def test_a_feature_is_not_registered_at_an_address_that_leaks(desk: Desk) -> None:
    for url in ("http://api.example.com/v1", "http://169.254.169.254/v1", "https://ann:pw@api.example.com/v1"):
        with pytest.raises(Invalid, match="base_url"):
            a_feature(desk, base_url=url)


def test_a_file_that_cannot_be_written_stops_no_deed(desk: Desk) -> None:
    (desk.services.settings.home / "gateway").write_text("in the way")
    assert a_feature(desk).slug == SLUG
