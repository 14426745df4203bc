"""Under which sample index a question is asked, so that its reply is new enough and, where wanted, was timed.

A reply in the ledger is never asked for again under its own key, so that what was paid stays. Asks nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.models.investigation import PaidReply
from engine.teachers.ledger import Ledger
from engine.teachers.replies import Question


def fresh(
    ledger: Ledger, questions: Sequence[Question], since: str, *, is_timed: bool, each: int = 1
) -> list[Question]:
    """The questions, each under its first sample index that will do; ``each`` text is asked so often.

    The next index of a question is so many further on, so that the samples of a text stay apart.

    Passed over is one whose reply is older than ``since`` (a moment in ISO format, "" for any age): a model that
    changed its mind is asked anew. So is one that a batch answered or still holds, where the reply ``is_timed``: a
    batch tells no latency, and may take a day.
    """
    asked = list(questions)
    open_places = range(len(asked)) if since or is_timed else range(0)
    while open_places:
        here = {asked[place].key: asked[place] for place in open_places}
        following = {key: replace(question, sample=question.sample + each) for key, question in here.items()}
        found = ledger.find([*here.values(), *following.values()])
        held = ledger.in_batches(list(here.values())) if is_timed else set[str]()
        # Without a reply, and the next index has one: it was asked while a batch held this one, and is paid.
        passed = held | {key for key, one in following.items() if key not in found and one.key in found}
        passed |= {key for key in here if _is_stale(found.get(key), since, is_timed=is_timed)}
        open_places = [place for place in open_places if asked[place].key in passed]
        for place in open_places:
            asked[place] = following[asked[place].key]
    return asked


def _is_stale(reply: PaidReply | None, since: str, *, is_timed: bool) -> bool:
    if reply is None:
        return False
    return (is_timed and not reply.latency_ms) or (bool(since) and reply.at < datetime.fromisoformat(since))
