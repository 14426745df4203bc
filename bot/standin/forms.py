"""What a person does with a modal or with Home: press, submit, close, open.

Knows nothing of HTML, nor of what a form means.
"""

from __future__ import annotations

import logging

from bot.blockkit.shape import Json, mapping, mappings
from bot.standin import methods_views, payloads, people, state, views
from bot.standin.deeds import Hand, interact
from bot.standin.notices import notice
from bot.standin.refusals import ApiRefused, Unanswered

log = logging.getLogger(__name__)


def _own(hand: Hand, view_id: str) -> views.Kept | None:
    kept = views.find(hand.room, view_id)
    return kept if kept is not None and kept.is_open and kept.reader == hand.person.id else None


async def press(hand: Hand, view_id: str, pressed: str, fields: state.Fields) -> str:
    """Press an element of a view; returns what to tell the person, empty when all is well."""
    kept = _own(hand, view_id)
    blocks = mappings(kept.body.get("blocks")) if kept else []
    spot = next((found for found in state.numbered(blocks) if found.name == pressed), None)
    if kept is None or spot is None:
        return notice("button_gone")
    shown = views.view_json(hand.room, kept, state.values(hand.room, blocks, fields))
    payload = payloads.press_in_view(hand.room, hand.person, shown)
    payload["actions"] = [state.action(hand.room, spot, fields.get(pressed, []))]
    payload["trigger_id"] = hand.standin.triggers.issue(hand.person.id, kept.id)
    return await interact(hand, payload)


async def submit(hand: Hand, view_id: str, fields: state.Fields) -> Json:
    """Send a form off. Returns `errors` by block id, or an `error` for the whole form, or nothing."""
    kept = _own(hand, view_id)
    if kept is None:
        return {"error": notice("form_gone")}
    blocks = mappings(kept.body.get("blocks"))
    wrong = state.complaints(hand.room, blocks, fields)
    if wrong:
        return {"errors": {block: notice(found.kind, **found.facts) for block, found in wrong.items()}}
    shown = views.view_json(hand.room, kept, state.values(hand.room, blocks, fields))
    payload = payloads.submission(hand.room, hand.person, shown)
    payload["trigger_id"] = hand.standin.triggers.issue(hand.person.id, kept.id)
    try:
        answer = await hand.standin.delivery.ask("interactive", payload)
        return _apply(hand, kept, answer)
    except Unanswered as missed:
        return {"error": notice("unanswered", app=hand.room.workspace.app_name, reason=missed.reason)}
    except ApiRefused as refused:
        log.warning("form.refused", extra={"code": refused.code})
        return {"error": notice("bad_answer", code=refused.code, problems=refused.more.get("errors", []))}


def _apply(hand: Hand, kept: views.Kept, answer: Json) -> Json:
    match answer.get("response_action"):
        case "errors":
            return {"errors": mapping(answer.get("errors"))}
        case "update":
            views.update(hand.room, kept, methods_views.checked(mapping(answer.get("view")), "modal"), "")
        case "push":
            views.push(hand.room, kept, methods_views.checked(mapping(answer.get("view")), "modal"))
        case "clear":
            views.close(hand.room, kept, whole_stack=True)
        case _:
            views.close(hand.room, kept)
    return {}


async def close(hand: Hand, view_id: str, *, whole_stack: bool) -> None:
    """Close a modal; the app hears of it where it asked to."""
    kept = _own(hand, view_id)
    if kept is None:
        return
    whole_stack = whole_stack or bool(kept.body.get("clear_on_close"))
    views.close(hand.room, kept, whole_stack=whole_stack)
    if kept.body.get("notify_on_close"):
        shown = views.view_json(hand.room, kept)
        await interact(hand, payloads.closing(hand.room, hand.person, shown, is_cleared=whole_stack))


def open_home(hand: Hand) -> None:
    """Look at the app's Home; the app is told, and may publish."""
    kept = views.home(hand.room, hand.person.id)
    dm = people.dm_of(hand.room, hand.person.id)
    shown = views.view_json(hand.room, kept) if kept else None
    inner = payloads.home_opened(hand.person, dm, f"{hand.room.seconds():.6f}", shown)
    hand.standin.delivery.tell(payloads.event(hand.room, inner))
