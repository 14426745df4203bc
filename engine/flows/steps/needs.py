"""What each outcome of a verdict asks for, and whether the record has it, for pages. Decides nothing: ``decide`` did.

``docs/rules.md`` 4 has the order in which these are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Needs:
    """Evidence beside its thresholds; a claim is none where its evidence is not known. Shares and US dollars.

    ``low`` and ``high`` are as they left the seal, ``finding`` is what the unrounded interval said.
    """

    rows: int
    planned_rows: int
    low: float
    high: float
    margin: float
    finding: str
    saving_low: float | None
    saving_floor: float
    payback_probability: float | None
    payback_floor: float
    npv_usd: float | None
    quality_worth_usd: float

    @property
    def has_rows(self) -> bool:
        """Whether as many sealed rows were read as planned."""
        return self.rows >= self.planned_rows

    @property
    def is_better(self) -> bool:
        """Whether the whole interval lies above nothing."""
        return self.finding == "better"

    @property
    def is_not_worse(self) -> bool:
        """Whether the whole interval lies above -margin."""
        return self.finding in ("better", "not_worse")

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval lies below -margin."""
        return self.finding == "worse"

    @property
    def is_worth_it(self) -> bool | None:
        """Whether the net present value, with what better quality is worth, is not negative."""
        return None if self.npv_usd is None else self.npv_usd + self.quality_worth_usd >= 0

    @property
    def saves(self) -> bool | None:
        """Whether nine of ten draws save the floor."""
        return None if self.saving_low is None else self.saving_low >= self.saving_floor

    @property
    def pays_back(self) -> bool | None:
        """Whether enough draws pay back in time."""
        return None if self.payback_probability is None else self.payback_probability >= self.payback_floor


def needs(record: Mapping[str, Any]) -> Needs | None:
    """The needs of a record's verdict; none for a record that carries no evidence."""
    try:
        evidence, policy = record["evidence"], record["policy"]["verdict"]
        return Needs(
            rows=evidence["rows"],
            planned_rows=evidence["planned_rows"],
            low=evidence["difference"]["low"],
            high=evidence["difference"]["high"],
            margin=evidence["margin"],
            finding=record["quality"]["finding"],
            saving_low=evidence["saving_low"],
            saving_floor=policy["saving_floor"],
            payback_probability=evidence["payback_probability"],
            payback_floor=policy["payback_floor"],
            npv_usd=evidence["npv_usd"],
            quality_worth_usd=evidence.get("quality_worth_usd", 0.0),
        )
    except (KeyError, TypeError):
        return None
