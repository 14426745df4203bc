# pyright: basic
"""A chat model under LoRA training, and as a candidate that answers. Adapters are PEFT's. Loaded by jobs alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model, prepare_model_for_kbit_training

from engine.errors import WorkFailed
from engine.train import Answer, Host, Progress, TrainingRow
from engine.train._decoder import Decoder, Tokens, folder_of, weights_sha
from engine.train._loop import Dials, Lesson, Loop, Trail, by_shape
from engine.train.checkpoint import Checkpoints
from engine.train.collapse import Look
from engine.train.profile import Profile

LOOKED_AT = 32  # dev rows answered after the last epoch: writing is slow, and early answers say little
ROOM = 1.5  # answers may be so much longer than the longest but one in a hundred of train
_NOTE = "decoder.json"


class Causal:
    """One decoder under training: adapters on all its linear layers, or the ``whole`` of its weights."""

    def __init__(self, decoder: Decoder, dials: Dials, profile: Profile, *, whole: bool = False) -> None:
        self._decoder = decoder
        self._dials = dials
        self._profile = profile
        self._whole = whole
        self._gathered: dict[str, Any] | None = None
        if whole:
            decoder.model.requires_grad_(requires_grad=True)
            return
        if profile.is_quantized:
            decoder.model = prepare_model_for_kbit_training(
                decoder.model, use_gradient_checkpointing=profile.is_checkpointed
            )
        torch.manual_seed(dials.seed)  # PEFT draws the adapters from torch's own generator
        config = LoraConfig(
            r=dials.rank,
            lora_alpha=int(dials.alpha),
            lora_dropout=0.0,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
        decoder.model = get_peft_model(decoder.model, config)

    def run(
        self,
        train: Sequence[Tokens],
        dev: Sequence[TrainingRow],
        *,
        longest: int,
        checkpoints: Checkpoints,
        progress: Progress,
        until: int = 0,
    ) -> Trail:
        """Train to the end, to the first alarm, or ``until`` a step.

        Raises ``Diverged`` when the loss is no number any more.
        """
        if self._profile.has_trainer:
            return self._by_trainer(train, dev, longest=longest, scratch=checkpoints.scratch, progress=progress)
        lesson = Lesson(
            rows=train,
            loss_of=lambda places: self._decoder.loss([train[place] for place in places]),
            weight_of=lambda places: sum(len(train[place]) - train[place].start for place in places),
        )
        return Loop(by_shape(self.parts), self._dials).run(
            lesson,
            lambda last: self.look(dev[:LOOKED_AT] if last else (), longest),
            checkpoints=checkpoints,
            progress=progress,
            until=until,
        )

    @torch.no_grad()
    def mean_loss(self, rows: Sequence[Tokens]) -> float:
        """A token's, over the answers of some rows; 0 without any."""
        total, count = 0.0, 0
        for start in range(0, len(rows), self._dials.batch):
            part = rows[start : start + self._dials.batch]
            tokens = sum(len(row) - row.start for row in part)
            total += float(self._decoder.loss(part)) * tokens
            count += tokens
        return total / max(count, 1)

    @property
    def parts(self) -> list[torch.nn.Parameter]:
        """The weights that are learned."""
        return [part for part in self._decoder.model.parameters() if part.requires_grad]

    @property
    def takes_pairs(self) -> bool:
        """Whether adapters are learned, and the model is here in one piece and not in parts on several devices."""
        return self._gathered is None and not self._whole

    def _by_trainer(
        self, train: Sequence[Tokens], dev: Sequence[TrainingRow], *, longest: int, scratch: Path, progress: Progress
    ) -> Trail:
        trainer = import_module("engine.train._trainer")  # by name: it takes seconds to load, and is for a GPU alone
        trail, self._gathered = trainer.run(
            self._decoder, train, self._dials, profile=self._profile, scratch=scratch, progress=progress
        )
        if self._profile.is_packed:
            self._decoder.model.set_attn_implementation("sdpa")  # flash attention takes no fp32, which answers are in
        if self._gathered is None:  # a model in parts on several devices is not asked
            trail.looks.append(self.look(dev[:LOOKED_AT], longest))
        return trail

    def save(self, folder: Path, base: Path) -> None:
        """The adapters as PEFT writes them, or the whole model with its tokenizer; no path of this host."""
        if self._whole:
            self._decoder.save(folder, self._gathered)
            return
        self._decoder.model.peft_config["default"].base_model_name_or_path = base.name
        self._decoder.model.save_pretrained(
            folder, safe_serialization=True, save_embedding_layers=False, state_dict=self._gathered
        )
        (folder / "README.md").unlink(missing_ok=True)  # the job writes the card

    def look(self, dev: Sequence[TrainingRow], longest: int) -> Look:
        """The share of dev rows answered word for word; alarms where all answers are one."""
        if not dev:
            return Look(0.0, 0.0)
        said = self._decoder.answers([self._decoder.question(row.input) for row in dev], longest)
        right = float(np.mean([one.text == row.written.strip() for one, row in zip(said, dev, strict=True)]))
        is_stuck = len({one.text for one in said}) == 1 and len({row.written for row in dev}) > 1
        return Look(right, right, f"all of {len(dev)} dev answers are the same" if is_stuck else "")


class CausalAnswerer:
    """A decoder with its adapter merged in."""

    def __init__(self, decoder: Decoder, longest: int) -> None:
        self._decoder = decoder
        self._longest = longest

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        """Greedy answers in input order. A text longer than a row of train may be gets none (an empty one), uncut."""
        return self._answers(inputs, temperature=0.0)

    def sampled(self, inputs: Sequence[str], *, temperature: float, seed: int) -> list[Answer]:
        """Answers drawn at a temperature, in input order; the same seed draws the same ones."""
        torch.manual_seed(seed)
        return self._answers(inputs, temperature=temperature)

    def _answers(self, inputs: Sequence[str], *, temperature: float) -> list[Answer]:
        asked = [self._decoder.question(text) for text in inputs]
        most = min(self._decoder.longest, self._decoder.context - self._longest)
        fits = [place for place, ids in enumerate(asked) if len(ids) <= most]
        made: list[Answer] = [Answer(text="")] * len(inputs)
        said = self._decoder.answers([asked[place] for place in fits], self._longest, temperature=temperature)
        for place, answer in zip(fits, said, strict=True):
            made[place] = answer
        return made


def note(folder: Path, base: Path, *, profile: Profile, longest: int) -> None:
    """Write ``decoder.json``: what a candidate stands on, and how many tokens an answer may have."""
    known: dict[str, str | int] = {
        "name": base.name,
        "sha256": weights_sha(base),
        "precision": profile.precision,
        "answer_tokens": longest,
        **({"base": "nf4"} if profile.is_quantized else {}),
    }
    (folder / _NOTE).write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")


def loaded_whole(folder: Path, host: Host) -> CausalAnswerer:
    """What ``save`` wrote of a whole model, and ``note``: it stands on no other weights."""
    known = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
    decoder = Decoder(folder, Profile(host.device, host.cores, "fp32", 1.0))
    return CausalAnswerer(decoder, int(known["answer_tokens"]))


def loaded(folder: Path, host: Host) -> CausalAnswerer:
    """What ``save`` and ``note`` wrote. Raises ``WorkFailed`` where this host has no decoder, or other weights."""
    known = json.loads((folder / _NOTE).read_text(encoding="utf-8"))
    base = folder_of(host) if host.decoder else None
    found = weights_sha(base) if base is not None else "none"
    if base is None or found != known["sha256"]:
        raise WorkFailed(
            f"the candidate stands on decoder {known['name']} ({known['sha256'][:12]}), this host has {found[:12]}; "
            "set ASSAY_DECODER to the folder of those weights"
        )
    quantized = known.get("base") == "nf4"
    decoder = Decoder(base, Profile(host.device, host.cores, "fp32", 1.0, is_quantized=quantized))
    adapted = PeftModel.from_pretrained(decoder.model, str(folder))
    decoder.model = (adapted if quantized else adapted.merge_and_unload()).eval()  # nf4 would be rounded anew
    return CausalAnswerer(decoder, int(known["answer_tokens"]))


def answer_tokens(rows: Sequence[Tokens]) -> int:
    """How many tokens an answer may have: half more than 99 of 100 answers of train have."""
    return int(np.percentile([len(row) - row.start for row in rows], 99) * ROOM) + 2
