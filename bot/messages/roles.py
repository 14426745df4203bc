"""Who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.desk.roles import RolesView


@dataclass(frozen=True)
class Roles:
    """The people of each role, for a feature or for the team."""

    template: ClassVar[str] = "roles/list"
    roles: RolesView

    @classmethod
    def example(cls) -> Roles:
        """The roles of a feature."""
        return cls(RolesView(slug="ticket-router", owners=("U0ANN",), approvers=("U0BO", "U0CY"), admins=()))
