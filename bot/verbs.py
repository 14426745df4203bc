"""The one table of verbs: what may be typed, who may type it, and what it is for.

Parser, help, manifest and docs/commands.md are made from it. Knows nothing of how a verb is answered.
"""

from __future__ import annotations

from bot.verb import SLUG, Key, Kind, Place, Verb
from bot.verbs_live import LIVE
from engine.models.actor import Role
from engine.models.feature import ApproachName
from engine.models.investigation import Effort

__all__ = ["MENU", "REGISTER_KEYS", "VERBS", "Key", "Kind", "Place", "Verb"]

MENU = "menu"  # what no words at all ask for
STEPS = ("show", "history", "diff", "rollback", "export", "next", "close")

REGISTER_KEYS = (
    Key("approach", example="classify", words=tuple(ApproachName)),
    Key("model", Kind.WORD, "gpt-4o-mini"),
    Key("prompt", Kind.TEXT, '"Sort this ticket: {{ input }}"'),
    Key("base_url", Kind.ADDRESS, "https://api.openai.com/v1"),
    Key("live_since", Kind.DAY, "2026-03-02"),
    Key("owner", Kind.PERSON, "@ann"),
    Key("channel", Kind.CHANNEL, "#support-ai"),
    Key("margin", Kind.SHARE, "2%"),
    Key("quality_bar", Kind.SHARE, "0.9"),
    Key("labels", Kind.NAMES, "billing,bug,howto"),
    Key("schema", Kind.TEXT, "street,city"),
    Key("rights", Kind.TEXT, '"customer contract allows training"'),
)

VERBS: tuple[Verb, ...] = (
    Verb(
        "help",
        "List every verb, or explain one.",
        ("help", "help register"),
        places=(Place("VERB", needed=False),),
        aliases=("commands", "usage", "man", "info"),
    ),
    Verb(
        "register",
        "Register an LLM feature with the prompt and model it runs on now.",
        (
            "register",
            'register ticket-router approach=classify model=gpt-4o-mini prompt="Sort this ticket: {{ input }}"'
            " live_since=2026-03-02 labels=billing,bug,howto",
            'register addresses approach=extract schema=street,city model=gpt-4o-mini prompt="As JSON: {{ input }}"',
        ),
        role=Role.MEMBER,
        places=(Place("SLUG", needed=False),),
        keys=REGISTER_KEYS,
        aliases=("add", "create", "new"),
    ),
    Verb(
        "features",
        "List the registered features.",
        ("features",),
        aliases=("list", "ls", "all"),
    ),
    Verb(
        "show",
        "Show one feature and its next step.",
        ("show ticket-router",),
        places=(SLUG,),
        aliases=("view", "get", "describe", "feature"),
    ),
    Verb(
        "traffic",
        "Show what a feature's calls look like, or those of all features, the dearest first.",
        ("traffic ticket-router", "traffic"),
        places=(Place("SLUG", Kind.SLUG, needed=False),),
        aliases=("volume", "calls", "usage", "load"),
    ),
    Verb(
        "labels",
        "Upload labelled rows, or have a teacher or people label captured texts.",
        (
            "labels ticket-router",
            "labels ticket-router file=labels.csv",
            "labels ticket-router sample=500 teacher=gpt-4o budget=20",
            "labels ticket-router queue=50 double=10%",
            "labels ticket-router audit=100",
            "labels reply-writer pairs=120",
            "labels ticket-router next",
            "labels ticket-router rollback version=5c1f09ab77de",
        ),
        role=Role.MEMBER,
        places=(SLUG, Place("STEP", needed=False, words=STEPS)),
        keys=(
            Key("file", Kind.FILE, "labels.csv"),
            Key("sample", Kind.WORD, "500"),
            Key("teacher", Kind.WORD, "gpt-4o"),
            Key("budget", Kind.MONEY, "20"),
            Key("rights", Kind.TEXT, '"customer contract allows training"'),
            Key("batch", example="yes", words=("yes", "no")),
            Key("queue", Kind.WORD, "50"),
            Key("double", Kind.SHARE, "10%"),
            Key("audit", Kind.WORD, "100"),
            Key("pairs", Kind.WORD, "120"),
            Key("answer", Kind.TEXT, "billing"),
            Key("version", Kind.WORD, "5c1f09ab77de"),
        ),
        loosened=tuple((word, Role.GUEST) for word in ("show", "history", "diff")),
        tightened=tuple(
            (word, Role.OWNER) for word in ("sample", "queue", "audit", "pairs", "close", "rollback", "export")
        ),
        aliases=("upload", "import", "rows", "label"),
    ),
    Verb(
        "ready",
        "Read whether a feature is worth an investigation: 13 conditions, measured or signed for.",
        (
            "ready ticket-router",
            'ready ticket-router sign fact=on_call value=yes reason="The support team has a rota."',
            'ready ticket-router override condition=tenure days=60 reason="The launch date is regulated."',
            "ready ticket-router approve condition=tenure",
        ),
        role=Role.OWNER,
        places=(SLUG, Place("STEP", needed=False, words=("sign", "override", "approve"))),
        keys=(
            Key("fact", Kind.WORD, "on_call"),
            Key("value", Kind.WORD, "yes"),
            Key("condition", Kind.WORD, "tenure"),
            Key("days", Kind.WORD, "90"),
            Key("reason", Kind.TEXT, '"…"'),
        ),
        looks=True,
        loosened=(("approve", Role.APPROVER),),
        aliases=("readiness", "reading", "worth", "sign", "override"),
    ),
    Verb(
        "investigate",
        "Find out whether a tuned model beats the prompted one.",
        (
            "investigate ticket-router",
            "investigate ticket-router budget=50 effort=quick",
            "investigate ticket-router recipe=last",
            "investigate sum-solver votes=yes",
        ),
        role=Role.OWNER,
        places=(SLUG,),
        keys=(
            Key("budget", Kind.MONEY, "50"),
            Key("effort", example="quick", words=tuple(Effort)),
            Key("recipe", words=("last",)),
            Key("votes", words=("yes", "no")),
        ),
        aliases=("train", "run", "start", "finetune", "evaluate"),
    ),
    Verb(
        "status",
        "Show how investigations stand.",
        ("status", "status ticket-router"),
        places=(Place("SLUG or RUN", Kind.SLUG, needed=False),),
        aliases=("progress", "runs"),
    ),
    Verb(
        "cancel",
        "End a running investigation.",
        ("cancel inv-7k3mq9ab",),
        role=Role.OWNER,
        places=(Place("RUN", Kind.SLUG),),
        aliases=("stop", "abort", "kill"),
    ),
    Verb(
        "compare",
        "Show the newest verdict with its evidence.",
        ("compare ticket-router",),
        places=(SLUG,),
        aliases=("verdict", "results", "scores"),
    ),
    *LIVE,
    Verb(
        "cost",
        "Show a month's bill by feature and component, priced call by call.",
        ("cost", "cost ticket-router month=2026-10"),
        places=(Place("SLUG", Kind.SLUG, needed=False),),
        keys=(Key("month", Kind.WORD, "2026-10"),),
        aliases=("bill", "costs", "spend", "money", "invoice"),
    ),
    Verb(
        "audit",
        "Show who did what to a feature, or check that the log of all deeds still holds.",
        ("audit ticket-router", "audit verify"),
        places=(Place("SLUG or verify", Kind.SLUG),),
        aliases=("log", "history", "trail", "deeds"),
    ),
    Verb(
        "export",
        "Send all that is stored of a feature as one file.",
        ("export ticket-router",),
        Role.OWNER,
        (SLUG,),
    ),
    Verb(
        "doctor",
        "Check the deployment and say how to mend what is wrong; stop a rented server that no rollout needs.",
        ("doctor", 'doctor stop="fireworks accounts/acme/deployments/old-test"'),
        keys=(Key("stop", Kind.TEXT, '"PROVIDER ID"'),),
        tightened=(("stop", Role.ADMIN),),
        aliases=("health", "check", "diagnose"),
    ),
    Verb(
        "roles",
        "Show who may do what, or name owners, approvers and admins.",
        (
            "roles ticket-router",
            "roles ticket-router owner=@ann approver=@bo,@cy",
            "roles ticket-router approver=@support-leads",
        ),
        role=Role.ADMIN,
        places=(Place("SLUG", Kind.SLUG, needed=False),),
        keys=(
            Key("owner", Kind.PEOPLE, "@ann"),
            Key("approver", Kind.PEOPLE, "@bo,@cy"),
            Key("admin", Kind.PEOPLE, "@di"),
        ),
        looks=True,
        aliases=("permissions", "people", "approvers", "owners", "admins"),
    ),
    Verb(
        "settings",
        "Show or change what the team decides: thresholds, costs, and what models cost.",
        (
            "settings",
            "settings ticket-router margin=3%",
            'settings cost_engineering_usd=4000 reason="The pipeline is reused."',
            'settings ticket-router model=gpt-5-nano prompt="Sort this ticket: {{ input }}"',
            "settings prices model=our-model input=2.50 output=10 from=2026-11-01",
            "settings gateway-key ticket-router",
        ),
        role=Role.ADMIN,
        places=(
            Place("SLUG, prices or gateway-key", Kind.SLUG, needed=False),
            Place("SLUG of the key", Kind.SLUG, needed=False),
        ),
        keys=(
            Key("margin", Kind.SHARE, "2%"),
            Key("quality_bar", Kind.SHARE, "0.9"),
            Key("model", Kind.WORD, "our-model"),
            Key("input", Kind.MONEY, "2.50"),
            Key("cached", Kind.MONEY, "1.25"),
            Key("output", Kind.MONEY, "10"),
            Key("from", Kind.DAY, "2026-11-01"),
            Key("source", Kind.TEXT, '"the invoice of October"'),
            Key("prompt", Kind.TEXT, '"Sort this ticket: {{ input }}"'),
            Key("reason", Kind.TEXT, '"…"'),
        ),
        looks=True,
        aliases=("policy", "policies", "config", "prices", "price", "set"),
        takes_any=True,
    ),
)
