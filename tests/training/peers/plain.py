# pyright: basic, reportMissingImports=false
"""A LoRA step as the documentation of transformers and PEFT has it: fp32, rows as they come, the head at every place.

``python plain.py FOLDER`` in an environment of its own; prints useful tokens, processor seconds and loss as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM


def main(folder: Path) -> None:
    """The first batch is not counted."""
    asked = json.loads((folder / "asked.json").read_text())
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(asked["decoder"], dtype=torch.float32)
    config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(model, config).train()
    optimizer = torch.optim.AdamW([part for part in model.parameters() if part.requires_grad], lr=5e-4)
    size, tokens, began, loss = asked["batch"], 0, 0.0, 0.0
    for number, start in enumerate(range(0, len(asked["rows"]), size)):
        rows = asked["rows"][start : start + size]
        if number == 1:
            tokens, began = 0, time.process_time()
        width = max(len(row["ids"]) for row in rows)
        ids = torch.tensor([row["ids"] + [0] * (width - len(row["ids"])) for row in rows])
        mask = torch.tensor([[1] * len(row["ids"]) + [0] * (width - len(row["ids"])) for row in rows])
        labels = ids.masked_fill(mask == 0, -100)
        for place, row in enumerate(rows):
            labels[place, : row["start"]] = -100
        out = model(input_ids=ids, attention_mask=mask, labels=labels)
        optimizer.zero_grad()
        out.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        tokens, loss = tokens + int(mask.sum()), float(out.loss)
    print(json.dumps({"tokens": tokens, "cpu_s": time.process_time() - began, "loss": loss}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
