"""Show and change what the team decides: policies, margins, what models cost; and make a key of the gateway."""

from __future__ import annotations

from bot import access
from bot.grammar import Asked, NotUnderstood
from bot.messages import forms, settings
from bot.router import Answer, FieldErrors, Filled, Form, Press, Words, button, command, form
from engine.desk import Desk, keys, policies, prices, prompts
from engine.errors import Conflict, Invalid, Repeated

PRICES, KEY, TEAM = "prices", "gateway-key", "team"
PRICE_KEYS = ("model", "input", "cached", "output", "from", "source")


def _changes(asked: Asked) -> bool:
    return bool(asked.options) or asked.word() == KEY


@command("settings", changes=_changes)
def change(words: Words) -> Answer:
    """The policy of the team or a feature, or the price table; with keys, as it is after they were set."""
    slug, options = words.asked.word(), words.asked.options
    if slug == KEY:
        return Answer(settings.Key(_make_key(words)))
    if words.asked.word(1):
        raise NotUnderstood(
            f"settings takes one feature; {words.asked.word(1)} is a word too many.",
            hint=f"For example: /assay settings {slug} margin=3%",
            suggestion="settings",
        )
    if slug == PRICES:
        if options:
            _set_price(words)
        return Answer(settings.prices(prices.own_prices(words.desk)))
    return Answer(_own_prompt(words, slug) if "prompt" in options else _policy(words, slug))


def _policy(words: Words, slug: str) -> settings.Policies:
    """The policy of the team or a feature, after what was said of it is set."""
    options = words.asked.options
    stray = next((key for key in PRICE_KEYS if key in options), None)
    if stray is not None:
        raise NotUnderstood(
            f"{stray} is a key of settings prices.",
            hint="For example: /assay settings prices model=our-model input=2.50 output=10",
            suggestion="settings",
        )
    said = {name: word for name, word in options.items() if name != "reason"}
    if not options:
        return _shown(words.desk, slug)
    if not said:
        raise NotUnderstood(
            "A reason alone sets nothing.",
            hint='For example: /assay settings cost_engineering_usd=4000 reason="…"',
            suggestion="settings",
        )
    why = words.asked.text("reason")
    policies.change(words.desk, words.actor, slug, said, why=why, once=words.once)
    return _shown(words.desk, slug)


@button("settings.edit", opens=True)
def edit(press: Press) -> Form:
    """The form that changes one value, of the team's policy or a feature's."""
    slug = "" if press.value == TEAM else press.value
    access.check_words(press.desk, press.actor, f'settings {slug} reason="…"')
    return Form(forms.edit_setting(policies.show(press.desk, slug)))


@form("edit_setting")
def edited(filled: Filled) -> Answer:
    """The new value, sent: what is wrong with it is told beside it."""
    slug, said = filled.carried, filled.values
    access.check_words(filled.desk, filled.actor, f'settings {slug} reason="…"')
    told = {said.get("setting", ""): said.get("value", "").strip()}
    try:
        policies.change(filled.desk, filled.actor, slug, told, why=said.get("reason", "").strip(), once=filled.once)
    except Repeated:
        raise
    except Conflict as error:
        raise FieldErrors({"setting": str(error)}) from error
    except Invalid as error:
        raise FieldErrors({"value": str(error)}) from error
    return Answer(_shown(filled.desk, slug))


def _shown(desk: Desk, slug: str) -> settings.Policies:
    return settings.policy(policies.show(desk, slug), prompts.of(desk, slug))


def _own_prompt(words: Words, slug: str) -> settings.Policies:
    """The team's prompt for another model, kept or dropped."""
    asked = words.asked
    wrong = next((key for key in asked.options if key not in ("model", "prompt", "reason")), None)
    if wrong or "model" not in asked.options:
        raise NotUnderstood(
            f"{wrong} does not go with prompt." if wrong else "A prompt needs the model it is for.",
            hint=f'For example: /assay settings {slug or "SLUG"} model=gpt-5-nano prompt="Sort: {{{{ input }}}}"',
            suggestion="settings",
        )
    model, text, why = asked.text("model"), asked.text("prompt"), asked.text("reason")
    prompts.change(words.desk, words.actor, slug, model=model, text=text, why=why, once=words.once)
    return _shown(words.desk, slug)


def _make_key(words: Words) -> keys.MadeKey:
    slug = words.asked.word(1)
    if not slug or words.asked.options:
        raise NotUnderstood(
            "settings gateway-key takes the feature the key opens, and nothing else.",
            hint="For example: /assay settings gateway-key ticket-router",
            suggestion="settings",
        )
    return keys.make(words.desk, words.actor, slug, once=words.once)


def _set_price(words: Words) -> None:
    asked = words.asked
    wrong = next((key for key in asked.options if key not in (*PRICE_KEYS, "reason")), None)
    missing = next((key for key in ("model", "input", "output") if key not in asked.options), None)
    if wrong or missing:
        said = f"settings prices knows no {wrong}." if wrong else f"settings prices needs {missing}."
        raise NotUnderstood(
            said,
            hint="For example: /assay settings prices model=our-model input=2.50 output=10 from=2026-11-01",
            suggestion="settings",
        )
    price = prices.DatedPrice(
        model=asked.text("model"),
        input_usd=asked.money("input", 0.0),
        output_usd=asked.money("output", 0.0),
        cached_usd=asked.money("cached", 0.0) if "cached" in asked.options else None,
        starts_on=asked.day("from") or words.desk.services.clock.now().date(),
        source=asked.text("source") or asked.text("reason") or "set by /assay settings prices",
    )
    prices.set_price(words.desk, words.actor, price, once=words.once)
