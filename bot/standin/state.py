"""Read a form's fields into `view.state.values`, and one press into an action, in Slack's shape.

Knows nothing of HTML but the names of fields: `f-<block>-<element>`, both counted from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.blockkit.shape import Json, mapping, mappings, sequence, string
from bot.standin import files
from bot.standin.fill import elements_of
from bot.standin.refusals import ApiRefused
from bot.standin.room import Room

Fields = Mapping[str, list[str]]

ONE_OF = {
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "users_select": "selected_user",
}
SEVERAL = {
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
    "multi_users_select": "selected_users",
}
TYPED = ("plain_text_input", "number_input", "email_text_input", "url_text_input")
STATELESS = ("button", "overflow", "image", "mrkdwn", "plain_text")


@dataclass(frozen=True)
class Complaint:
    """What Slack's own client says about a field before the app hears of it."""

    kind: str
    facts: Json = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class Numbered:
    """An element with the name its field has on the page."""

    name: str
    block: Json
    element: Json


def numbered(blocks: list[Json]) -> Iterator[Numbered]:
    """Every element of the blocks, in page order."""
    for place, block in enumerate(blocks):
        for index, element in enumerate(elements_of(block)):
            yield Numbered(f"f-{place}-{index}", block, element)


def values(room: Room, blocks: list[Json], fields: Fields) -> Json:
    """The state of all stateful elements, by block id and action id."""
    found: Json = {}
    for spot in numbered(blocks):
        if spot.element.get("type") not in STATELESS:
            state = read(room, spot.element, fields.get(spot.name, []))
            found.setdefault(string(spot.block.get("block_id")), {})[string(spot.element.get("action_id"))] = state
    return found


def read(room: Room, element: Json, given: list[str]) -> Json:
    """What one element holds."""
    kind = string(element.get("type"))
    chosen = [value for value in given if value]
    first = chosen[0] if chosen else None
    if kind in ONE_OF:
        return {"type": kind, ONE_OF[kind]: first}
    if kind in TYPED:
        return {"type": kind, "value": first}
    if kind in SEVERAL:
        return {"type": kind, SEVERAL[kind]: chosen}
    return {"type": kind, **_read_rest(room, kind, element, chosen)}


def _read_rest(room: Room, kind: str, element: Json, chosen: list[str]) -> Json:
    match kind:
        case "static_select" | "radio_buttons" | "external_select" | "overflow":
            return {"selected_option": next(iter(_options(element, chosen)), None)}
        case "multi_static_select" | "checkboxes" | "multi_external_select":
            return {"selected_options": _options(element, chosen)}
        case "datetimepicker":
            return {"selected_date_time": _seconds(chosen)}
        case "file_input":
            return {"files": [files.shown(room, file_id) for file_id in chosen]}
        case "rich_text_input":
            return {"rich_text_value": _rich(chosen)}
        case _:
            return {}


def _options(element: Json, chosen: list[str]) -> list[Json]:
    return [option for option in options_of(element) if option.get("value") in chosen]


def options_of(element: Json) -> list[Json]:
    """An element's options, those in groups included."""
    grouped = [option for group in mappings(element.get("option_groups")) for option in mappings(group.get("options"))]
    return [*mappings(element.get("options")), *grouped]


def _seconds(chosen: list[str]) -> int | None:
    return int(datetime.fromisoformat(chosen[0]).replace(tzinfo=UTC).timestamp()) if chosen else None


def _rich(chosen: list[str]) -> Json | None:
    if not chosen:
        return None
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": chosen[0]}]}
    return {"type": "rich_text", "elements": [section]}


def action(room: Room, spot: Numbered, given: list[str]) -> Json:
    """One press, as it stands in `actions`."""
    element = spot.element
    if element.get("type") == "button":
        pressed: Json = {"type": "button", "text": element.get("text"), "value": element.get("value", "")}
    else:
        pressed = read(room, element, given)
    return {
        **{key: value for key, value in pressed.items() if value != ""},
        "action_id": string(element.get("action_id")),
        "block_id": string(spot.block.get("block_id")),
        "action_ts": f"{room.seconds():.6f}",
    }


def complaints(room: Room, blocks: list[Json], fields: Fields) -> dict[str, Complaint]:
    """What is wrong with a form, by block id; empty when the app may have it."""
    found: dict[str, Complaint] = {}
    for spot in numbered(blocks):
        if spot.block.get("type") == "input":
            given = [value for value in fields.get(spot.name, []) if value]
            complaint = _complaint(room, spot, given)
            if complaint is not None:
                found[string(spot.block.get("block_id"))] = complaint
    return found


def _complaint(room: Room, spot: Numbered, given: list[str]) -> Complaint | None:
    if not given:
        return None if spot.block.get("optional") else Complaint("required")
    element, first = spot.element, given[0]
    match element.get("type"):
        case "plain_text_input":
            return _length(element, first)
        case "number_input":
            return _number(element, first)
        case "file_input":
            return _uploads(room, element, given)
        case _:
            return None


def _length(element: Json, typed: str) -> Complaint | None:
    least, most = element.get("min_length") or 0, element.get("max_length") or 3000
    if len(typed) < least:
        return Complaint("too_short", {"least": least})
    return Complaint("too_long", {"most": most}) if len(typed) > most else None


def _number(element: Json, typed: str) -> Complaint | None:
    try:
        number = float(typed)
    except ValueError:
        return Complaint("no_number")
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return Complaint("no_whole_number")
    if number < float(element.get("min_value") or number) or number > float(element.get("max_value") or number):
        return Complaint("out_of_range", {"least": element.get("min_value"), "most": element.get("max_value")})
    return None


def _uploads(room: Room, element: Json, given: list[str]) -> Complaint | None:
    if len(given) > (element.get("max_files") or 10):
        return Complaint("too_many_files", {"most": element.get("max_files") or 10})
    allowed = [string(kind).lower() for kind in sequence(element.get("filetypes"))]
    for file_id in given:
        try:
            kind = mapping(files.shown(room, file_id)).get("filetype")
        except ApiRefused:
            return Complaint("required")
        if allowed and kind not in allowed:
            return Complaint("wrong_kind_of_file", {"allowed": allowed})
    return None
