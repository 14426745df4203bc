"""What a month cost."""

from __future__ import annotations

from bot.messages import bill
from bot.router import Answer, Words, command
from engine.desk import bills


@command("cost")
def cost(words: Words) -> Answer:
    """The bill of a month, of one feature or all; without a month the newest that has calls."""
    return Answer(bill.month(bills.month(words.desk, words.asked.word(), words.asked.text("month"))))
