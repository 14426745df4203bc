# pyright: basic
"""LoRA steps by transformers' own Trainer: on CUDA, one device or several. Loaded by jobs alone.

Never run on a GPU by us. What our own loop promises holds here too: checkpoints, resume, halves when memory runs out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset
from transformers import (
    DataCollatorForTokenClassification,
    DataCollatorWithFlattening,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from engine.errors import Diverged
from engine.train import Progress
from engine.train._decoder import Decoder, Tokens
from engine.train._loop import CLIP, DECAY, WARM_UP, Dials, Trail
from engine.train._memory import Portions, is_shortage
from engine.train.checkpoint import KEPT, Pace
from engine.train.profile import Profile, arguments

_WHOLE = "trainer_state.json"  # written last: without it a checkpoint is half a one


class Rows(Dataset):
    """Rows as the Trainer takes them; a question's tokens carry no loss."""

    def __init__(self, rows: Sequence[Tokens]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> dict[str, list[int]]:
        row = self._rows[place]
        return {"input_ids": row.ids, "labels": [-100] * row.start + row.ids[row.start :]}


class Teller(TrainerCallback):
    """Tells progress, keeps the trail, asks for checkpoints, and ends a training whose loss is no number."""

    def __init__(self, trail: Trail, pace: Pace, progress: Progress) -> None:
        self.trail = trail
        self._pace = pace
        self._progress = progress

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 (the library's interface)
        control.should_save = self._pace.is_due(state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 (the library's interface)
        self._pace.begin()

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002 (the library's interface)
        seen = (kwargs.get("logs") or {}).get("loss")
        if seen is None:
            return
        self.trail.tell(state.global_step, float(seen))
        if not math.isfinite(float(seen)):
            raise Diverged(f"the loss became {seen} at step {state.global_step}")
        self._progress(state.global_step, state.max_steps, round(self.trail.loss, 4))


def run(
    decoder: Decoder, rows: Sequence[Tokens], dials: Dials, *, profile: Profile, scratch: Path, progress: Progress
) -> tuple[Trail, dict[str, Any] | None]:
    """Train the decoder's adapter to the end; goes on from the newest whole checkpoint in ``scratch``.

    Also gives the weights, gathered, where several devices hold a part of them each.
    Raises ``Diverged``, and ``OutOfMemory`` when a quarter of a batch is too much as well.
    """
    portions = Portions()
    while True:
        trail = Trail(halved=portions.halved)
        teller = Teller(trail, Pace(dials.steps(len(rows))), progress)
        own = _trainer(decoder, rows, dials, profile=profile, scratch=scratch, teller=teller)
        kept = newest(scratch)
        if kept is not None:
            _recall(trail, own, kept)
        ended = _ran(own, kept)
        decoder.model.eval()
        if ended:
            return trail, _gathered(own) if profile.workers > 1 else None
        portions.halve(_at_once(dials, profile))


def newest(scratch: Path) -> Path | None:
    """The newest whole checkpoint of a Trainer; none at the beginning."""
    whole = [path.parent for path in scratch.glob(f"checkpoint-*/{_WHOLE}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def settings(dials: Dials, profile: Profile, *, halved: int, scratch: Path) -> TrainingArguments:
    """The recipe and the profile as the Trainer takes them; a batch in parts is as many steps towards one."""
    share = -(-dials.batch // profile.workers)
    parts = -(-share // max(_at_once(dials, profile) >> halved, 1))
    made = TrainingArguments(
        output_dir=str(scratch),
        learning_rate=dials.lr,
        num_train_epochs=dials.epochs,
        per_device_train_batch_size=-(-share // parts),  # alike, so that a step has few rows more than it should
        gradient_accumulation_steps=parts,
        weight_decay=DECAY,
        max_grad_norm=CLIP,
        warmup_steps=WARM_UP,
        lr_scheduler_type="linear",
        seed=dials.seed,
        save_strategy="no",  # the teller asks
        save_total_limit=KEPT,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        **arguments(profile),
    )
    made._n_gpu = min(made.n_gpu, 1)  # a process works on one device: no DataParallel over what else the host has
    return made


def _at_once(dials: Dials, profile: Profile) -> int:
    """Rows a device works on while memory lasts: its share of a step, or as many of it as fit."""
    share = -(-dials.batch // profile.workers)
    return min(profile.at_once or share, share)


def _trainer(
    decoder: Decoder, rows: Sequence[Tokens], dials: Dials, *, profile: Profile, scratch: Path, teller: Teller
) -> Trainer:
    collator: Any = (
        DataCollatorWithFlattening() if profile.is_packed else DataCollatorForTokenClassification(decoder.tokenizer)
    )
    made = Trainer(
        model=decoder.model,
        args=settings(dials, profile, halved=teller.trail.halved, scratch=scratch),
        train_dataset=Rows(rows),
        data_collator=collator,
        callbacks=[teller],
    )
    made.remove_callback(PrinterCallback)  # it prints
    return made


def _ran(own: Trainer, kept: Path | None) -> bool:
    """False where memory ran out; here the tensors of the failed step are let go."""
    try:
        own.train(resume_from_checkpoint=str(kept) if kept is not None else None)
    except (MemoryError, RuntimeError) as error:
        if not is_shortage(error):
            raise
        return False
    return True


def _gathered(own: Trainer) -> dict[str, Any]:
    return own.accelerator.get_state_dict(own.model)


def _recall(trail: Trail, own: Trainer, kept: Path) -> None:
    """The trail up to a checkpoint, of the losses that the Trainer has kept with it."""
    for line in type(own.state).load_from_json(str(kept / _WHOLE)).log_history:
        if "loss" in line:
            trail.tell(int(line["step"]), float(line["loss"]))
