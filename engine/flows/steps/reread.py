"""Read the parts of a decision record as the rules take them. Checks nothing: `recheck` does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from engine.rules.compare import Interval, Pairs
from engine.rules.gates import GateFacts, SliceFact
from engine.rules.plan import Plan
from engine.rules.power import EvalPolicy
from engine.rules.verdict import Evidence

Record = Mapping[str, Any]


def read_evidence(said: Record) -> Evidence:
    """The evidence of a record as the rules take it."""
    difference = Interval(*(said["difference"][name] for name in ("estimate", "low", "high")))
    lists = {name: tuple(said[name]) for name in ("invalid", "broken")}
    return known(Evidence, {**said, **lists, "difference": difference})


def read_facts(said: Record) -> GateFacts:
    """What the gates were asked."""
    parts = {"slices": tuple(known(SliceFact, part) for part in said["slices"])}
    live = {"live": known(SliceFact, said["live"])} if said.get("live") else {}
    return known(GateFacts, {**said, **parts, **live})


def evaluation_of(body: Record) -> EvalPolicy:
    """The part of the policy that evals go by."""
    return known(EvalPolicy, body["policy"]["evaluation"])


def pairs_of(said: Record) -> Pairs:
    """Counted pairs."""
    return Pairs(said["both"], said["candidate_only"], said["baseline_only"], said["neither"])


def plan_of(said: Record) -> Plan:
    """The plan of a record's money, whose JSON has no infinity. Raises ``KeyError`` or ``TypeError`` for half a one."""
    halving = said["halving_months"]
    steps = tuple((step[0], step[1]) for step in said["price_steps"])
    return known(Plan, {**said, "halving_months": math.inf if halving is None else halving, "price_steps": steps})


def known(kind: Callable[..., Any], said: Record) -> Any:  # noqa: ANN401 (a value of that kind)
    """A dataclass of what a record says; fields it does not know are left out."""
    names = {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType] # each kind given here is a dataclass
    return kind(**{name: value for name, value in said.items() if name in names})
