"""What a team decides: thresholds and costs by kind, the prices of models; and a key, told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.desk.keys import MadeKey
from engine.desk.policies import KindView, PolicyView, Setting
from engine.desk.prices import PriceRow, PricesView

LISTED = 60


@dataclass(frozen=True)
class Policies:
    """The policy of the team, or of one feature; ``prompts`` names the models it has a prompt of its own for."""

    template: ClassVar[str] = "settings/policy"
    policy: PolicyView
    sha: str
    prompts: tuple[str, ...] = ()

    @classmethod
    def example(cls) -> Policies:
        """A feature with costs of its own."""
        verdict = KindView(
            kind="verdict",
            settings=(Setting(name="verdict_alpha", value="0.025"), Setting(name="verdict_power", value="0.8")),
        )
        cost = KindView(
            kind="cost",
            settings=(Setting(name="cost_engineering_usd", value="4000", default="6000"),),
            number=2,
            own=True,
            by="U0ANN",
            on="2026-11-02",
            why="the pipeline is reused",
        )
        found = PolicyView(
            slug="ticket-router",
            kinds=(verdict, cost),
            sha="a91c" * 16,
            margin=0.02,
            quality_bar=0.9,
            fixed_on="2026-11-02",
        )
        return policy(found, ("gpt-5-nano",))


def policy(found: PolicyView, prompts: tuple[str, ...] = ()) -> Policies:
    """A policy as it is told."""
    return Policies(found, found.sha[:12], prompts)


@dataclass(frozen=True)
class Prices:
    """The team's own prices; ``more`` rows are left out."""

    template: ClassVar[str] = "settings/prices"
    prices: PricesView
    rows: tuple[PriceRow, ...]
    more: int

    @classmethod
    def example(cls) -> Prices:
        """A price in force and one to come."""
        row = PriceRow(
            model="our-model",
            starts_on="2026-11-01",
            input_usd=2.5,
            cached_usd=None,
            output_usd=10.0,
            source="the invoice of October",
            by="U0ANN",
            begun=True,
        )
        later = row.model_copy(update={"starts_on": "2027-01-01", "input_usd": 1.25, "cached_usd": 0.6, "begun": False})
        return prices(PricesView(rows=(row, later), snapshot="genai-prices-0.2.3+2026-11-02+e3b0c44298fc"))


def prices(found: PricesView) -> Prices:
    """The newest rows of the table."""
    return Prices(found, found.rows[-LISTED:], max(len(found.rows) - LISTED, 0))


@dataclass(frozen=True)
class Key:
    """A key of the gateway, told to the one who asked for it, once."""

    template: ClassVar[str] = "settings/key"
    key: MadeKey

    @classmethod
    def example(cls) -> Key:
        """A key that opens nothing."""
        return cls(MadeKey(name="k3", slug="ticket-router", secret="agk_" + "x" * 43))
