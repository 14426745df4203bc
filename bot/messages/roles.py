"""Who may do what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.desk.roles import GroupView, RolesView


@dataclass(frozen=True)
class Roles:
    """The people of each role, for a feature or for the team."""

    template: ClassVar[str] = "roles/list"
    roles: RolesView

    @classmethod
    def example(cls) -> Roles:
        """The roles of a feature: a user group votes, and one that was not read yet."""
        leads = GroupView(id="S0LEADS", handle="support-leads", members=("U0BO", "U0CY", "U0DI"))
        approvers = ("U0BO", leads.id, "S0NEW")
        view = RolesView(
            slug="ticket-router", owners=("U0ANN",), approvers=approvers, groups=(leads, GroupView(id="S0NEW"))
        )
        return cls(view)
