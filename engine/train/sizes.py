"""How much memory a decoder's training takes, from what the decoder is made of. Reads headers; loads no weights."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

LOADED_MB = 250  # torch, transformers and peft loaded; measured (docs/engine.md)
QUANTIZED = 0.6  # bytes a weight in nf4: half a byte, and the scales
KEPT_HIDDEN, KEPT_INNER = 14, 8  # widths kept of each token in each layer until the way back; measured
LOGITS = 4  # copies of an answer token's row over the vocabulary, in fp32: logits, their softmax, both ways
BATCH_MOST = 64  # rows a device works on at once: more gains a GPU little and takes a whole epoch's steps away
EPOCH_STEPS_LEAST = 50  # of an epoch with a wider step
_MB = 1 << 20
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}  # GGUF's kinds
_TEXT, _LIST = 8, 9


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A decoder: how many weights, layers, widths (of the stream, inside a layer, of keys) and words it has."""

    parameters: int
    layers: int
    hidden: int
    inner: int
    keys: int
    words: int


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is trained: rank, rows of a batch, tokens of its longest row, and of that row's answer."""

    rank: int
    batch: int
    tokens: int
    answer: int


@dataclass(frozen=True, kw_only=True)
class Way:
    """How it is trained: bytes of an activation, nf4 base or not, activations kept or made again, devices it is on.

    ``batch`` is how many rows a device works on at once, 0 for all of the recipe's.
    """

    activation_bytes: int = 4
    is_quantized: bool = False
    is_checkpointed: bool = False
    devices: int = 1
    batch: int = 0


@dataclass(frozen=True)
class Step:
    """Rows whose gradients make one step of learning, and the rate over the recipe's that goes with so many."""

    rows: int
    times: float


def largest_batch(fits: Callable[[int], bool], most: int = BATCH_MOST) -> int:
    """The largest power of two up to ``most`` that fits a device; 1 where none does, which running out then halves."""
    sizes = [1 << power for power in range(most.bit_length()) if 1 << power <= most]
    return max((size for size in sizes if fits(size)), default=1)


def step_of(recipe: int, room: int, rows: int) -> Step:
    """A step of the recipe's batch, or of more where ``room`` rows fit all devices and an epoch keeps its steps.

    Adam's rate grows with the square root of the batch (Malladi et al. 2022, https://arxiv.org/abs/2205.10287).
    """
    wider = largest_batch(lambda size: size <= room and rows >= size * EPOCH_STEPS_LEAST)
    return Step(wider, math.sqrt(wider / recipe)) if wider > recipe else Step(recipe, 1.0)


def training_mb(shape: Shape, load: Load, way: Way) -> int:
    """Peak memory of LoRA training on each device, in MB: base, adapters with their moments, activations, logits."""
    base = shape.parameters * (QUANTIZED if way.is_quantized else 4.0)
    adapters = 16 * load.rank * shape.layers * _rows_and_columns(shape)  # weight, gradient, two moments, in fp32
    widths = KEPT_HIDDEN * shape.hidden + KEPT_INNER * shape.inner + 4 * shape.keys
    kept = shape.layers * shape.hidden + widths if way.is_checkpointed else shape.layers * widths
    activations = (way.batch or load.batch) * load.tokens * kept * way.activation_bytes
    logits = (way.batch or load.batch) * load.answer * shape.words * 4 * LOGITS
    return math.ceil(((base + adapters) / way.devices + activations + logits) / _MB)


def shape_of(decoder: str) -> Shape | None:
    """Of a folder or a GGUF file; none where its headers do not say."""
    path = Path(decoder)
    try:
        return _of_gguf(path) if path.suffix == ".gguf" else _of_folder(path)
    except (OSError, KeyError, ValueError, struct.error):
        return None


def _rows_and_columns(shape: Shape) -> int:
    """Of a layer's seven matrices, which the adapters' two thin ones have between them, times the rank."""
    attention = 4 * shape.hidden + 2 * (shape.hidden + shape.keys)
    return attention + 3 * (shape.hidden + shape.inner)


def _of_folder(folder: Path) -> Shape:
    known: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    heads = int(known["num_attention_heads"])
    width = int(known.get("head_dim") or known["hidden_size"] // heads)
    return Shape(
        parameters=sum(_weights(path) for path in folder.glob("*.safetensors")),
        layers=int(known["num_hidden_layers"]),
        hidden=int(known["hidden_size"]),
        inner=int(known["intermediate_size"]),
        keys=width * int(known.get("num_key_value_heads") or heads),
        words=int(known["vocab_size"]),
    )


def _weights(path: Path) -> int:
    with path.open("rb") as file:
        header: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(math.prod(part["shape"]) for name, part in header.items() if name != "__metadata__")


def _of_gguf(path: Path) -> Shape:
    with path.open("rb") as file:
        _magic, _version, tensors, facts = struct.unpack("<4sIQQ", file.read(24))
        said = {_text(file): _value(file, _number(file, "I")) for _ in range(facts)}
        parameters = sum(_tensor(file) for _ in range(tensors))
    own = _Said(said, str(said["general.architecture"]))
    heads = own["attention.head_count"]
    return Shape(
        parameters=parameters,
        layers=own["block_count"],
        hidden=own["embedding_length"],
        inner=own["feed_forward_length"],
        keys=own["embedding_length"] // heads * own["attention.head_count_kv"],
        words=own["vocab_size"],
    )


@dataclass(frozen=True)
class _Said:
    """A file's facts under the name of its architecture."""

    facts: Mapping[str, Any]
    architecture: str

    def __getitem__(self, name: str) -> int:
        return int(self.facts[f"{self.architecture}.{name}"])


def _number(file: BinaryIO, kind: str) -> Any:  # noqa: ANN401 (of the kind asked for)
    (number,) = struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))
    return number


def _text(file: BinaryIO) -> str:
    return file.read(_number(file, "Q")).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:  # noqa: ANN401 (GGUF's values are of every kind)
    if kind == _TEXT:
        return _text(file)
    if kind == _LIST:
        return _skip(file, _number(file, "I"), _number(file, "Q"))
    return _number(file, _NUMBERS[kind])


def _skip(file: BinaryIO, kind: int, count: int) -> None:
    if kind != _TEXT:
        file.seek(count * struct.calcsize(f"<{_NUMBERS[kind]}"), 1)
        return
    for _ in range(count):
        file.seek(_number(file, "Q"), 1)


def _tensor(file: BinaryIO) -> int:
    """How many weights the next tensor has."""
    _text(file)
    sides = [_number(file, "Q") for _ in range(_number(file, "I"))]
    file.read(12)  # its kind, and where it lies
    return math.prod(sides)
