"""What a team decides is versioned, hashed, and never edited under a seal that was looked at."""

from __future__ import annotations

from datetime import date

import pytest

from bot import grammar
from bot.grammar import NotUnderstood
from bot.router import REGISTRY, Answer, Words
from engine.desk import Desk, features, keys, policies, prices
from engine.desk.policies import PolicyView
from engine.errors import Conflict, Invalid, NotAllowed, NotFound, Repeated
from engine.models.actor import Role
from engine.models.mail import Once
from engine.store import deeds, seals
from engine.store import features as feature_rows
from engine.store import policies as versions
from tests.builders import ASKER, BO, SHELL, SLUG, a_feature, a_verdict, some_labels, waiting
from tests.desk.test_words import say


def value(view: PolicyView, name: str) -> str:
    return next(one.value for kind in view.kinds for one in kind.settings if one.name == name)


def looked_at(desk: Desk) -> None:
    """A feature whose sealed rows were read once, at a margin of 2 points."""
    a_feature(desk)
    some_labels(desk, 700)
    with desk.services.database.write() as tx:
        seal = seals.current(tx, feature_rows.by_slug(tx, SLUG).id or 0)
        seals.open_look(
            tx, desk.services.clock, seal_id=seal.id or 0, run_id="inv-one", contender="tfidf-1",
            purpose="confirm", margin=0.02, by="U1",
        )  # fmt: skip


def test_an_edit_is_a_version_with_a_hash_a_deed_and_a_why(desk: Desk) -> None:
    a_feature(desk)
    before = policies.show(desk)
    after = policies.change(desk, SHELL, "", {"cost_engineering_usd": "$4000"}, why="the pipeline is reused")
    assert value(before, "cost_engineering_usd") == "6000"
    assert value(after, "cost_engineering_usd") == "4000"
    assert after.sha != before.sha
    cost = next(kind for kind in after.kinds if kind.kind == "cost")
    assert (cost.number, cost.own, cost.by, cost.why) == (1, False, "ops", "the pipeline is reused")
    with desk.services.database.read() as tx:
        assert versions.current(tx).cost.engineering_usd == 4_000.0
        stored = versions.stored(tx, "cost")
        assert stored is not None
        assert len(stored.sha) == 64
        assert deeds.broken_at(tx) is None
    again = policies.change(desk, SHELL, "", {"cost_engineering_usd": "6000"})
    assert again.sha == before.sha
    assert next(kind for kind in again.kinds if kind.kind == "cost").number == 2


def test_a_features_own_policy_wins_and_leaves_the_others_alone(desk: Desk) -> None:
    a_feature(desk)
    a_feature(desk, slug="other")
    policies.change(desk, SHELL, "", {"verdict_saving_floor": "40%"})
    policies.change(desk, SHELL, SLUG, {"verdict_saving_floor": "0.5", "stage_hours": "canary_1:48, soaking:24"})
    assert value(policies.show(desk, SLUG), "verdict_saving_floor") == "0.5"
    assert value(policies.show(desk, "other"), "verdict_saving_floor") == "0.4"
    hours = value(policies.show(desk, SLUG), "stage_hours")
    assert "canary_1:48" in hours
    assert "soaking:24" in hours
    assert "canary_5:24" in hours
    with desk.services.database.read() as tx:
        newest = deeds.of_feature(tx, feature_rows.by_slug(tx, SLUG).id or 0)[0]
    assert newest.before["verdict_saving_floor"] == 0.4
    assert newest.after["verdict_saving_floor"] == 0.5


def test_an_edit_judges_nothing_again(desk: Desk) -> None:
    a_feature(desk)
    before = a_verdict(desk).record["policy_hash"]
    policies.change(desk, SHELL, SLUG, {"verdict_saving_floor": "0.9"})
    assert a_verdict(desk).record["policy_hash"] == before


def test_margin_and_bar_are_the_features(desk: Desk) -> None:
    a_feature(desk)
    sent = len(waiting(desk))
    seen = policies.change(desk, SHELL, SLUG, {"margin": "3%", "quality_bar": "0.9"})
    assert (seen.margin, seen.quality_bar) == (0.03, 0.9)
    assert features.show(desk, SLUG).margin == 0.03
    assert len(waiting(desk)) >= sent  # the card is shown again
    with pytest.raises(Invalid, match="margin belongs to one feature"):
        policies.change(desk, SHELL, "", {"margin": "3%"})


def test_the_margin_is_fixed_by_the_first_look(desk: Desk) -> None:
    looked_at(desk)
    with pytest.raises(Conflict) as refused:
        policies.change(desk, SHELL, SLUG, {"margin": "3%"})
    assert str(refused.value) == (
        "The margin of ticket-router was fixed at 2 points on 2026-11-25, before the sealed rows were read. "
        "Seal a new eval version to change it."
    )
    with pytest.raises(Conflict, match="The evaluation_sealed_share of ticket-router was fixed on 2026-11-25"):
        policies.change(desk, SHELL, SLUG, {"evaluation_sealed_share": "0.3"})
    assert features.show(desk, SLUG).margin == 0.02
    assert policies.show(desk, SLUG).fixed_on == "2026-11-25"
    policies.change(desk, SHELL, SLUG, {"quality_bar": "0.95"})  # a wish, no part of the test


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"cost_enginering_usd": "1"}, "There is no setting 'cost_enginering_usd'"),
        ({"cost_engineering_usd": "-1"}, "cost_engineering_usd is -1; it must lie between 0 and 10,000,000."),
        ({"cost_engineering_usd": "nan"}, "cost_engineering_usd is nan; it must lie between"),
        ({"cost_engineering_usd": "many"}, "cost_engineering_usd is 'many', which is no number."),
        ({"verdict_alpha": "0.5"}, "verdict_alpha is 0.5; it must lie between 0.0001 and 0.1."),
        ({"verdict_rows_cap": "2000.5"}, "verdict_rows_cap is 2000.5; it counts whole things."),
        ({"margin": "21%"}, "margin is 21%; it must lie between 0.0001 and 0.2."),
        ({"stage_units": "moon:3"}, "stage_units names 'moon'; its stages are shadow"),
        ({"stage_units": "shadow:3.5"}, "stage_units is 3.5; it counts whole things."),
        (
            {"evaluation_sealed_share": "0.45"},
            "evaluation_sealed_share is 0.45, more than evaluation_sealed_share_most",
        ),
    ],
)
def test_a_value_that_cannot_be_changes_nothing(desk: Desk, said: dict[str, str], why: str) -> None:
    a_feature(desk)
    before = policies.show(desk, SLUG)
    with pytest.raises(Invalid) as refused:
        policies.change(desk, SHELL, SLUG, {"cost_minute_usd": "1", **said})
    assert refused.value.message.startswith(why)
    assert refused.value.hint
    assert policies.show(desk, SLUG) == before


def test_the_same_delivery_counts_once_and_features_must_exist(desk: Desk) -> None:
    once = Once(team="T", key="k", kind="command")
    policies.change(desk, SHELL, "", {"cost_minute_usd": "1"}, once=once)
    with pytest.raises(Repeated):
        policies.change(desk, SHELL, "", {"cost_minute_usd": "2"}, once=once)
    with pytest.raises(NotFound):
        policies.show(desk, "nowhere")
    assert value(policies.show(desk), "cost_minute_usd") == "1"


def test_every_setting_can_be_set_to_what_it_is(desk: Desk) -> None:
    before = policies.show(desk)
    said = {one.name: one.value for kind in before.kinds for one in kind.settings}
    assert len(said) > 50
    assert policies.change(desk, SHELL, "", said).sha == before.sha


def test_prices_are_set_and_shown_by_words(desk: Desk) -> None:
    assert "The team has set no price of its own." in say(desk, "settings prices")
    told = say(desk, 'settings prices model=our-model input=2.50 output=$10 from=2026-11-01 source="an invoice"', SHELL)
    assert "our-model from 2026-11-01: $2.50 in, $10 out per million tokens; an invoice (set by @ops)." in told
    assert "$2.50 in, $10.00 out per million tokens on 2026-11-25" in prices.price_line(desk, "our-model")
    later = say(desk, "settings prices model=our-model input=1 cached=0.5 output=4 from=2027-01-01")
    assert "our-model from 2027-01-01 (to come): $1 in, $0.50 cached, $4 out" in later
    assert prices.own_prices(desk).rows[0].starts_on == date(2026, 11, 1).isoformat()


def test_policies_are_set_and_shown_by_words(desk: Desk) -> None:
    a_feature(desk)
    told = say(desk, f'settings {SLUG} margin=3% Readiness_Traffic_Days_of_90=60 reason="a holiday business"')
    assert "margin 3 points, quality_bar none set." in told
    assert "readiness_traffic_days_of_90=60 (default 75)" in told
    assert "readiness (version 1 of its own, by @ops on 2026-11-25: a holiday business)" in told
    assert "What every feature is judged by" in say(desk, "settings", BO)


def test_looking_is_open_and_setting_is_the_admins(desk: Desk) -> None:
    a_feature(desk)
    for words in (
        f"settings {SLUG} margin=3%",
        "settings prices model=m input=1 output=1",
        "settings verdict_alpha=0.01",
    ):
        with pytest.raises(NotAllowed, match="settings needs the role admin"):
            say(desk, words, ASKER)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("settings prices model=m input=1", "settings prices needs output."),
        ("settings prices model=m input=1 output=1 margin=2%", "settings prices knows no margin."),
        ("settings model=m", "model is a key of settings prices."),
        ('settings reason="just so"', "A reason alone sets nothing."),
        ("settings prices model=m input=-1 output=1", "input is `-1`, which is no sum of money."),
        (
            "settings prices model=m input=1 output=1 from=yesterday",
            "from is `yesterday`, which I cannot read as a day.",
        ),
    ],
)
def test_half_a_setting_is_refused_with_a_whole_one(desk: Desk, words: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        say(desk, words)
    assert refused.value.message.startswith(why)
    assert refused.value.hint


def test_words_are_set_read_and_emptied_and_what_cannot_be_read_is_refused(desk: Desk) -> None:
    policies.change(desk, ASKER, "", {"digest_zone": "Europe/Berlin", "rebaseline_models": "gpt-5-mini, gpt-5-nano"})
    told = say(desk, "settings")
    assert "Europe/Berlin" in told
    assert "rebaseline_shutdowns none" in told.replace(":", "").replace("=", " ")
    policies.change(desk, ASKER, "", {"rebaseline_models": "none"})
    with desk.services.database.read() as tx:
        assert versions.current(tx).rebaseline.models == ""
        assert versions.current(tx).digest.zone == "Europe/Berlin"
    for name, word in (("digest_zone", "Mars"), ("digest_zone", "none"), ("rebaseline_shutdowns", "gpt=soon")):
        with pytest.raises(Invalid, match=r"is needed|IANA"):
            policies.change(desk, ASKER, "", {name: word})


def test_the_hour_of_a_digest_changes_nothing_that_was_asked_for(desk: Desk) -> None:
    with desk.services.database.read() as tx:
        before = versions.current(tx).sha
    policies.change(desk, ASKER, "", {"digest_hour": "7"})
    with desk.services.database.read() as tx:
        assert versions.current(tx).sha == before
    policies.change(desk, ASKER, "", {"cost_minute_usd": "1"})
    with desk.services.database.read() as tx:
        assert versions.current(tx).sha != before


def test_a_key_of_the_gateway_is_told_once_to_an_admin_alone(desk: Desk) -> None:
    a_feature(desk)
    asked = grammar.parse(f"settings gateway-key {SLUG}")
    assert grammar.role_of(asked) is Role.ADMIN
    assert grammar.role_of(grammar.parse(f"settings {SLUG}")) is Role.GUEST
    with pytest.raises(NotUnderstood, match="takes the feature"):
        REGISTRY.commands["settings"].handle(Words(desk=desk, actor=SHELL, asked=grammar.parse("settings gateway-key")))
    answer = REGISTRY.commands["settings"].handle(Words(desk=desk, actor=SHELL, asked=asked))
    assert isinstance(answer, Answer)
    secret = answer.view.key.secret
    assert len(secret) == len("agk_") + 43
    (listed,) = keys.every(desk, SLUG)
    assert listed.made_by == SHELL.id
    assert secret not in str(listed)
    home = desk.services.settings.home
    assert not [path for path in home.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_a_prompt_for_another_model_is_kept_shown_and_dropped_by_the_same_words(desk: Desk) -> None:
    a_feature(desk)
    kept = say(desk, f'settings {SLUG} model=gpt-5-nano prompt="Sort: {{{{ input }}}}" reason="it is terser"')
    assert "tried each month beside the current one, for gpt-5-nano" in kept
    assert "gpt-5-nano" in say(desk, f"settings {SLUG}")
    assert "gpt-5-nano" not in say(desk, f"settings {SLUG} model=gpt-5-nano prompt=none")
    for words in (f'settings {SLUG} prompt="Sort"', f'settings {SLUG} model=gpt-5-nano prompt="Sort" margin=3%'):
        with pytest.raises(NotUnderstood):
            say(desk, words)
    with pytest.raises(Invalid, match="belongs to one feature"):
        say(desk, 'settings model=gpt-5-nano prompt="Sort"')
