"""The runtime profile, on devices that are made up: what is chosen, why, and that transformers takes it."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from engine.train.profile import Device, Profile, arguments, chosen, facts
from engine.train.sizes import Load, Shape, Way, training_mb

CPU = Device(name="cpu", cores=2, memory_mb=8_000, gain=1.1)
ALL = frozenset({"bitsandbytes", "flash_attn", "liger_kernel"})
GPU = Device(name="cuda:0", cores=8, memory_mb=24_000, gain=2.0, has_bf16=True, packages=ALL)
LARGE = Shape(parameters=8_000_000_000, layers=32, hidden=4096, inner=14_336, keys=1024, words=128_256)
SMALL = Shape(parameters=1_200_000_000, layers=16, hidden=2048, inner=8192, keys=512, words=128_256)


def needs(shape: Shape, tokens: int = 256, batch: int = 8) -> Any:
    return lambda way: training_mb(shape, Load(rank=16, batch=batch, tokens=tokens, answer=64), way)


@pytest.mark.parametrize(("gain", "precision"), [(1.3, "fp32"), (1.31, "bf16"), (0.2, "fp32")])
def test_a_processor_takes_bf16_where_it_is_a_third_faster_and_nothing_else(gain: float, precision: str) -> None:
    made = chosen(replace(CPU, gain=gain, packages=ALL), needs(LARGE))
    assert made == Profile("cpu", 2, precision, gain)
    assert not made.has_trainer
    assert facts(made)["runtime"] == ""


def test_a_gpu_takes_bf16_where_it_works_in_it() -> None:
    assert chosen(GPU).precision == "bf16"
    old = chosen(replace(GPU, has_bf16=False), needs(SMALL))
    assert (old.precision, old.is_packed) == ("fp32", False)  # flash attention works in half precision alone
    assert facts(old)["runtime"] == "; ".join(old.why)
    assert "fp32: the device lacks bf16" in old.why


def test_a_base_that_fits_is_plain_lora_with_what_is_installed() -> None:
    made = chosen(GPU, needs(SMALL))
    assert (made.is_quantized, made.is_checkpointed, made.has_liger, made.is_packed) == (False, False, True, True)
    bare = chosen(replace(GPU, packages=frozenset()), needs(SMALL))
    assert (bare.has_liger, bare.is_packed) == (False, False)
    assert "Liger kernels: liger_kernel is not installed" in bare.why


def test_a_base_that_does_not_fit_is_quantized_where_that_is_installed() -> None:
    made = chosen(GPU, needs(LARGE))
    assert made.is_quantized
    assert made.why[1].startswith("QLoRA nf4: plain LoRA takes ")
    bare = chosen(replace(GPU, packages=frozenset()), needs(LARGE))
    assert not bare.is_quantized
    assert 'bitsandbytes would help: pip install "assay[gpu]"' in bare.why[1]


def test_where_all_weights_are_learned_none_is_quantized_and_nothing_says_so() -> None:
    made = chosen(replace(GPU, memory_mb=8_000), needs(LARGE), is_whole=True)
    assert not made.is_quantized
    assert made.is_checkpointed, "decided by the size of weights that are not quantized"
    assert "nf4" not in facts(made)["runtime"]


@pytest.mark.parametrize(("share", "is_checkpointed"), [(0.79, False), (0.81, True)])
def test_activations_are_made_again_above_80_of_100_of_the_memory(share: float, is_checkpointed: bool) -> None:
    takes = needs(SMALL)(Way(activation_bytes=2))
    made = chosen(replace(GPU, memory_mb=round(takes / share)), needs(SMALL))
    assert made.is_checkpointed is is_checkpointed
    assert not made.is_quantized
    assert any(said.startswith("checkpointing: ") for said in made.why) is is_checkpointed


def test_several_devices_share_a_base_and_do_not_quantize_it() -> None:
    made = chosen(replace(GPU, count=4), needs(LARGE))
    assert (made.workers, made.is_quantized) == (4, False)
    assert "FSDP: 4 devices share the training" in made.why


@pytest.mark.parametrize(
    ("memory_mb", "tokens", "at_once"),
    # By hand: 4,578 MB of base (nf4: 687); a row of 256 tokens 877 MB, of 1,024 made again 377; 80 % of the memory.
    [(80_000, 256, 64), (24_000, 256, 16), (24_000, 1024, 32), (12_000, 1024, 8), (6_500, 1024, 8), (1_000, 256, 1)],
)
def test_a_gpu_works_on_the_largest_power_of_two_of_rows_that_its_memory_holds(
    memory_mb: int, tokens: int, at_once: int
) -> None:
    ask = needs(SMALL, tokens=tokens)
    made = chosen(replace(GPU, memory_mb=memory_mb), ask)
    assert made.at_once == at_once
    assert any(said.startswith(f"batch: {at_once} rows at once") for said in made.why)
    assert chosen(replace(CPU, memory_mb=memory_mb), ask).at_once == 0, "a processor keeps the recipe's"


PROFILES = [
    Profile("cpu", 2, "fp32", 1.0),
    replace(chosen(GPU, needs(SMALL)), device="cpu"),
    replace(chosen(replace(GPU, memory_mb=20_000), needs(SMALL, tokens=1024)), device="cpu"),
]


@pytest.mark.torch
@pytest.mark.xdist_group("torch")
@pytest.mark.parametrize("profile", PROFILES, ids=["processor", "gpu", "small gpu"])
def test_transformers_takes_what_the_profile_says(profile: Profile, tmp_path: Path) -> None:
    trainer, loop = (import_module(f"engine.train.{name}") for name in ("_trainer", "_loop"))
    dials = loop.Dials(lr=5e-4, epochs=2, batch=8, mega=50, rank=16, alpha=32, seed=3)
    made = trainer.settings(dials, profile, halved=1, scratch=tmp_path)
    assert made.bf16 is (profile.precision == "bf16")
    assert made.use_liger_kernel is profile.has_liger
    assert made.activation_checkpointing is profile.is_checkpointed
    assert (made.per_device_train_batch_size, made.gradient_accumulation_steps) == (4, 2)
    assert made.n_gpu <= 1  # another device of the host is another training's


@pytest.mark.torch
@pytest.mark.xdist_group("torch")
@pytest.mark.parametrize(
    ("batch", "workers", "at_once", "halved", "taken"),
    [(64, 3, 16, 0, (11, 2)), (16, 3, 4, 0, (3, 2)), (16, 1, 1, 1, (1, 16)), (64, 4, 16, 1, (8, 2))],
)
def test_a_step_of_several_devices_has_the_rows_it_was_to_have(
    batch: int, workers: int, at_once: int, halved: int, taken: tuple[int, int], tmp_path: Path
) -> None:
    trainer, loop = (import_module(f"engine.train.{name}") for name in ("_trainer", "_loop"))
    dials = loop.Dials(lr=5e-4, epochs=2, batch=batch, mega=50, rank=16, alpha=32, seed=3)
    profile = replace(PROFILES[0], workers=workers, at_once=at_once)
    made = trainer.settings(dials, profile, halved=halved, scratch=tmp_path)
    assert (made.per_device_train_batch_size, made.gradient_accumulation_steps) == taken


@pytest.mark.torch
@pytest.mark.xdist_group("torch")
def test_the_arguments_of_a_shared_training_and_of_nf4_are_those_transformers_knows(tmp_path: Path) -> None:
    transformers = import_module("transformers")
    made = arguments(chosen(replace(GPU, count=2, memory_mb=9_000), needs(SMALL)))
    inside = made["fsdp_config"]
    assert inside["activation_checkpointing"] is True
    known = transformers.TrainingArguments(output_dir=str(tmp_path), **{**made, "use_cpu": True})
    assert known.fsdp_plugin_args["auto_wrap_policy"] == "TRANSFORMER_BASED_WRAP"
    nf4 = import_module("engine.train._decoder").nf4("bf16")
    assert nf4.quantization_method() == "nf4"
