"""One delivery for every handler there is: each verb, button, form and shortcut, and each way to say words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.router import REGISTRY
from bot.verbs import VERBS
from engine.desk import labels, roles
from engine.models.actor import Role
from tests.builders import ASKER, SHELL, SLUG, a_feature, a_verdict, asked, csv_of, some_labels
from tests.slack.bot.wire import Delivery, Wire

RUN = "inv-7k3mq9ab"
# What each button carries where nothing of its own is made for it: then it is refused, and says so.
BUTTONS = {
    "approval.approve": "forged.1",
    "approval.reject": "forged.1",
    "home.page": "10",
    "investigation.cancel": RUN,
    "labelling.cancel": "lab-7k3mq9ab",
    "labels.cancel": "forged",
    "labels.columns": f"{SLUG} F1\ntext\nteam",
    "labels.confirm": "forged",
    "labels.refused": "forged",
    "labels.use": "F1",
    "queue.answer": "1/label/bug",
    "queue.close": SLUG,
    "queue.take": SLUG,
    "queue.write": "1",
    "rollout.next": f"{SLUG} 0.inv-one",
    "rollout.step": f"pause {SLUG} 1.0.forged",
    "settings.edit": "team",
    "verdict.report": RUN,
    "watch.snooze": SLUG,
}
WHY = "Quality on refunds is not proven."
FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "confirm_drill": (f"rollout {SLUG} drill", {}),
    "confirm_investigation": (f"investigate {SLUG} budget=5 effort=quick", {}),
    "confirm_labelling": (f"labels {SLUG} sample=10", {}),
    "edit_setting": ("", {"setting": "cost_engineering_usd", "value": "4000", "reason": WHY}),
    "map_columns": (f"{SLUG} F1", {"input": "text", "output": "team"}),
    "register_feature": ("", {"slug": "by-form", "model": "m", "prompt": "Sort: {{ input }}", "labels": "a,b"}),
    "reject_approval": ("forged.1", {"reason": WHY}),
    "snooze_feature": (SLUG, {"days": "30", "reason": WHY}),
    "upload_labels": (SLUG, {}),
    "write_label": ("1", {"answer": "bug"}),
    "use_file": ("F1", {"feature": SLUG}),
}


def set_up(wire: Wire) -> None:
    """A feature with labels and a verdict, whose asker may do everything."""
    a_feature(wire.desk)
    some_labels(wire.desk, 200)
    a_verdict(wire.desk)
    everything = {Role.OWNER: (ASKER.id,), Role.APPROVER: (ASKER.id, "U2"), Role.ADMIN: (ASKER.id,)}
    roles.name(wire.desk, SHELL, "", {Role.ADMIN: (ASKER.id,)})
    roles.name(wire.desk, SHELL, SLUG, everything)
    wire.settle()


def every(wire: Wire) -> Iterator[tuple[str, Delivery]]:
    """A name and a delivery for each handler; those of buttons with something to decide are made to act."""
    file_id, ts = wire.share(csv_of(range(300, 330)))
    draft = labels.preview(wire.desk, ASKER, SLUG, "labels.csv", content=csv_of(range(400, 440)))
    acting = {"labels.confirm": draft.token, "labels.refused": draft.token, "labels.use": file_id}
    acting["approval.approve"] = f"{asked(wire.desk, by=ASKER)}.1"
    for action in REGISTRY.buttons:
        yield f"button {action}", wire.press("1.0", action, acting.get(action, BUTTONS[action]))
    for callback, (carried, said) in FORMS.items():
        values: dict[str, dict[str, Any]] = {name: {"value": value} for name, value in said.items()}
        name = {"use_file": file_id, "map_columns": f"{SLUG} {file_id}"}.get(callback, carried)
        yield f"form {callback}", wire.submission(callback, values, carried=name)
    for callback in REGISTRY.shortcuts:
        yield f"shortcut {callback}", wire.shortcut(callback, ts if callback == "use_as_labels" else "")
    for verb in VERBS:
        yield f"verb {verb.name}", wire.command(verb.examples[0])
    yield "verb menu", wire.command("")
    for kind in ("message", "app_mention"):
        said_in = {"channel_type": "im", "channel": wire.dm("U1")} if kind == "message" else {"channel": "C1"}
        yield kind, wire.event({"type": kind, "user": "U1", "text": f"<@U0ASSAY> show {SLUG}", "ts": "1.0", **said_in})
    yield "file_shared", wire.dropped(file_id, channel=wire.dm("U1"))
