"""The verbs of what follows a verdict: rolling out, voting, watching, letting go. ``bot.verbs`` has them all."""

from __future__ import annotations

from bot.verb import SLUG, Key, Kind, Place, Verb
from engine.models.actor import Role

LIVE: tuple[Verb, ...] = (
    Verb(
        "rollout",
        "Show the rollout, ask for its next stage, pause it, resume it, roll it back, or drill a rollback.",
        ("rollout ticket-router", "rollout ticket-router next", "rollout ticket-router drill"),
        role=Role.OWNER,
        places=(SLUG, Place("STEP", needed=False, words=("next", "pause", "resume", "rollback", "drill"))),
        looks=True,
        loosened=(("pause", Role.APPROVER), ("rollback", Role.APPROVER), ("drill", Role.APPROVER)),
        aliases=("ship", "deploy", "release", "stage"),
    ),
    Verb(
        "approvals",
        "List the requests that wait for a vote.",
        ("approvals",),
        aliases=("requests", "pending", "votes"),
    ),
    Verb(
        "approve",
        "Say yes to a request.",
        ("approve 9f2KqTzv0aXh4Wc1",),
        role=Role.APPROVER,
        places=(Place("ID"),),
        aliases=("accept", "yes"),
    ),
    Verb(
        "reject",
        "Say no to a request, with a reason.",
        ('reject 9f2KqTzv0aXh4Wc1 reason="Quality on refunds is not proven."',),
        role=Role.APPROVER,
        places=(Place("ID"),),
        keys=(Key("reason", Kind.TEXT, '"…"', needed=True),),
        aliases=("deny", "decline", "no"),
    ),
    Verb(
        "digest",
        "Show the monthly digest, or the month so far.",
        ("digest", "digest now"),
        places=(Place("MOMENT", needed=False, words=("now",)),),
        aliases=("month", "monthly", "report", "summary"),
    ),
    Verb(
        "stale",
        "Show the staleness clock: how long each live model is still worth it.",
        ("stale",),
        aliases=("staleness", "clock", "aging", "old"),
    ),
    Verb(
        "retire",
        "Ask to take a live model back, by steps: half of its calls, then all.",
        ("retire ticket-router",),
        role=Role.OWNER,
        places=(SLUG,),
        aliases=("withdraw", "sunset", "decommission"),
    ),
    Verb(
        "snooze",
        "Hide the advice on a live model for some days, with a reason; it stays visible and unchanged.",
        ('snooze ticket-router days=30 reason="The contract ends in November."',),
        role=Role.OWNER,
        places=(SLUG,),
        keys=(Key("days", Kind.WORD, "30", needed=True), Key("reason", Kind.TEXT, '"…"', needed=True)),
        aliases=("mute", "later", "postpone"),
    ),
)
