"""Methods about modals and Home: open, update, push, publish.

Knows nothing of forms being filled in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from bot.blockkit.shape import Json, string
from bot.blockkit.validate import Surface, validate
from bot.standin import people, views
from bot.standin.call import Call
from bot.standin.refusals import ApiRefused, refuse_problems
from bot.standin.room import Room


def checked(view: Json, kind: str) -> Json:
    """A view if Slack would take it on that surface."""
    if not view:
        raise ApiRefused("invalid_arguments", response_metadata={"messages": ["[ERROR] missing required field: view"]})
    problems = validate(view, cast("Surface", kind))
    if any(problem.pointer == "/view" for problem in problems):
        raise ApiRefused("view_too_large")
    refuse_problems(problems, "invalid_arguments")
    return view


def open_view(call: Call) -> Json:
    """views.open."""
    view = checked(call.mapping("view"), "modal")
    trigger = call.standin.triggers.spend(call.needed("trigger_id"))
    return {"view": _shown(call.room, views.open_modal(call.room, trigger.user_id, view))}


def push_view(call: Call) -> Json:
    """views.push: only from a press inside a modal."""
    view = checked(call.mapping("view"), "modal")
    trigger = call.standin.triggers.spend(call.needed("trigger_id"))
    below = views.find(call.room, trigger.view_id)
    if below is None or not below.is_open:
        raise ApiRefused("invalid_trigger_id")
    return {"view": _shown(call.room, views.push(call.room, views.top(call.room, below.reader) or below, view))}


def update_view(call: Call) -> Json:
    """views.update, by view id or by the app's own external id."""
    external_id = call.text("external_id")
    if external_id:
        kept = views.by_external_id(call.room, external_id)
    else:
        kept = views.find(call.room, call.needed("view_id"))
    if kept is None or not kept.is_open:
        raise ApiRefused("not_found")
    view = checked(call.mapping("view"), kept.kind)
    return {"view": _shown(call.room, views.update(call.room, kept, view, call.text("hash")))}


def publish_view(call: Call) -> Json:
    """views.publish."""
    reader = people.person(call.room, call.needed("user_id"))
    if reader is None:
        raise ApiRefused("user_not_found")
    view = checked(call.mapping("view"), "home")
    return {"view": _shown(call.room, views.publish(call.room, reader.id, view, call.text("hash")))}


def _shown(room: Room, kept: views.Kept) -> Json:
    shown = views.view_json(room, kept)
    return {**shown, "type": string(shown.get("type"))}


METHODS: dict[str, Callable[[Call], Json]] = {
    "views.open": open_view,
    "views.publish": publish_view,
    "views.push": push_view,
    "views.update": update_view,
}
