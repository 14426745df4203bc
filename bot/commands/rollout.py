"""Roll a winner out: ask for the next stage, vote, pause, resume, roll back, drill a rollback."""

from __future__ import annotations

from bot import access, grammar
from bot.grammar import Asked
from bot.messages import approval, forms, notice, rollout
from bot.router import Answer, FieldErrors, Filled, Form, Press, Words, always, button, command, form
from engine.desk import Desk, approvals, drills, rollouts
from engine.desk.approvals import ApprovalView
from engine.errors import Conflict, Invalid, NotFound
from engine.models.actor import Actor
from engine.models.mail import Once
from engine.models.rollout import ApprovalState

MOVED: dict[str, rollout.Moved] = {"pause": "paused", "resume": "resumed", "rollback": "rolled_back"}


def _changes(asked: Asked) -> bool:
    return bool(asked.word(1))


def _asks(asked: Asked) -> bool:
    return asked.word(1) == "drill"


@command("rollout", opens=_asks, changes=_changes)
def move(words: Words) -> Answer | Form:
    """Where it stands, or one of its steps."""
    slug, step = words.asked.word(), words.asked.word(1)
    if not step:
        return Answer(rollout.state(rollouts.show(words.desk, slug)))
    if step == "next":
        return Answer(_asked_for(words.desk, words.actor, slug, words.once))
    if step == "drill" and words.forms:
        return Form(forms.ConfirmDrill(slug, drills.ahead(words.desk, slug)))
    if step == "drill":
        return Answer(rollout.Drilled(drills.begin(words.desk, words.actor, slug, once=words.once)))
    seen = rollouts.lower(words.desk, words.actor, slug, step, once=words.once)
    return Answer(rollout.moved(seen, MOVED[step], by=words.actor.id))


@form("confirm_drill")
def drill_confirmed(filled: Filled) -> Answer:
    """A rollback drill, confirmed."""
    access.check_words(filled.desk, filled.actor, filled.carried)
    slug = grammar.parse(filled.carried).word()
    return Answer(rollout.Drilled(drills.begin(filled.desk, filled.actor, slug, once=filled.once)))


@button("rollout.next")
def next_pressed(press: Press) -> Answer:
    """The primary button of a verdict that ships, and of a stage that may be left: for what it was drawn for alone."""
    slug, seen = _drawn_for(press.value)
    access.check_words(press.desk, press.actor, f"rollout {slug} next")
    return Answer(_asked_for(press.desk, press.actor, slug, press.once, seen=seen))


@button("rollout.step")
def step_pressed(press: Press) -> Answer:
    """Pause, resume and roll back on a stage's card."""
    step, _, rest = press.value.partition(" ")
    slug, seen = _drawn_for(rest)
    if step not in MOVED:
        raise NotFound("This button carries nothing Assay knows.", hint=f"How it stands: /assay rollout {slug}")
    access.check_words(press.desk, press.actor, f"rollout {slug} {step}")
    lowered = rollouts.lower(press.desk, press.actor, slug, step, seen=seen, once=press.once)
    return Answer(rollout.moved(lowered, MOVED[step], by=press.actor.id))


@command("approvals")
def waiting(words: Words) -> Answer:
    """What waits for a vote."""
    return Answer(approval.waiting(approvals.pending(words.desk)))


@command("approve", changes=always)
def approve(words: Words) -> Answer:
    """Say yes, by words."""
    return Answer(_voted(approvals.approve(words.desk, words.actor, words.asked.word(), once=words.once)))


@command("reject", changes=always)
def reject(words: Words) -> Answer:
    """Say no, by words."""
    reason = words.asked.text("reason")
    return Answer(_voted(approvals.reject(words.desk, words.actor, words.asked.word(), reason, once=words.once)))


@button("approval.approve")
def approve_pressed(press: Press) -> Answer:
    """Say yes, by button."""
    token, version = _value(press.value)
    return Answer(_voted(approvals.approve(press.desk, press.actor, token, version=version, once=press.once)))


@button("approval.reject", opens=True)
def reject_pressed(press: Press) -> Form:
    """Ask why not."""
    token, _ = _value(press.value)
    seen = approvals.show(press.desk, token)
    if seen.state is not ApprovalState.PENDING:
        raise Conflict("This request was decided already. Nothing was changed.", hint="/assay approvals")
    return Form(forms.reject_approval(seen))


@form("reject_approval")
def rejected(filled: Filled) -> Answer:
    """The reason, sent."""
    token, _ = _value(filled.carried)
    try:
        seen = approvals.reject(filled.desk, filled.actor, token, filled.values.get("reason", ""), once=filled.once)
    except Invalid as error:
        raise FieldErrors({"reason": error.message}) from error
    return Answer(_voted(seen))


def _asked_for(desk: Desk, actor: Actor, slug: str, once: Once | None, *, seen: str = "") -> notice.Receipt:
    made = rollouts.next_stage(desk, actor, slug, seen=seen, once=once)
    return notice.Receipt("asked", slug, made.channel, made.token, made.needed)


def _drawn_for(carried: str) -> tuple[str, str]:
    """The feature of a button, and the mark of what it was drawn for; one without is of an earlier version."""
    slug, _, seen = carried.partition(" ")
    if not seen:
        raise Conflict(
            "This button is from an earlier version of Assay. Nothing was changed.",
            hint="Look at the message again: it was just drawn anew.",
        )
    return slug, seen


def _voted(seen: ApprovalView) -> notice.Receipt:
    if seen.state is ApprovalState.REJECTED:
        return notice.Receipt("rejected", seen.slug, name=seen.token)
    missing = max(seen.needed - len(seen.voters), 0)
    return notice.Receipt("voted" if missing else "approved", seen.slug, name=seen.token, missing=missing)


def _value(carried: str) -> tuple[str, int]:
    token, _, version = carried.rpartition(".")
    if not token or not version.isdigit():
        raise NotFound("This button carries nothing Assay knows.", hint="What waits for you: /assay approvals")
    return token, int(version)
