"""Train an encoder to answer with labels, from the head of logistic regression on. Loaded by jobs alone."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.train import Host, _adapter, _answerer, _features, _linear, _tensors, _torch, _tuner
from engine.train._loop import Trail, dials_of
from engine.train.checkpoint import Checkpoints
from engine.train.profile import Profile
from engine.train.work import Attempt, Work, attempted

_COPIED = ("config.json", "tokenizer.json")


def adapt(work: Work, rate: float) -> Attempt:
    """Adapt the upper half of the layers; the folder holds the adapter."""
    encoder, dials = _torch.Encoder(work.host.encoder, work.profile()), dials_of(work.recipe, rate)
    head = _head(work, encoder)
    body = _tuner.Adapted(encoder, encoder.depth // 2, dials)
    trail = _learn(work, encoder, _tuner.Tuner(encoder, body, head, dials), body=body, rate=rate)
    base = _features.encoder_name(work.host.encoder)
    _adapter.save(work.folder, body.adapted, rank=dials.rank, alpha=dials.alpha, base=base)
    return attempted(trail, encoder.profile, quality="dev_accuracy")


def learn_whole(work: Work, rate: float) -> Attempt:
    """Learn all weights; the folder holds the whole encoder, and stands on no other weights."""
    encoder = _torch.Encoder(work.host.encoder, work.profile())
    head = _head(work, encoder)
    body = _tuner.Whole(encoder)
    trail = _learn(work, encoder, _tuner.Tuner(encoder, body, head, dials_of(work.recipe, rate)), body=body, rate=rate)
    arrays = {name: part.detach().cpu().numpy() for name, part in encoder.model.state_dict().items()}
    _tensors.save(work.folder / "model.safetensors", arrays)
    for name in _COPIED:
        shutil.copyfile(Path(work.host.encoder) / name, work.folder / name)
    return attempted(trail, encoder.profile, quality="dev_accuracy")


def loaded_whole(folder: Path, host: Host) -> _answerer.EncoderAnswerer:
    """What ``learn_whole`` wrote, in fp32 whatever it was trained in, as every candidate answers."""
    encoder = _torch.Encoder(str(folder), Profile(host.device, host.cores, "fp32", 1.0))
    return _answerer.EncoderAnswerer(encoder, _linear.Head.load(folder), _answerer.noted_task(folder))


def _head(work: Work, encoder: _torch.Encoder) -> _linear.Head:
    def waits(_step: int, _of: int, _loss: float | None) -> None:
        work.progress(0, 1, None)  # encoding comes before step 1; telling it lets the job see whether to stop

    sha = _features.encoder_sha(work.host.encoder)
    texts = [row.input for row in work.train]
    features = _features.features(encoder, texts, sha=sha, shared=work.scratch.parent, progress=waits)
    wanted = _linear.targets(work.train, work.task)
    return _linear.logistic_head(features, wanted, classes=len(work.task.classes), seed=work.recipe.seed)[0]


def _learn(work: Work, encoder: _torch.Encoder, tuner: _tuner.Tuner, *, body: _tuner.Body, rate: float) -> Trail:
    learn, check = (
        _tuner.Part(
            rows=body.rows(encoder.tokens([row.input for row in rows])), wanted=_linear.targets(rows, work.task)
        )
        for rows in (work.train, work.dev)
    )
    checkpoints = Checkpoints(work.scratch, dials_of(work.recipe, rate).steps(len(work.train)))
    trail = tuner.run(learn, check, checkpoints=checkpoints, progress=work.progress)
    tuner.head().save(work.folder)
    _answerer.note_classes(work.folder, work.task)
    _features.note_encoder(work.folder, work.host.encoder, encoder.profile.precision)
    return trail
