"""Does the served candidate answer as the evaluated one did? Asks over HTTP one by one; starts nothing itself."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import openai

from engine.approaches import Approach, Task
from engine.errors import Unavailable
from engine.evals.rows import DatasetRow
from engine.models.base import Value
from engine.models.investigation import Prediction
from engine.train import Progress

SECONDS_PER_ANSWER = 60.0


class Agreement(Value):
    """Rows answered the same of all asked, the id of the first that was not (""), and milliseconds over HTTP."""

    agree: int
    rows: int
    first: str
    latency_p50_ms: float
    latency_p95_ms: float


def agreement(
    client: openai.OpenAI,
    model: str,
    *,
    rows: Sequence[DatasetRow],
    offline: Sequence[Prediction],
    approach: Approach,
    task: Task,
    progress: Progress,
) -> Agreement:
    """Ask ``model`` every row that has an offline prediction, and compare parsed answers and validity.

    Raises ``Unavailable`` when the server does not answer.
    """
    known = {said.row_id: said for said in offline}
    asked = [row for row in rows if row.id in known]
    differ: list[str] = []
    taken: list[float] = []
    for number, row in enumerate(asked, start=1):
        began = time.perf_counter()
        said = approach.parse(_answer(client, model, row.input), task)
        taken.append((time.perf_counter() - began) * 1000)
        if (said.output, said.valid) != (known[row.id].output, known[row.id].valid):
            differ.append(row.id)
        progress(number, len(asked), None)
    p50, p95 = (float(np.percentile(taken, share)) if taken else 0.0 for share in (50, 95))
    return Agreement(
        agree=len(asked) - len(differ),
        rows=len(asked),
        first=differ[0] if differ else "",
        latency_p50_ms=p50,
        latency_p95_ms=p95,
    )


def _answer(client: openai.OpenAI, model: str, text: str) -> str:
    try:
        reply = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": text}], temperature=0, timeout=SECONDS_PER_ANSWER
        )
    except openai.OpenAIError as error:
        raise Unavailable(f"The served candidate did not answer: {type(error).__name__}.") from error
    return reply.choices[0].message.content or ""
