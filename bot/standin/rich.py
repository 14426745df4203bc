"""Read rich_text JSON, and the little Markdown of a markdown block, into nodes.

Knows nothing of HTML, nor of mrkdwn: text elements are literal here.
"""

from __future__ import annotations

import re

from bot.blockkit.shape import Json, mapping, mappings, string
from bot.standin.nodes import Kind, Names, Node, date, emoji, link

STYLES: tuple[tuple[str, Kind], ...] = (("bold", "bold"), ("italic", "italic"), ("strike", "strike"))
MARK = re.compile(
    r"`(?P<code>[^`\n]+)`|\*\*(?P<bold>[^*\n]+)\*\*|__(?P<bold2>[^_\n]+)__"
    r"|(?<!\w)[*_](?P<italic>[^*_\n]+)[*_](?!\w)|~~(?P<strike>[^~\n]+)~~|\[(?P<label>[^\]\n]+)\]\((?P<url>[^)\s]+)\)"
)
HEADING = re.compile(r"#{1,6} +(.*)")
BULLET = re.compile(r"\s*[-*+] +(.*)")
NUMBER = re.compile(r"\s*\d+[.)] +(.*)")


def rich_text(block: Json, names: Names) -> tuple[Node, ...]:
    """The nodes of a rich_text block or cell."""
    nodes: list[Node] = []
    for part in mappings(block.get("elements")):
        leaves = mappings(part.get("elements"))
        match part.get("type"):
            case "rich_text_list":
                entries = tuple(
                    Node("entry", parts=_leaves(mappings(entry.get("elements")), names)) for entry in leaves
                )
                nodes.append(Node("numbers" if part.get("style") == "ordered" else "bullets", parts=entries))
            case "rich_text_quote":
                nodes.append(Node("quote", parts=_leaves(leaves, names)))
            case "rich_text_preformatted":
                nodes.append(
                    Node("pre", "".join(string(leaf.get("text")) or string(leaf.get("url")) for leaf in leaves))
                )
            case _:
                nodes.append(Node("paragraph", parts=_leaves(leaves, names)))
    return tuple(nodes)


def _leaves(leaves: list[Json], names: Names) -> tuple[Node, ...]:
    nodes: list[Node] = []
    for leaf in leaves:
        if leaf.get("type") == "text":
            lines = string(leaf.get("text")).split("\n")
            for index, line in enumerate(lines):
                nodes += [*([Node("break")] if index else []), _styled(Node("text", line), leaf)]
        else:
            nodes.append(_styled(_leaf(leaf, names), leaf))
    return tuple(nodes)


def _styled(node: Node, leaf: Json) -> Node:
    style = mapping(leaf.get("style"))
    if style.get("code") and node.kind == "text":
        node = Node("code", node.text)
    for name, kind in STYLES:
        if style.get(name):
            node = Node(kind, parts=(node,))
    return node


def _leaf(leaf: Json, names: Names) -> Node:
    match leaf.get("type"):
        case "link":
            return link(string(leaf.get("url")), string(leaf.get("text")))
        case "user":
            return names.person(string(leaf.get("user_id")))
        case "channel":
            return names.channel(string(leaf.get("channel_id")))
        case "usergroup":
            return Node("mention", f"@{string(leaf.get('usergroup_id'))}")
        case "broadcast":
            return Node("broadcast", f"@{string(leaf.get('range'))}")
        case "emoji":
            return emoji(string(leaf.get("name")))
        case "date":
            return date(str(leaf.get("timestamp")), string(leaf.get("format")), string(leaf.get("fallback")))
        case _:
            return Node("text", string(leaf.get("value")))


def markdown(text: str) -> tuple[Node, ...]:
    """The nodes of a markdown block: headings, lists, quotes, fences and the usual marks; no raw HTML."""
    nodes: list[Node] = []
    fenced: list[str] | None = None
    for line in text.split("\n"):
        if line.startswith("```"):
            if fenced is not None:
                nodes.append(Node("pre", "\n".join(fenced)))
            fenced = None if fenced is not None else []
        elif fenced is not None:
            fenced.append(line)
        else:
            _add_line(nodes, line)
    return tuple(nodes)


def _add_line(nodes: list[Node], line: str) -> None:
    if heading := HEADING.match(line):
        nodes.append(Node("heading", parts=_marks(heading.group(1))))
    elif bullet := BULLET.match(line):
        _add_entry(nodes, "bullets", bullet.group(1))
    elif number := NUMBER.match(line):
        _add_entry(nodes, "numbers", number.group(1))
    elif line.startswith(">"):
        nodes.append(Node("quote", parts=_marks(line.removeprefix(">").strip())))
    elif line.strip():
        nodes.append(Node("paragraph", parts=_marks(line)))


def _add_entry(nodes: list[Node], kind: Kind, words: str) -> None:
    entry = Node("entry", parts=_marks(words))
    if nodes and nodes[-1].kind == kind:
        nodes[-1] = Node(kind, parts=(*nodes[-1].parts, entry))
    else:
        nodes.append(Node(kind, parts=(entry,)))


def _marks(text: str) -> tuple[Node, ...]:
    nodes: list[Node] = []
    end = 0
    for mark in MARK.finditer(text):
        nodes += [Node("text", text[end : mark.start()]), _mark(mark)]
        end = mark.end()
    return (*nodes, Node("text", text[end:]))


def _mark(mark: re.Match[str]) -> Node:
    if mark.group("url"):
        return link(mark.group("url"), mark.group("label"))
    if mark.group("code"):
        return Node("code", mark.group("code"))
    words = (Node("text", mark.group(mark.lastgroup or 0)),)
    if mark.group("italic"):
        return Node("italic", parts=words)
    return Node("strike" if mark.group("strike") else "bold", parts=words)
