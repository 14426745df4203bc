"""One training over several processes: each takes its share of every batch, and what they found is added up.

So a step is the one that a single process would take on the whole batch. Whoever started the processes made them one
group of torch's (Ray Train does); a process alone is a group of one. Loaded by jobs alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import distributed, nn

from engine.errors import Unavailable

R = TypeVar("R")


def use_all_cores() -> None:
    """Ray gives a worker one core and loads torch before we are asked; a host of our own has more."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))


def count() -> int:
    """How many processes share this training."""
    return distributed.get_world_size() if _is_shared() else 1


def number() -> int:
    """Which of them this is; 0 leads: it alone keeps checkpoints, looks at dev and hands in."""
    return distributed.get_rank() if _is_shared() else 0


def align(parts: Sequence[nn.Parameter]) -> None:
    """Begin as process 0 does: hosts of several kinds may round differently. Raises ``Unavailable`` when it is gone."""
    if _is_shared():
        with _together():
            for part in parts:
                distributed.broadcast(part.data, 0)


def share(places: list[int]) -> list[int]:
    """This process's part of a batch; empty where the batch has fewer rows than there are processes."""
    return places[number() :: count()]


def add_up(parts: Sequence[nn.Parameter], loss: float) -> float:
    """Give every process the sum of all gradients, and of all losses. Raises ``Unavailable`` when one is gone."""
    if not _is_shared():
        return loss
    own = [part.grad if part.grad is not None else torch.zeros_like(part) for part in parts]
    summed = torch.cat([*(one.flatten() for one in own), own[0].new_tensor([loss])])
    with _together():
        distributed.all_reduce(summed)
    at = 0
    for part in parts:
        part.grad = summed[at : at + part.numel()].view_as(part)
        at += part.numel()
    return float(summed[-1])


def agreed(found: Callable[[], R]) -> R:
    """What process 0 finds, for all. Raises ``Unavailable`` when it is gone."""
    if not _is_shared():
        return found()
    told = [found() if number() == 0 else None]
    with _together():
        distributed.broadcast_object_list(told)
    return told[0]  # type: ignore[return-value] # process 0 put it there


def _is_shared() -> bool:
    return distributed.is_available() and distributed.is_initialized()


@contextmanager
def _together() -> Generator[None]:
    try:
        yield
    except RuntimeError as error:  # of every backend, when a host dies
        raise Unavailable("another host of this training does not answer") from error
