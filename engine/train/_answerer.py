"""A loaded candidate that stands on an encoder: texts in, labels out. Loaded by jobs alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from engine.approaches import Task
from engine.errors import WorkFailed
from engine.train import Answer, Host, _torch
from engine.train._features import encoder_sha
from engine.train._linear import Head, answers
from engine.train.profile import Profile


class EncoderAnswerer:
    """Features of an encoder under a linear head. The encoder learns no more."""

    def __init__(self, encoder: _torch.Encoder, head: Head, task: Task) -> None:
        encoder.fold()
        self._encoder = encoder
        self._head = head
        self._task = task

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        """Answers in input order; batches are sorted by length inside."""
        if not inputs:
            return []
        return answers(self._head.logits(self._encoder.features(self._encoder.tokens(inputs))), self._task)

    def use_cores(self, count: int) -> None:
        """So many threads for a multiplication of the calling thread. Two of one core do more than one of two."""
        torch.set_num_threads(count)


def note_classes(folder: Path, task: Task) -> None:
    """Write ``classes.json``: the labels in the head's order."""
    (folder / "classes.json").write_text(json.dumps(list(task.classes), ensure_ascii=False), encoding="utf-8")


def noted_task(folder: Path) -> Task:
    """The task ``note_classes`` wrote."""
    return Task(approach="classify", classes=tuple(json.loads((folder / "classes.json").read_text(encoding="utf-8"))))


def noted_encoder(folder: Path, host: Host) -> _torch.Encoder:
    """The encoder a candidate stands on, in fp32 whatever it was trained in.

    In bf16 near ties flip with the size of the batch (1 of 200 rows seen); served and scored answers must be the same.
    Raises ``WorkFailed`` when this host has none, or other weights than those.
    """
    known = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    found = encoder_sha(host.encoder) if host.encoder else "none"
    if found != known["sha256"]:
        raise WorkFailed(
            f"the candidate stands on encoder {known['name']} ({known['sha256'][:12]}), this host has {found[:12]}; "
            "set ASSAY_ENCODER to the folder of those weights"
        )
    return _torch.Encoder(host.encoder, Profile(host.device, host.cores, "fp32", 1.0))
