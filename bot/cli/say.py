"""The words of ``/assay`` without Slack: prints the message's text twin. Exit 0 done, 1 refused, 2 not understood."""

from __future__ import annotations

import argparse
import sys

from bot import commands, grammar, typed
from bot.access import check
from bot.blockkit.render import render
from bot.cli.here import desk_here
from bot.grammar import NotUnderstood
from bot.messages import notice
from bot.router import REGISTRY, Answer, Words
from engine.errors import Refused
from engine.log import set_up
from engine.models.actor import Actor, Role
from engine.settings import load_settings

EXAMPLES = """examples:
  assay say help
  assay say 'register ticket-router model=gpt-4o-mini prompt=@prompt.txt labels=billing,bug,howto' --as ann
  assay say labels ticket-router file=labels.csv --as ann
  assay say investigate ticket-router budget=20 effort=quick --as ann
  assay say --dry-run investigate ticket-router budget=20
  assay say approve 9f2KqTzv0aXh4Wc1 --as bo
"""


def main(argv: list[str]) -> int:
    """Ask once and print the answer."""
    parser = argparse.ArgumentParser(
        prog="assay say",
        description="The same words as /assay, without Slack. Whoever has the shell is the operator: no role is asked "
        "for and no Confirm is shown; who asked still cannot approve.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", help="what to say, quoted as one argument or as several")
    parser.add_argument("--as", dest="person", default="operator", help="who asks, for the audit (default: operator)")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what investigate or labels … sample= would cost, and do nothing"
    )
    known = parser.parse_args(argv)
    set_up(load_settings().log_level if load_settings().log_level != "info" else "warning")
    words = known.words[0] if len(known.words) == 1 else " ".join(_requoted(word) for word in known.words)
    try:
        answer = answered(words, known.person, dry=known.dry_run)
    except NotUnderstood as error:
        print(render(notice.refused(error)).said, file=sys.stderr)
        return 2
    except Refused as error:
        print(render(notice.refused(error)).said, file=sys.stderr)
        return 1
    print(render(answer.view).said)
    return int(answer.is_bad)


def said(words: str, person: str) -> str:
    """The text twin of the answer. Raises ``Refused``."""
    return render(answered(words, person).view).said


def answered(words: str, person: str, *, dry: bool = False) -> Answer:
    """The answer to the words; ``dry``: what they would cost. Raises ``Refused``."""
    commands.load()
    asked = grammar.parse(words)
    if dry and not (asked.verb == "investigate" or "sample" in asked.options):
        raise NotUnderstood(
            f"{asked.verb} spends nothing, so there is nothing to quote. Nothing was done.",
            hint="--dry-run goes with investigate SLUG, and with labels SLUG sample=500.",
            suggestion="investigate",
        )
    actor = Actor(id=typed.person("--as", person), role=Role.OPERATOR)
    with desk_here() as desk:
        check(desk, actor, asked)
        answer = REGISTRY.commands[asked.verb].handle(Words(desk=desk, actor=actor, asked=asked, dry=dry))
    assert isinstance(answer, Answer), "without forms a verb always answers"
    return answer


def _requoted(word: str) -> str:
    """One argument of the shell as one word of the grammar, though it holds spaces."""
    key, equals, value = word.partition("=")
    if not any(sign.isspace() for sign in word):
        return word
    return f'{key}="{value}"' if equals and key.isidentifier() else f'"{word}"'
