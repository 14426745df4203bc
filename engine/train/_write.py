"""Train a chat model to write its answer, by adapters or all its weights. Loaded by jobs alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.errors import WorkFailed
from engine.train import Host, _causal, _decoder, _pairs
from engine.train._loop import Dials, dials_of
from engine.train.checkpoint import Checkpoints
from engine.train.decoders import needed
from engine.train.profile import Needs, Profile
from engine.train.sizes import shape_of, step_of
from engine.train.work import Attempt, Facts, Work, attempted


def adapt(work: Work, rate: float) -> Attempt:
    """Train adapters at this rate into the folder. Raises ``Diverged``, and ``WorkFailed`` where no row fits."""
    return _learn(work, rate, whole=False)


def learn_whole(work: Work, rate: float) -> Attempt:
    """Train all weights. Raises as ``adapt`` does."""
    return _learn(work, rate, whole=True)


def try_adapting(work: Work, until: int) -> float:
    """Train adapters up to a step; the mean loss on dev."""
    return _tried(work, until, whole=False)


def try_whole(work: Work, until: int) -> float:
    """Train all weights up to a step; the mean loss on dev."""
    return _tried(work, until, whole=True)


def may_race(host: Host) -> bool:
    """Where our own loop takes the steps: it can be left at any of them, and gone on from."""
    return host.device == "cpu" and host.workers == 1


@dataclass(frozen=True, kw_only=True)
class _Lesson:
    decoder: _decoder.Decoder
    causal: _causal.Causal
    profile: Profile
    rows: list[_decoder.Tokens]
    longest: int
    steps: int
    dials: Dials


def _lesson(work: Work, rate: float, *, whole: bool) -> _Lesson:
    base = _decoder.folder_of(work.host)
    profile = work.profile(_needs(work), is_whole=whole)
    decoder = _decoder.Decoder(base, profile)
    rows = [decoder.row(row.input, row.written) for row in work.train]
    kept = [row for row in rows if len(row) <= decoder.longest]
    if not kept:
        raise WorkFailed(f"no training row fits the {decoder.longest} tokens of the decoder {base.name}")
    dials, longest = stepped(dials_of(work.recipe, rate), profile, len(kept)), _causal.answer_tokens(kept)
    causal = _causal.Causal(decoder, dials, profile, whole=whole)
    return _Lesson(
        decoder=decoder,
        causal=causal,
        profile=profile,
        rows=kept,
        longest=longest,
        steps=dials.steps(len(kept)),
        dials=dials,
    )


def stepped(dials: Dials, profile: Profile, rows: int) -> Dials:
    """The recipe's batch and rate, or those of a wider step where a GPU has room for one; a processor keeps them."""
    if not profile.at_once:
        return dials
    step = step_of(dials.batch, profile.at_once * profile.workers, rows)
    return replace(dials, batch=step.rows, lr=dials.lr * step.times)


def _tried(work: Work, until: int, *, whole: bool) -> float:
    lesson = _lesson(work, float(work.recipe.settings["lr"]), whole=whole)
    lesson.causal.run(
        lesson.rows,
        (),
        longest=lesson.longest,
        checkpoints=Checkpoints(work.scratch, lesson.steps),
        progress=work.progress,
        until=until,
    )
    shown = [lesson.decoder.row(row.input, row.written) for row in work.dev]
    return lesson.causal.mean_loss([row for row in shown if len(row) <= lesson.decoder.longest])


def _learn(work: Work, rate: float, *, whole: bool) -> Attempt:
    lesson = _lesson(work, rate, whole=whole)
    decoder, causal, longest, steps = lesson.decoder, lesson.causal, lesson.longest, lesson.steps
    pairs = _pairs.pairs_of(decoder, work.train)
    more = 0 if whole else _pairs.steps(pairs)
    trail = causal.run(
        lesson.rows,
        work.dev,
        longest=longest,
        checkpoints=Checkpoints(work.scratch, steps),
        progress=lambda step, of, loss: work.progress(step, of + more, loss),
    )
    taught: Facts = {}
    if more and causal.takes_pairs and not trail.alarm:
        made = _pairs.Preferences(decoder, causal, pairs).run(
            _pairs.pairs_of(decoder, work.dev),
            lambda: causal.look(work.dev[: _causal.LOOKED_AT], longest),
            seed=work.recipe.seed,
            checkpoints=Checkpoints(work.scratch / "pairs", more),
            progress=lambda step, of, loss: work.progress(steps + step, steps + of, loss),
        )
        taught = made.facts
    base = _decoder.folder_of(work.host)
    causal.save(work.folder, base)
    _causal.note(work.folder, base, profile=lesson.profile, longest=longest)
    left_out = len(work.train) - len(lesson.rows)
    step: Facts = {"batch": lesson.dials.batch, "step_lr": lesson.dials.lr}
    return attempted(trail, lesson.profile, quality="dev_exact", too_long=left_out, **step, **taught)


def _needs(work: Work) -> Needs | None:
    """What a device needs for this training; none where the decoder does not say its size."""
    shape = shape_of(work.host.decoder)
    words = max((len(f"{row.input} {row.written}".split()) for row in work.train), default=0)
    return None if shape is None else needed(shape, work.recipe.settings, words)
