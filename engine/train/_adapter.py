"""LoRA in the upper layers of an encoder: small matrices beside the frozen ones, kept in PEFT's own file format."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.train import _tensors, _torch

TARGETS = ("query", "key", "value", "dense")
_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"


class LoraLinear(nn.Module):
    """``base(x) + scale * B A x``; A starts random, B at zero, so that it starts as the base (arXiv:2106.09685)."""

    def __init__(self, base: nn.Linear, rank: int, scale: float, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base
        self.scale = scale
        self.down = nn.Parameter(torch.empty(rank, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5), generator=generator)

    def forward(self, states: Tensor) -> Tensor:
        """As a linear layer."""
        low = nn.functional.linear(nn.functional.linear(states, self.down), self.up)
        return self.base(states) + self.scale * low


def adapt(encoder: _torch.Encoder, start: int, *, rank: int, alpha: float, seed: int) -> dict[str, LoraLinear]:
    """Put LoRA into every target of the layers from ``start``; the adapted parts by their name in the encoder."""
    generator = torch.Generator().manual_seed(seed)
    adapted: dict[str, LoraLinear] = {}
    for name, module in _targets(encoder, start).items():
        lora = LoraLinear(module, rank, alpha / rank, generator).to(encoder.device)
        parent, _, child = name.rpartition(".")
        setattr(encoder.model.get_submodule(parent), child, lora)
        adapted[name] = lora
    return adapted


def save(folder: Path, adapted: dict[str, LoraLinear], *, rank: int, alpha: float, base: str) -> None:
    """``adapter_model.safetensors`` and ``adapter_config.json``, as PEFT reads them."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, lora in adapted.items():
        arrays[f"base_model.model.{name}.lora_A.weight"] = lora.down.detach().cpu().numpy()
        arrays[f"base_model.model.{name}.lora_B.weight"] = lora.up.detach().cpu().numpy()
    _tensors.save(folder / _WEIGHTS, arrays)
    config = {
        "base_model_name_or_path": base,
        "bias": "none",
        "inference_mode": True,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": sorted(adapted),
        "task_type": "FEATURE_EXTRACTION",
    }
    (folder / _CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")


def merge(encoder: _torch.Encoder, folder: Path) -> None:
    """Add a kept adapter to the encoder's own weights: it answers as adapted, at the cost of the base."""
    config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    arrays = _tensors.load(folder / _WEIGHTS)
    for name in config["target_modules"]:
        linear = encoder.model.get_submodule(name)
        down, up = (
            torch.from_numpy(arrays[f"base_model.model.{name}.lora_{part}.weight"]).to(encoder.device) for part in "AB"
        )
        linear.weight += config["lora_alpha"] / config["r"] * (up @ down)


def _targets(encoder: _torch.Encoder, start: int) -> dict[str, nn.Linear]:
    return {
        name: module
        for name, module in encoder.model.named_modules()
        if isinstance(module, nn.Linear)
        and name.rpartition(".")[2] in TARGETS
        and name.startswith("encoder.layer.")
        and int(name.split(".")[2]) >= start
    }
