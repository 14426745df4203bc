"""Read Slack's mrkdwn into nodes.

Knows nothing of HTML: nothing is replaced inside a string, so nothing typed by a person can become markup.
"""

from __future__ import annotations

import re

from bot.standin.nodes import Names, Node, date, emoji, link

FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
TOKEN = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<angle>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+-]+):"
    r"|(?<![\w*])\*(?P<bold>(?! )[^*\n]+(?<! ))\*(?![\w*])"
    r"|(?<![\w_])_(?P<italic>(?! )[^_\n]+(?<! ))_(?![\w_])"
    r"|(?<![\w~])~(?P<strike>(?! )[^~\n]+(?<! ))~(?![\w~])"
)
QUOTE = re.compile(r"^(?:&gt;|>) ?")
BROADCASTS = ("channel", "here", "everyone")


def parse(text: str, names: Names) -> tuple[Node, ...]:
    """The nodes of a mrkdwn text."""
    nodes: list[Node] = []
    end = 0
    for fence in FENCE.finditer(text):
        nodes += _lines(text[end : fence.start()].removesuffix("\n"), names)
        nodes.append(Node("pre", unescape(fence.group(1))))
        end = fence.end()
    return (*nodes, *_lines(text[end:].removeprefix("\n") if end else text, names))


def unescape(text: str) -> str:
    """Undo Slack's three escapes, `&amp;` last."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _lines(text: str, names: Names) -> list[Node]:
    nodes: list[Node] = []
    quoted: list[Node] = []
    for line in text.split("\n") if text else []:
        if QUOTE.match(line):
            quoted += [*([Node("break")] if quoted else []), *inline(QUOTE.sub("", line), names)]
            continue
        if quoted:
            nodes.append(Node("quote", parts=tuple(quoted)))
            quoted = []
        elif nodes:
            nodes.append(Node("break"))
        nodes += inline(line, names)
    return [*nodes, Node("quote", parts=tuple(quoted))] if quoted else nodes


def inline(text: str, names: Names) -> list[Node]:
    """The nodes of one line."""
    nodes: list[Node] = []
    end = 0
    for token in TOKEN.finditer(text):
        if token.start() > end:
            nodes.append(Node("text", unescape(text[end : token.start()])))
        nodes.append(_token(token, names))
        end = token.end()
    return [*nodes, Node("text", unescape(text[end:]))] if end < len(text) else nodes


def _token(token: re.Match[str], names: Names) -> Node:
    kind, inner = token.lastgroup, token.group(token.lastgroup or 0)
    match kind:
        case "code":
            return Node("code", unescape(inner))
        case "emoji":
            return emoji(inner)
        case "bold" | "italic" | "strike":
            return Node(kind, parts=tuple(inline(inner, names)))
        case _:
            return _angle(inner, names)


def _angle(inner: str, names: Names) -> Node:
    target, _, label = inner.partition("|")
    label = unescape(label)
    match target[:1]:
        case "@":
            return names.person(target[1:])
        case "#":
            return names.channel(target[1:])
        case "!":
            return _special(target[1:], label)
        case _ if "://" in target or target.startswith("mailto:"):
            return link(unescape(target), label)
        case _:
            return Node("text", unescape(f"<{inner}>"))


def _special(command: str, label: str) -> Node:
    name, *rest = command.split("^")
    if name in BROADCASTS:
        return Node("broadcast", f"@{name}")
    if name == "date" and len(rest) >= 2:
        return date(rest[0], rest[1], label)
    if name == "subteam":
        return Node("mention", label or f"@{rest[0] if rest else ''}")
    return Node("text", label or f"<!{command}>")
