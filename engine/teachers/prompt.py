"""Turn a baseline's prompt and one input into messages. Knows nothing of endpoints or replies."""

from __future__ import annotations

import re

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from engine.errors import Invalid
from engine.teachers.replies import Message

_INPUT = re.compile(r"\{\{-?\s*input\b")
_PLACE = re.compile(r"\{\{-?\s*[A-Za-z_]\w*\s*-?\}\}")
_HINT = 'Write the place of the input as "{{ input }}", or leave it out: then the prompt is the system message.'


def check(prompt: str) -> None:
    """Raise ``Invalid`` for a prompt that could not be rendered, before a feature is registered with it.

    A place of another name, where none of the input is, is a slip: the model would read its braces.
    """
    other = _PLACE.search(prompt)
    if other and _INPUT.search(prompt) is None:
        raise Invalid(f"The prompt has a place {other.group()[:40]}, which nothing fills.", hint=_HINT)
    messages(prompt, "")


def messages(prompt: str, text: str, *, addition: str = "") -> tuple[Message, ...]:
    """The messages of one call.

    Without ``{{ input }}`` the prompt is the system message and the input, verbatim, the only user message; with it,
    the prompt is rendered in a sandbox as the only user message. ``addition`` follows the prompt, or in the second
    case goes before it. Raises ``Invalid`` for a prompt that cannot be rendered.
    """
    if _INPUT.search(prompt) is None:
        system = "\n\n".join(part for part in (prompt, addition) if part.strip())
        asked = {"role": "user", "content": text}
        return ({"role": "system", "content": system}, asked) if system else (asked,)
    rendered = _rendered(prompt, text)
    return ({"role": "user", "content": f"{addition}\n\n{rendered}" if addition else rendered},)


def input_of(prompt: str, content: str) -> str:
    """The input in a user message that was rendered from the prompt; the whole message where it was not."""
    place = _PLACE.search(prompt)
    if place is None or _INPUT.match(place.group()) is None:
        return content
    before, after = prompt[: place.start()], prompt[place.end() :]
    is_plain = "{{" not in after and "{%" not in before + after
    if not is_plain or len(content) < len(before) + len(after):
        return content
    if not (content.startswith(before) and content.endswith(after)):
        return content
    return content[len(before) : len(content) - len(after)]


def _rendered(prompt: str, text: str) -> str:
    # Texts for a model are no HTML; a prompt comes from chat, so it is rendered in a sandbox.
    sandbox = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    try:
        return sandbox.from_string(prompt).render(input=text)
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, OverflowError) as error:
        line = getattr(error, "lineno", None)
        where = f" in line {line}" if line else ""
        raise Invalid(f"The prompt cannot be rendered{where} ({type(error).__name__}).", hint=_HINT) from error
