"""One piece of work over several hosts of a Ray cluster: Ray Train starts a worker on each and makes them one group.

The workers speak gloo on processors and nccl on GPUs. Ray is imported when asked, in the job that leads alone.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.runners import Resources
from engine.runners.ray_head import HOST

SHARE = 0.9  # of a host for each worker: never two on one, none beside a job, and room for the job that leads


def spread(work: Callable[[dict[str, Any]], None], asked: dict[str, Any], *, needs: Resources, folder: Path) -> bool:
    """Have ``work(asked)`` done by ``needs.workers`` workers on as many hosts. False when one of them failed.

    Waits until there are so many free hosts. ``work`` is imported by its name there; ``folder`` is for Ray's notes.
    """
    ray: Any = import_module("ray")
    train: Any = import_module("ray.train")
    failed: type[Exception] = train.TrainingFailedError
    ray.init(log_to_driver=True, logging_level="warning")
    gpus = needs.gpus or float(ray.cluster_resources().get("GPU", 0.0) >= needs.workers)
    each = {HOST: SHARE, "CPU": 1.0, "GPU": gpus, "memory": float(needs.memory_gb << 30)}
    trainer = import_module("ray.train.torch").TorchTrainer(
        work,
        train_loop_config=asked,
        scaling_config=train.ScalingConfig(
            num_workers=needs.workers,
            use_gpu=gpus > 0,
            resources_per_worker={name: amount for name, amount in each.items() if amount},
        ),
        run_config=train.RunConfig(name="assay", storage_path=str(folder)),
    )
    try:
        trainer.fit()
    except failed:
        return False
    return True
