"""Pages people open from a message: reports."""

from __future__ import annotations


def address(public_url: str, shelf: str, name: str) -> str:
    """Where a page is found, "" where the deployment has no public address."""
    return f"{public_url.rstrip('/')}/{shelf}/{name}" if public_url else ""
