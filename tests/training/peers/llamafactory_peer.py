# pyright: basic, reportMissingImports=false
"""LLaMA-Factory's own run on the same rows, tuned for a processor: ``python llamafactory_peer.py FOLDER``."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from transformers import TrainerCallback


class Clock(TrainerCallback):
    """Processor time and tokens from the end of the first step on."""

    def __init__(self) -> None:
        self.began, self.first, self.tokens, self.cpu_s = 0.0, 0, 0, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 1:
            self.began, self.first = time.process_time(), int(state.num_input_tokens_seen)
        self.cpu_s, self.tokens = time.process_time() - self.began, int(state.num_input_tokens_seen) - self.first


def main(folder: Path) -> None:
    """The first batch is not counted."""
    asked = json.loads((folder / "asked.json").read_text())
    rows = [{"instruction": row["text"], "input": "", "output": row["said"]} for row in asked["rows"]]
    (folder / "rows.json").write_text(json.dumps(rows))
    (folder / "dataset_info.json").write_text(json.dumps({"rows": {"file_name": "rows.json"}}))
    sound = sys.modules["torchaudio"] = ModuleType("torchaudio")  # sound alone needs it, and no build fits this torch
    sound.__spec__ = ModuleSpec("torchaudio", None)
    clock = Clock()
    import_module("llamafactory.train.tuner").run_exp(
        {
            "model_name_or_path": asked["decoder"], "stage": "sft", "do_train": True, "finetuning_type": "lora",
            "lora_target": "all", "lora_rank": 16, "lora_alpha": 32, "dataset_dir": str(folder), "dataset": "rows",
            "template": "smollm2", "cutoff_len": 1024, "output_dir": str(folder / "llamafactory"), "report_to": "none",
            "per_device_train_batch_size": asked["batch"], "gradient_accumulation_steps": 1, "num_train_epochs": 1,
            "learning_rate": 5e-4, "save_strategy": "no", "logging_strategy": "no", "disable_tqdm": True,
            "include_num_input_tokens_seen": "non_padding", "disable_gradient_checkpointing": True, "bf16": False,
            "train_sampling_strategy": "group_by_length", "dataloader_num_workers": 0, "use_cpu": True,
        },
        callbacks=[clock],
    )  # fmt: skip
    print(json.dumps({"tokens": clock.tokens, "cpu_s": clock.cpu_s}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
