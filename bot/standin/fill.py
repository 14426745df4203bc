"""Give every block and element the id Slack would invent when an app leaves it out.

Knows nothing of whether the blocks are right; they were checked before.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator

from bot.blockkit.shape import Json, mapping, mappings


def with_ids(blocks: list[Json]) -> list[Json]:
    """The same blocks, each with a `block_id`, each interactive element with an `action_id`."""
    filled = copy.deepcopy(blocks)
    for block in filled:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in elements_of(block):
            if element.get("type") not in ("image", "mrkdwn", "plain_text"):
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return filled


def elements_of(block: Json) -> Iterator[Json]:
    """A block's elements, its accessory and its input element, in the order the page numbers them."""
    if block.get("type") in ("actions", "context"):
        yield from mappings(block.get("elements"))
    for place in ("accessory", "element"):
        if place in block:
            yield mapping(block[place])
