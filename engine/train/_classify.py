"""Train an encoder to answer with labels, from the head of logistic regression on. Loaded by jobs alone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.train import Host, _adapter, _answerer, _features, _linear, _tensors, _torch, _tuner
from engine.train._loop import Trail, dials_of
from engine.train.checkpoint import Checkpoints
from engine.train.profile import Profile
from engine.train.work import Attempt, Work, attempted

_COPIED = ("config.json", "tokenizer.json")


@dataclass(frozen=True, kw_only=True)
class _Lesson:
    """An encoder with its head, and the rows it learns from and is looked at on."""

    encoder: _torch.Encoder
    tuner: _tuner.Tuner
    learn: _tuner.Part
    check: _tuner.Part


def adapt(work: Work, rate: float) -> Attempt:
    """Adapt the upper half of the layers; the folder holds the adapter."""
    lesson, body = _adapting(work, rate)
    trail = _learned(work, lesson, rate)
    base, settings = _features.encoder_name(work.host.encoder), dials_of(work.recipe, rate)
    _adapter.save(work.folder, body.adapted, rank=settings.rank, alpha=settings.alpha, base=base)
    return attempted(trail, lesson.encoder.profile, quality="dev_accuracy")


def learn_whole(work: Work, rate: float) -> Attempt:
    """Learn all weights; the folder holds the whole encoder, and stands on no other weights."""
    lesson = _whole(work, rate)
    trail = _learned(work, lesson, rate)
    arrays = {name: part.detach().cpu().numpy() for name, part in lesson.encoder.model.state_dict().items()}
    _tensors.save(work.folder / "model.safetensors", arrays)
    for name in _COPIED:
        shutil.copyfile(Path(work.host.encoder) / name, work.folder / name)
    return attempted(trail, lesson.encoder.profile, quality="dev_accuracy")


def try_adapting(work: Work, until: int) -> float:
    """Adapt up to a step; the mean loss on dev."""
    rate = float(work.recipe.settings["lr"])
    return _tried(work, _adapting(work, rate)[0], rate, until)


def try_whole(work: Work, until: int) -> float:
    """Learn all weights up to a step; the mean loss on dev."""
    rate = float(work.recipe.settings["lr"])
    return _tried(work, _whole(work, rate), rate, until)


def loaded_whole(folder: Path, host: Host) -> _answerer.EncoderAnswerer:
    """What ``learn_whole`` wrote, in fp32 whatever it was trained in, as every candidate answers."""
    encoder = _torch.Encoder(str(folder), Profile(host.device, host.cores, "fp32", 1.0))
    return _answerer.EncoderAnswerer(encoder, _linear.Head.load(folder), _answerer.noted_task(folder))


def _head(work: Work, encoder: _torch.Encoder) -> _linear.Head:
    def waits(_step: int, _of: int, _loss: float | None) -> None:
        work.progress(0, 1, None)  # encoding comes before step 1; telling it lets the job see whether to stop

    sha = _features.encoder_sha(work.host.encoder)
    texts = [row.input for row in work.train]
    features = _features.features(encoder, texts, sha=sha, shared=work.shared, progress=waits)
    wanted = _linear.targets(work.train, work.task)
    return _linear.logistic_head(features, wanted, classes=len(work.task.classes), seed=work.recipe.seed)[0]


def _adapting(work: Work, rate: float) -> tuple[_Lesson, _tuner.Adapted]:
    encoder, dials = _torch.Encoder(work.host.encoder, work.profile()), dials_of(work.recipe, rate)
    head = _head(work, encoder)
    body = _tuner.Adapted(encoder, encoder.depth // 2, dials)
    return _lesson(work, encoder, body, _tuner.Tuner(encoder, body, head, dials)), body


def _whole(work: Work, rate: float) -> _Lesson:
    encoder = _torch.Encoder(work.host.encoder, work.profile())
    head = _head(work, encoder)
    body = _tuner.Whole(encoder)
    return _lesson(work, encoder, body, _tuner.Tuner(encoder, body, head, dials_of(work.recipe, rate)))


def _lesson(work: Work, encoder: _torch.Encoder, body: _tuner.Body, tuner: _tuner.Tuner) -> _Lesson:
    learn, check = (
        _tuner.Part(rows=_rows(work, name, encoder, body), wanted=_linear.targets(rows, work.task))
        for name, rows in (("train", work.train), ("dev", work.dev))
    )
    return _Lesson(encoder=encoder, tuner=tuner, learn=learn, check=check)


def _rows(work: Work, name: str, encoder: _torch.Encoder, body: _tuner.Body) -> list[Any]:
    """As the body takes them; rivals have the same lower layers, which are run once."""
    if name not in work.kept:
        rows = work.train if name == "train" else work.dev
        work.kept[name] = body.rows(encoder.tokens([row.input for row in rows]))
    return work.kept[name]


def _checkpoints(work: Work, rate: float) -> Checkpoints:
    return Checkpoints(work.scratch, dials_of(work.recipe, rate).steps(len(work.train)))


def _tried(work: Work, lesson: _Lesson, rate: float, until: int) -> float:
    lesson.tuner.run(
        lesson.learn,
        lesson.check,
        checkpoints=_checkpoints(work, rate),
        progress=work.progress,
        until=until,
    )
    return lesson.tuner.mean_loss(lesson.check)


def _learned(work: Work, lesson: _Lesson, rate: float) -> Trail:
    trail = lesson.tuner.run(lesson.learn, lesson.check, checkpoints=_checkpoints(work, rate), progress=work.progress)
    lesson.tuner.head().save(work.folder)
    _answerer.note_classes(work.folder, work.task)
    _features.note_encoder(work.folder, work.host.encoder, lesson.encoder.profile.precision)
    return trail
