"""Registering: every wrong key is named at once, a taken name changes nothing, the card goes out once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from engine.desk import Desk, features, mail
from engine.errors import Conflict, Invalid, Repeated
from engine.models.mail import Once
from engine.store import deeds, roles
from engine.store import features as feature_rows
from tests.builders import ANN, ASKER, SLUG, a_feature, a_registration

TODAY = date(2026, 11, 25)
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("model", {"model": ""}, "model is missing"),
    ("prompt", {"prompt": "  \n "}, "prompt is missing"),
    ("labels", {"labels": ()}, "labels is missing"),
    ("slug", {"slug": "Ticket Router"}, "no slug"),
    ("slug", {"slug": "x"}, "no slug"),
    ("slug", {"slug": "a" * 41}, "no slug"),
    ("slug", {"slug": "<!channel>"}, "no slug"),
    ("slug", {"slug": "tíckets"}, "no slug"),
    ("approach", {"approach": "clasify"}, "nearest: classify"),
    ("approach", {"approach": ""}, "approach is ''"),
    ("schema", {"approach": "extract", "labels": ()}, "schema is missing"),
    ("schema", {"approach": "extract", "output_schema": {"type": "array"}}, "no properties"),
    ("schema", {"approach": "extract", "output_schema": {"properties": {"a": {"type": "object"}}}}, "object within"),
    ("schema", {"approach": "extract", "output_schema": {"properties": ["a"]}}, "no JSON schema"),
    ("labels", {"labels": ("bug",)}, "names 1 different"),
    ("labels", {"labels": ("bug", "bug")}, "names 1 different"),
    ("labels", {"labels": tuple(f"l{number}" for number in range(201))}, "names 201"),
    ("margin", {"margin": 0.0}, "margin is 0"),
    ("margin", {"margin": 0.21}, "margin is 0.21"),
    ("margin", {"margin": -0.01}, "margin is -0.01"),
    ("live_since", {"live_since": date(2026, 11, 27)}, "a day to come"),
    ("quality_bar", {"quality_bar": 1.01}, "quality_bar is 1.01"),
    ("base_url", {"base_url": "ftp://x"}, "no http address"),
    ("base_url", {"base_url": "http://[::1"}, "no http address"),
    ("base_url", {"base_url": "https://"}, "no http address"),
    ("base_url", {"base_url": "http://h:port"}, "no http address"),
    ("prompt", {"prompt": "Sort {{ input }} {{ other }}"}, "cannot be rendered"),
    ("prompt", {"prompt": "{{ input }} {% for x in y %}"}, "cannot be rendered"),
    ("prompt", {"prompt": "{{ input.__class__.__mro__ }}"}, "cannot be rendered"),
    ("prompt", {"prompt": "x" * 20_001 + "{{ input }}"}, "at most 20,000"),
]


@pytest.mark.parametrize(("key", "changes", "said"), WRONG)
def test_a_wrong_key_is_named(key: str, changes: dict[str, Any], said: str) -> None:
    found = features.wrong(a_registration(**changes), today=TODAY)
    assert set(found) == {key}
    assert said in found[key]


def test_an_ordinary_registration_has_nothing_wrong() -> None:
    assert features.wrong(a_registration(), today=TODAY) == {}
    assert (
        features.wrong(
            a_registration(slug="a" * 40, margin=0.2, quality_bar=1.0, base_url="http://h:1/v1"), today=TODAY
        )
        == {}
    )


def test_each_approach_asks_for_what_it_needs_and_has_its_own_margin(desk: Desk) -> None:
    fields = {"type": "object", "properties": {"city": {"type": "string"}, "zip": {"type": "string"}}}
    seen = a_feature(desk, slug="addresses", approach="extract", labels=(), output_schema=fields)
    assert (seen.margin, seen.fields, seen.classes) == (0.03, ("city", "zip"), ())
    assert a_feature(desk, slug="riddles", approach="reason", labels=()).margin == 0.02


def test_all_wrong_keys_are_told_together_and_nothing_is_stored(desk: Desk) -> None:
    with pytest.raises(Invalid) as refused:
        features.register(desk, ASKER, a_registration(slug="No Slug", model="", labels=("one",), margin=3.0))
    for word in ("'No Slug'", "model is missing", "names 1 different", "margin is 3"):
        assert word in refused.value.message
    assert refused.value.hint.startswith("For example: /assay register ticket-router ")
    assert features.every(desk) == []
    assert mail.due(desk) == []


def test_a_feature_stands_with_its_owner_its_card_and_its_deed(desk: Desk) -> None:
    seen = a_feature(desk, margin=0.03, owner="U9", channel="C7")
    assert seen.created
    assert (seen.owner, seen.channel, seen.margin, seen.model) == ("U9", "C7", 0.03, "gpt-4o-mini")
    assert seen.live_since == "2026-11-25"
    assert seen.next_step == f"/assay labels {SLUG}"
    (card,) = mail.due(desk)
    assert (card.method, card.entity, card.entity_id, card.channel) == (mail.PROJECT, "feature", SLUG, "C7")
    with desk.services.database.read() as tx:
        feature_id = feature_rows.by_slug(tx, SLUG).id or 0
        assert [deed.verb for deed in deeds.of_feature(tx, feature_id)] == ["register"]
        assert roles.granted(tx, feature_id)[0].person == "U9"
        assert feature_rows.baseline(tx, feature_id).base_url == "https://api.openai.com/v1"


def test_a_taken_name_is_told_with_who_has_it_and_changes_nothing(desk: Desk) -> None:
    before = a_feature(desk)
    with pytest.raises(Conflict) as refused:
        a_feature(desk, by=ANN, model="another", margin=0.2)
    assert "<@U1> on 25 Nov 2026" in refused.value.message
    assert refused.value.people == ("U1",)
    assert refused.value.hint == f"How it stands: /assay show {SLUG}"
    assert features.show(desk, SLUG) == before.model_copy(update={"created": False})
    assert len(mail.due(desk)) == 1


def test_the_same_delivery_registers_once_and_a_refused_one_may_come_again(desk: Desk) -> None:
    once = Once(team="T", key="trigger-1", kind="command")
    with pytest.raises(Invalid):
        features.register(desk, ASKER, a_registration(model=""), once=once)
    features.register(desk, ASKER, a_registration(), once=once)
    with pytest.raises(Repeated):
        features.register(desk, ASKER, a_registration(), once=once)
    with pytest.raises(Repeated):
        features.register(desk, ASKER, a_registration(slug="second"), once=once)
    assert len(features.every(desk)) == 1


def test_without_a_channel_there_is_no_card(desk: Desk) -> None:
    a_feature(desk, by=ASKER.model_copy(update={"channel": ""}))
    assert mail.due(desk) == []
