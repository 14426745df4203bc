"""Who is answered with whom: a hand waits for those it has just answered, and nobody waits for one who asks alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.servers.batcher import Batcher
from engine.train import Answer


class Counting:
    """``seen`` keeps the sizes of batches."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        self.seen.append(len(inputs))
        return [Answer(text=text) for text in inputs]


async def asked(batcher: Batcher, callers: int, rounds: int) -> None:
    """So many callers, each a little later than the one before with what it asks next."""

    async def caller(late: int) -> None:
        for turn in range(rounds):
            question = f"{late} asks {turn}"
            assert (await batcher.ask(question)).text == question
            await asyncio.sleep(0.01 * late)

    work = asyncio.create_task(batcher.work())
    await asyncio.wait_for(asyncio.gather(*map(caller, range(callers))), 60)
    work.cancel()


def test_callers_who_come_back_one_after_the_other_are_answered_together_again() -> None:
    counting = Counting()
    asyncio.run(asked(Batcher(counting, moment_s=600), callers=5, rounds=3))
    assert counting.seen == [5, 5, 5]


def test_neither_of_two_hands_takes_more_than_half_of_the_callers() -> None:
    counting = Counting()
    asyncio.run(asked(Batcher(counting, 2, moment_s=0.05), callers=8, rounds=3))
    assert (counting.seen[:2], max(counting.seen), sum(counting.seen)) == ([4, 4], 4, 24)


def test_who_asks_alone_waits_for_nobody() -> None:
    counting = Counting()
    asyncio.run(asked(Batcher(counting, 2, moment_s=600), callers=1, rounds=3))
    assert counting.seen == [1, 1, 1]


def test_a_hand_waits_no_longer_than_its_moment_for_callers_who_stay_away() -> None:
    counting = Counting()

    async def fewer() -> None:
        batcher = Batcher(counting, moment_s=0.01)
        work = asyncio.create_task(batcher.work())
        await asyncio.gather(*[batcher.ask(str(number)) for number in range(5)])
        await asyncio.wait_for(batcher.ask("one of them"), 60)
        work.cancel()

    asyncio.run(fewer())
    assert counting.seen == [5, 1]
