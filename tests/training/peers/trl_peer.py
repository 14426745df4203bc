# pyright: basic, reportMissingImports=false
"""TRL's ``SFTTrainer`` on the same rows: ``python trl_peer.py FOLDER defaults|tuned``. Prints JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

TUNED = {"gradient_checkpointing": False, "bf16": False, "train_sampling_strategy": "group_by_length"}


class Clock(TrainerCallback):
    """Processor time and tokens from the end of the first step on."""

    def __init__(self) -> None:
        self.began, self.tokens, self.cpu_s = 0.0, 0, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 1:
            self.began, self.tokens = time.process_time(), int(state.num_input_tokens_seen)
        self.cpu_s = time.process_time() - self.began


def main(folder: Path, way: str) -> None:
    """The first batch is not counted."""
    asked = json.loads((folder / "asked.json").read_text())
    said = {
        "max_length": 1024,
        "learning_rate": 5e-4,
        "per_device_train_batch_size": asked["batch"],
        "num_train_epochs": 1,
    }
    config = SFTConfig(
        output_dir=str(folder / f"trl-{way}"), use_cpu=True, report_to="none", save_strategy="no",
        logging_strategy="no",
        include_num_input_tokens_seen="non_padding", disable_tqdm=True, **said, **(TUNED if way == "tuned" else {}),
    )  # fmt: skip
    rows = [
        {
            "prompt": [{"role": "user", "content": row["text"]}],
            "completion": [{"role": "assistant", "content": row["said"]}],
        }
        for row in asked["rows"]
    ]
    clock = Clock()
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(asked["decoder"], dtype=torch.float32),
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(asked["decoder"]),
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[clock],
    )
    trainer.train()
    tokens = int(trainer.state.num_input_tokens_seen) - clock.tokens
    print(json.dumps({"tokens": tokens, "cpu_s": clock.cpu_s, "bf16": bool(config.bf16)}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
