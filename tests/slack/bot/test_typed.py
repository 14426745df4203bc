"""What people type is shown as they typed it and never lives: no ping, no mention, no link."""

from __future__ import annotations

import json
import re

from tests.builders import SLUG, a_feature
from tests.slack.bot.parsed import parsed_by_slack
from tests.slack.bot.wire import Wire
from tests.waiting import eventually

LIVE = re.compile(r"<!(?!date\^)|<@U7|<https?:|broadcast|evil\.example\"")

TYPED = (
    "show &lt;!channel&gt;",
    "show <@U7>",
    "show <!channel>",
    "<!here> now",
    "register x model=<!channel> prompt=<@U7>",
    'register ok-slug model=<!channel> prompt="<!here> <@U7> {{ input }}" labels=<!channel>,<https://evil.example|x>',
    'register ok-two model=m prompt=x labels=a,b rights="<!everyone> <https://evil.example|x>"',
    "show ok-slug",
    "features",
    "rollout nowhere next",
    'reject &lt;@U7&gt; reason="<!channel> says <@U7> no"',
    "approve <!channel>",
    "roles <@U7> owner=<!channel>",
    'labels x file="<!channel>"',
    "show " + "<!channel>" * 300,
)


def test_what_people_type_never_pings(wire: Wire) -> None:
    acked = [json.loads(body) for words in TYPED if (body := wire.send(wire.command(words))[1])]
    wire.idle()
    wire.settle()
    eventually(lambda: len(acked) + len(wire.seen()) > len(TYPED))
    said = parsed_by_slack([acked, wire.blocks(), [call["arguments"] for call in wire.room.standin.calls]])
    assert len(said) > 3 * len(TYPED)
    for text_said in said:
        assert not LIVE.search(text_said), text_said
    assert [text_said for text_said in said if "&lt;!channel&gt;" in text_said], "it is shown as it was typed"


def test_names_with_mentions_in_them_are_shown_as_they_were_typed(wire: Wire) -> None:
    a_feature(
        wire.desk, model="<!channel>", prompt="<@U2> {{ input }}", labels=("<!here>", "b<@U3>"), rights="<!everyone>"
    )
    wire.settle()
    assert "&lt;!channel&gt;" in json.dumps(wire.posted()[-1])
    wire.answer(wire.command(f"show {SLUG}"))
    for said in parsed_by_slack(wire.blocks()):
        assert not re.search(r"<!(?!date)|<@U2|<@U3", said), said
