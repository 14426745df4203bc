"""Questions that come one by one, answered together by a loaded candidate. Knows nothing of HTTP or of models."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from engine.train import Answer, Answerer, Sharing

BATCH = 32  # questions answered together, at most
MOMENT_SECONDS = 0.005

_Waiting = tuple[str, asyncio.Future[Answer]]


@dataclass
class Batcher:
    """Answers questions in batches: what arrives while all ``hands`` work is the next one.

    Each hand works on one core and takes its share of all questions; one that comes alone gets all cores at once. Who
    was answered together asks again together, but not in the same instant: for ``moment_s`` after a batch a hand waits
    for as many as there were. Without that it set out with the first to come back, and one text by itself costs as much
    as two of a batch.
    """

    answerer: Answerer
    hands: int = 1
    moment_s: float = MOMENT_SECONDS
    _waiting: asyncio.Queue[_Waiting] = field(default_factory=lambda: asyncio.Queue[_Waiting]())
    _asked: int = 0  # questions without an answer yet

    async def ask(self, text: str) -> Answer:
        """One answer; a failure of the batch is the failure of each of its questions."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked += 1
        try:
            await self._waiting.put((text, answer))
            return await answer
        finally:
            self._asked -= 1

    async def work(self) -> None:
        """Until cancelled."""
        await asyncio.gather(*[self._hand() for _ in range(self.hands)])

    async def _hand(self) -> None:
        asked, until = 0, 0.0
        while True:
            batch = [await self._waiting.get()]
            await self._fill(batch, asked, until)
            cores = self.hands if self._asked == 1 else 1
            work = asyncio.to_thread(self._answered, [text for text, _ in batch], cores)
            (said,) = await asyncio.gather(work, return_exceptions=True)
            asked, until = self._asked, asyncio.get_running_loop().time() + self.moment_s
            for place, (_, answer) in enumerate(batch):
                _settle(answer, said, place)

    async def _fill(self, batch: list[_Waiting], asked: int, until: float) -> None:
        """Up to a hand's share of all questions; ``until`` then, of as many as were ``asked`` before."""
        if asyncio.get_running_loop().time() >= until:
            asked = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while len(batch) < min(BATCH, -(-max(asked, self._asked) // self.hands)):
                    batch.append(await self._waiting.get())

    def _answered(self, texts: list[str], cores: int) -> list[Answer]:
        if isinstance(self.answerer, Sharing):
            self.answerer.use_cores(cores)
        return self.answerer.answer(texts)


def _settle(answer: asyncio.Future[Answer], said: list[Answer] | BaseException, place: int) -> None:
    if answer.done():
        return  # who asked has gone
    if isinstance(said, BaseException):
        answer.set_exception(said)
    else:
        answer.set_result(said[place])
