"""What is wrong with the deployment, and how to mend it."""

from __future__ import annotations

from bot.messages import doctor
from bot.router import Answer, Words, command
from engine.desk import health


@command("doctor")
def examine(words: Words) -> Answer:
    """Everything that can be checked, worst first."""
    return Answer(doctor.findings(health.findings(words.desk)))
