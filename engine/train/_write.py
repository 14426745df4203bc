"""Train a chat model to write its answer, by adapters or all its weights. Loaded by jobs alone."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import WorkFailed
from engine.train import _causal, _decoder, _pairs
from engine.train._loop import dials_of
from engine.train.checkpoint import Checkpoints
from engine.train.decoders import needed
from engine.train.profile import Needs
from engine.train.sizes import shape_of
from engine.train.work import Attempt, Facts, Work, attempted


def learn(work: Work, rate: float, *, whole: bool) -> Attempt:
    """Train at this rate into the folder. Raises ``Diverged``, and ``WorkFailed`` where no row fits."""
    base = _decoder.folder_of(work.host)
    profile = work.profile(_needs(work))
    if whole:
        profile = replace(profile, is_quantized=False)  # four bits cannot be learned
    decoder = _decoder.Decoder(base, profile)
    rows = [decoder.row(row.input, row.written) for row in work.train]
    kept = [row for row in rows if len(row) <= decoder.longest]
    if not kept:
        raise WorkFailed(f"no training row fits the {decoder.longest} tokens of the decoder {base.name}")
    dials, longest = dials_of(work.recipe, rate), _causal.answer_tokens(kept)
    causal = _causal.Causal(decoder, dials, profile, whole=whole)
    pairs, steps = _pairs.pairs_of(decoder, work.train), dials.steps(len(kept))
    more = 0 if whole else _pairs.steps(pairs)
    trail = causal.run(
        kept,
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
    causal.save(work.folder, base)
    _causal.note(work.folder, base, profile=profile, longest=longest)
    return attempted(trail, profile, quality="dev_exact", too_long=len(rows) - len(kept), **taught)


def _needs(work: Work) -> Needs | None:
    """What a device needs for this training; none where the decoder does not say its size."""
    shape = shape_of(work.host.decoder)
    words = max((len(f"{row.input} {row.written}".split()) for row in work.train), default=0)
    return None if shape is None else needed(shape, work.recipe.settings, words)
