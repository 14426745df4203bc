"""Features: the card in their channel, the same looked at, and the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bot.messages import examples
from engine.desk.features import FeatureView

LISTED = 60


@dataclass(frozen=True)
class Card:
    """The one message about a feature in its channel."""

    template: ClassVar[str] = "feature/card"
    feature: FeatureView

    @classmethod
    def example(cls) -> Card:
        """A feature just registered."""
        return cls(examples.feature())


@dataclass(frozen=True)
class Shown:
    """A feature looked at: what it is, what is known, and the next step."""

    template: ClassVar[str] = "feature/show"
    feature: FeatureView
    steps: str

    @classmethod
    def example(cls) -> Shown:
        """A feature with a verdict."""
        return shown(examples.feature(verdict="SHIP_CHEAPER", run_id="inv-7k3mq9ab", stage="shadow"))


def shown(feature: FeatureView) -> Shown:
    """A feature as it is looked at. ``steps`` are the words of its next step, without the command."""
    return Shown(feature, words_of(feature.next_step))


@dataclass(frozen=True)
class Listing:
    """All features in a table of four columns; ``more`` are left out."""

    template: ClassVar[str] = "feature/list"
    features: tuple[FeatureView, ...]
    more: int

    @classmethod
    def example(cls) -> Listing:
        """Two features."""
        return listing([examples.feature(), examples.feature(slug="refund-reason", verdict="NO_GO")])


def listing(features: list[FeatureView]) -> Listing:
    """The list of features."""
    return Listing(tuple(features[:LISTED]), max(len(features) - LISTED, 0))


def words_of(command: str) -> str:
    """The words of ``/assay …``, as a button carries them."""
    return command.removeprefix("/assay ").strip()
