# pyright: basic
"""The untyped edge: encoders run layer by layer. Loaded by jobs alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, logging

from engine.train._folded import Folded
from engine.train._memory import Portions
from engine.train.profile import Profile


class Encoder:
    """A BERT-like encoder whose lower and upper layers can be run apart. Weights fp32, always in eval mode."""

    def __init__(self, folder: str, profile: Profile) -> None:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.profile = profile
        self.portions = Portions()  # of the batches it answers
        self.device = torch.device(profile.device)
        self.model: Any = AutoModel.from_pretrained(folder, add_pooling_layer=False, local_files_only=True)
        self.model.to(self.device).eval().requires_grad_(requires_grad=False)
        self._tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        self._tokenizer.no_padding()
        longest = min(profile.max_tokens, self.model.config.max_position_embeddings - 2)
        self._tokenizer.enable_truncation(max_length=longest)
        self._folded: Folded | None = None

    @property
    def depth(self) -> int:
        """How many layers it has."""
        return len(self.model.encoder.layer)

    def fold(self) -> None:
        """Lay its layers out for batches of answers. What is changed in its weights afterwards is not seen there."""
        assert self.profile.precision == "fp32"
        self._folded = Folded(self.model)

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, cut at the profile's length."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def features(self, tokens: Sequence[list[int]]) -> np.ndarray:
        """(rows, width) float32 of length 1: mean over the tokens, L2."""
        made = self._states(tokens, self.depth, lambda row: row.float().mean(0).cpu())
        return nn.functional.normalize(torch.stack(made), dim=1).numpy()

    def prefixes(self, tokens: Sequence[list[int]], layers: int) -> list[Tensor]:
        """Each row's states after the lower ``layers``, (tokens, width), in the profile's precision."""
        dtype = torch.bfloat16 if self.profile.precision == "bf16" else torch.float32
        return self._states(tokens, layers, lambda row: row.to(dtype).cpu().clone())

    def _states(self, tokens: Sequence[list[int]], layers: int, kept: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """What is ``kept`` of each row's states, (tokens, width), after the lower ``layers``."""
        made: list[Tensor] = [torch.empty(0)] * len(tokens)

        def run(places: list[int]) -> None:
            rows = self._packed([tokens[place] for place in places], layers)
            for place, row in zip(places, rows, strict=True):
                made[place] = kept(row)

        for places in by_length(tokens, self.profile.answer_batch):
            self.portions.through(places, run)
        return made

    def through(self, hidden: Tensor, mask: Tensor, start: int, stop: int) -> Tensor:
        """States (rows, tokens, width) after layers ``start`` to ``stop``; ``mask`` (rows, tokens) is real tokens."""
        allowed = None if bool(mask.all()) else mask[:, None, None, :]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.profile.precision == "bf16"):
            for layer in self.model.encoder.layer[start:stop]:
                out = layer(hidden, allowed)
                hidden = out[0] if isinstance(out, tuple) else out
        return hidden

    @torch.no_grad()
    def _packed(self, tokens: Sequence[list[int]], layers: int) -> list[Tensor]:
        """Each row's states after the lower ``layers``. Rows lie end to end, so that no padding is worked for."""
        hidden, mask = self.embedded(tokens)
        if len(tokens) == 1:
            return [self.through(hidden, mask, 0, layers)[0]]
        flat, lengths = hidden[mask], [len(row) for row in tokens]
        if self._folded is not None and layers == self.depth:
            return list(self._folded.through(flat, lengths).split(lengths))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.profile.precision == "bf16"):
            for layer in self.model.encoder.layer[:layers]:
                flat = layer.attention.output(self._attended(layer.attention.self, flat, lengths), flat)
                flat = layer.output(layer.intermediate(flat), flat)
        return list(flat.split(lengths))

    def _attended(self, own: Any, flat: Tensor, lengths: list[int]) -> Tensor:  # noqa: ANN401 (transformers is untyped)
        """What each token makes of the tokens of its own row: (tokens of all rows, width).

        Written out: on a processor that takes two thirds of what the fused kernel takes for rows of this length.
        """
        heads = self.model.config.num_attention_heads
        asked, known, told = own.query(flat), own.key(flat), own.value(flat)
        said = torch.empty_like(told)
        sides = [
            side.view(len(flat), heads, -1).transpose(0, 1).split(lengths, dim=1)
            for side in (asked * (asked.shape[1] // heads) ** -0.5, known, told, said)
        ]
        for question, key, value, answer in zip(*sides, strict=True):
            weights = torch.softmax(question @ key.transpose(1, 2), dim=-1)
            answer.copy_(weights.to(value.dtype) @ value)
        return said

    def embedded(self, tokens: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
        """States before the first layer, (rows, tokens, width), and the mask of real tokens."""
        ids = nn.utils.rnn.pad_sequence(
            [torch.tensor(row) for row in tokens], batch_first=True, padding_value=self.model.config.pad_token_id or 0
        )
        lengths = torch.tensor([len(row) for row in tokens])
        mask = torch.arange(ids.shape[1])[None, :] < lengths[:, None]
        return self.model.embeddings(input_ids=ids.to(self.device)), mask.to(self.device)


def padded(rows: Sequence[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """States of several rows as one float32 batch, and the mask of real tokens."""
    lengths = torch.tensor([len(row) for row in rows])
    hidden = nn.utils.rnn.pad_sequence([row.float() for row in rows], batch_first=True)
    mask = torch.arange(hidden.shape[1])[None, :] < lengths[:, None]
    return hidden.to(device), mask.to(device)


def pooled(hidden: Tensor, mask: Tensor) -> Tensor:
    """(rows, width) float32 of length 1: the mean of the real tokens' states."""
    weights = mask[:, :, None].float()
    mean = (hidden.float() * weights).sum(1) / weights.sum(1)
    return nn.functional.normalize(mean, dim=1)


def by_length(rows: Sequence[Sized], size: int) -> Iterator[list[int]]:
    """Places of the rows in batches of about the same length, longest first (memory runs out at once or never)."""
    order = sorted(range(len(rows)), key=lambda place: (-len(rows[place]), place))
    for start in range(0, len(order), size):
        yield order[start : start + size]
