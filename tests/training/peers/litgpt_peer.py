# pyright: basic, reportMissingImports=false
"""litgpt's LoRA model and its loss in chunks, as its ``finetune_lora`` steps: ``python litgpt_peer.py FOLDER``."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

import torch
from litgpt.lora import GPT, Config, mark_only_lora_as_trainable
from litgpt.scripts.convert_hf_checkpoint import convert_hf_checkpoint
from litgpt.utils import chunked_cross_entropy

NAME = "SmolLM2-135M-Instruct"


def main(folder: Path) -> None:
    """The first batch is not counted."""
    asked = json.loads((folder / "asked.json").read_text())
    own = folder / NAME
    shutil.copytree(asked["decoder"], own, dirs_exist_ok=True)
    convert_hf_checkpoint(own, model_name=NAME)
    torch.manual_seed(0)
    every = {f"lora_{part}": True for part in ("query", "key", "value", "projection", "mlp", "head")}
    model = GPT(Config.from_name(NAME, lora_r=16, lora_alpha=32, lora_dropout=0.0, **{**every, "lora_head": False}))
    model.load_state_dict(torch.load(own / "lit_model.pth", mmap=True, weights_only=True), strict=False)
    mark_only_lora_as_trainable(model)
    optimizer = torch.optim.AdamW([part for part in model.parameters() if part.requires_grad], lr=5e-4)
    size, tokens, began, loss = asked["batch"], 0, 0.0, torch.tensor(0.0)
    for number, start in enumerate(range(0, len(asked["rows"]), size)):
        rows = asked["rows"][start : start + size]
        if number == 1:
            tokens, began = 0, time.process_time()
        width = max(len(row["ids"]) for row in rows)
        ids = torch.tensor([row["ids"] + [0] * (width - len(row["ids"])) for row in rows])
        wanted = torch.tensor(
            [[-100] * row["start"] + row["ids"][row["start"] :] + [-100] * (width - len(row["ids"])) for row in rows]
        )
        logits = model(ids, lm_head_chunk_size=128)
        logits[-1] = logits[-1][..., :-1, :]
        loss = chunked_cross_entropy(logits, wanted[..., 1:])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        tokens += sum(len(row["ids"]) for row in rows)
    print(json.dumps({"tokens": tokens, "cpu_s": time.process_time() - began, "loss": float(loss)}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
