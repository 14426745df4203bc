"""What is wrong with the deployment, and how to mend it."""

from __future__ import annotations

from bot.grammar import Asked
from bot.messages import doctor
from bot.router import Answer, Words, command
from engine.desk import health, servers


def _stops(asked: Asked) -> bool:
    return "stop" in asked.options


@command("doctor", changes=_stops)
def examine(words: Words) -> Answer:
    """Everything that can be checked, worst first; or have a deployment stopped that no rollout needs."""
    if _stops(words.asked):
        return Answer(
            doctor.Stopping(servers.ask_to_stop(words.desk, words.actor, words.asked.text("stop"), once=words.once))
        )
    return Answer(doctor.findings(health.findings(words.desk)))
