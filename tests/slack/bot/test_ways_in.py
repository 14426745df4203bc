"""Every way in beside the command: shortcuts, files dropped where they are understood, words in messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.desk import labels
from tests.builders import SLUG, a_feature, csv_of
from tests.slack.bot.wire import Wire
from tests.waiting import eventually

OTHER = csv_of(range(30)).replace(b"input,output", b"Customer text,Team")


def form_of(wire: Wire, person: str = "U1") -> dict[str, Any]:
    """The form that opens."""
    return eventually(lambda: wire.modal(person))


def use(wire: Wire, file_id: str, *, columns: dict[str, str] | None = None) -> tuple[int, str]:
    """Send the form that asks which feature a file is for."""
    said = {"feature": {"selected_option": {"value": SLUG}}}
    said |= {name: {"value": told} for name, told in (columns or {}).items()}
    answer = wire.send(wire.submission("use_file", said, carried=file_id))
    wire.settle()
    return answer


def preview(wire: Wire) -> str:
    wire.settle()
    return json.dumps(wire.posted()[-1])


def test_a_new_feature_is_registered_from_anywhere(wire: Wire) -> None:
    wire.send(wire.shortcut("new_feature"))
    assert form_of(wire)["callback_id"] == "register_feature"


def test_the_file_of_a_message_is_used_as_labels(wire: Wire) -> None:
    a_feature(wire.desk)
    file_id, ts = wire.share(csv_of(range(30)))
    wire.send(wire.shortcut("use_as_labels", ts))
    form = form_of(wire)
    assert form["callback_id"] == "use_file"
    assert str(form["private_metadata"]).endswith(file_id)
    assert use(wire, file_id) == (200, "")
    assert "30 rows" in preview(wire)
    assert "labels.confirm" in preview(wire)
    assert labels.show(wire.desk, SLUG).rows == 0, "nothing is stored before Confirm"


def test_a_message_without_labels_a_guest_and_a_team_without_a_feature_are_told(wire: Wire) -> None:
    _, ts = wire.share(b"", name="cat.png")
    assert "no file of labels" in wire.answer(wire.shortcut("use_as_labels", ts))
    _, ts = wire.share(csv_of(range(30)))
    assert "No feature is registered" in wire.answer(wire.shortcut("use_as_labels", ts))
    wire.answer(wire.command("features", "U5"), "U5")  # now Slack has said who this is
    wire.send(wire.shortcut("new_feature", person="U5"))
    wire.settle()
    assert "Guests" in wire.seen("U5", wire.dm("U5"))[-1]
    assert wire.modal("U5") is None


def test_columns_are_named_in_the_form_and_a_file_without_them_says_which_it_has(wire: Wire) -> None:
    a_feature(wire.desk)
    file_id, _ = wire.share(OTHER, name="export.csv")
    use(wire, file_id)
    told = next(text for text in wire.seen() if "no column input" in text)
    assert "customer text" in told
    use(wire, file_id, columns={"input": "customer TEXT", "output": "Team"})
    assert "30 rows" in preview(wire)


def test_a_file_whose_columns_are_other_ones_is_asked_for_them_by_a_form(wire: Wire) -> None:
    a_feature(wire.desk)
    wire.settle()
    card = wire.posted()[-1]["ts"]
    file_id, _ = wire.share(OTHER, name="export.csv", thread=card)
    wire.send(wire.dropped(file_id))
    wire.settle()
    (pressed,) = [one for block in wire.blocks()[-1]["blocks"] for one in block.get("elements", []) if "value" in one]
    wire.send(wire.press("1.0", pressed["action_id"], pressed["value"]))
    form = form_of(wire)
    chosen = {block["block_id"]: block["element"] for block in form["blocks"] if block["type"] == "input"}
    assert [one["value"] for one in chosen["input"]["options"]] == ["customer text", "team"]
    carried = str(form["private_metadata"]).partition(" ")[2]

    def send(texts: str, outputs: str) -> str:
        said = {name: {"selected_option": {"value": value}} for name, value in (("input", texts), ("output", outputs))}
        return wire.send(wire.submission("map_columns", said, carried=carried))[1]

    assert "holds the texts already" in json.loads(send("team", "team"))["errors"]["output"]
    assert send("customer text", "team") == ""
    assert "30 rows" in preview(wire)
    assert labels.show(wire.desk, SLUG).rows == 0, "nothing is stored before Confirm"


def test_a_first_line_that_may_be_a_row_is_not_offered_as_columns(wire: Wire) -> None:
    a_feature(wire.desk)
    file_id, _ = wire.share(b"refund please jo@example.com,billing\nwhere is my parcel,bug\n")
    use(wire, file_id)
    assert any("no column input" in text for text in wire.seen())
    assert "labels.columns" not in json.dumps(wire.blocks())


def test_a_file_dropped_into_a_thread_of_ours_is_read_as_labels_and_no_other(wire: Wire) -> None:
    a_feature(wire.desk)
    wire.settle()
    card = wire.posted()[-1]["ts"]
    for name, thread in (("cat.png", card), ("labels.csv", "")):
        file_id, _ = wire.share(csv_of(range(30)), name=name, thread=thread)
        wire.send(wire.dropped(file_id))
        wire.settle()
        assert "labels.confirm" not in json.dumps(wire.posted()), name
    file_id, _ = wire.share(csv_of(range(30)), thread=card)
    wire.send(wire.dropped(file_id))
    assert "labels.confirm" in preview(wire)


def test_a_file_in_a_direct_message_is_asked_what_it_is_for(wire: Wire) -> None:
    a_feature(wire.desk)
    dm = wire.dm("U1")
    file_id, _ = wire.share(csv_of(range(30)), channel=dm)
    assert "For which feature" in wire.answer(wire.dropped(file_id, channel=dm), channel=dm)
    wire.send(wire.press("1.0", "labels.use", file_id, channel=dm))
    assert form_of(wire)["callback_id"] == "use_file"


def test_a_file_that_is_gone_is_told(wire: Wire) -> None:
    a_feature(wire.desk)
    dm = wire.dm("U1")
    assert "no longer has this file" in wire.answer(wire.dropped("F404", channel=dm), channel=dm)


@pytest.mark.parametrize("words", ["register", f"labels {SLUG}"])
def test_a_message_that_asks_for_a_form_is_given_a_button_that_opens_it(wire: Wire, words: str) -> None:
    a_feature(wire.desk)
    dm = wire.dm("U1")
    said = {"type": "message", "channel_type": "im", "user": "U1", "channel": dm, "text": words}
    assert "needs a form" in wire.answer(wire.event(said), channel=dm)
    elements = [one for block in wire.blocks("U1", dm)[-1]["blocks"] for one in block.get("elements", [])]
    (pressed,) = [one for one in elements if "value" in one]
    wire.send(wire.press("1.0", pressed["action_id"], pressed["value"], channel=dm))
    assert form_of(wire)["callback_id"] in ("register_feature", "upload_labels")


def test_confirm_says_in_a_few_words_what_its_preview_then_shows(wire: Wire) -> None:
    a_feature(wire.desk)
    file_id, _ = wire.share(csv_of(range(30)))
    use(wire, file_id)
    card = next(one for one in wire.posted() if "labels.confirm" in json.dumps(one))
    token = labels_token(card)
    told = wire.answer(wire.press(card["ts"], "labels.confirm", token))
    assert "stored as version" in told
    assert "sealed" not in told
    wire.settle()
    shown = next(one for one in wire.posted() if one["ts"] == card["ts"])
    assert "sealed" in json.dumps(shown)
    assert "labels.confirm" not in json.dumps(shown)


def labels_token(card: dict[str, Any]) -> str:
    pressed = [one for block in card["blocks"] for one in block.get("elements", [])]
    return str(next(one["value"] for one in pressed if one.get("action_id") == "labels.confirm"))
