# pyright: basic
"""The untyped edge of chat models: rows as tokens, loss on the answer alone, greedy answers. Loaded by jobs alone."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    logging,
)

from engine.errors import Invalid
from engine.train import Answer, Host, _torch
from engine.train._memory import Portions
from engine.train.profile import Profile

MAX_TOKENS = 1024  # of a row of train, or of a question; longer ones are counted and left out, never cut
ANSWER_BATCH = 32
ANSWER_TOKENS = 16_384  # of a batch, questions and answers: what is remembered of each takes memory


@dataclass(frozen=True)
class Tokens:
    """One row: token ids of question and answer, and where the answer starts."""

    ids: list[int]
    start: int

    def __len__(self) -> int:
        return len(self.ids)


class _Likely(LogitsProcessor):
    """The log probability of each token chosen greedily, without keeping those of all others."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002 (the library's interface)
        self.seen.append(scores.max(-1).values - scores.logsumexp(-1))
        return scores


class Decoder:
    """A causal chat model. Weights fp32; ``bf16`` in training alone, for near ties flip in it with the batch's size."""

    def __init__(self, folder: Path, profile: Profile) -> None:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.device = torch.device(profile.device)
        self._portions = Portions()  # of the batches it answers
        self._bf16 = profile.precision == "bf16"
        self.model: Any = _base(folder, profile)
        self.model.eval().requires_grad_(requires_grad=False)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.context = int(self.model.config.max_position_embeddings)
        self.longest = min(MAX_TOKENS, self.context)
        end, pad = self.tokenizer.eos_token_id, self.tokenizer.pad_token_id
        if pad is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token  # by which the Trainer pads
        self._pad: int = end if pad is None else pad
        self._ends = _ends(self.model.generation_config.eos_token_id) | _ends(end)
        # Nothing else of its maker's settings: a penalty on repetition changes greedy answers, and those of pads.
        self.model.generation_config = GenerationConfig(eos_token_id=sorted(self._ends), pad_token_id=self._pad)

    def question(self, text: str) -> list[int]:
        """Token ids of a question, up to where the answer starts."""
        return self._ids(self._chat([("user", text)], answers=True))

    def row(self, text: str, output: str) -> Tokens:
        """Question and answer, up to the token that ends a turn. Raises ``Invalid`` where the template cannot."""
        asked = self._chat([("user", text)], answers=True)
        whole = self._chat([("user", text), ("assistant", output)], answers=False)
        if not whole.startswith(asked):
            raise Invalid("The decoder's chat template changes the question once it is answered.", hint="Take another.")
        start = self._ids(asked)
        said = whole.removeprefix(asked).rstrip()
        return Tokens([*start, *self._ids(said)], len(start))

    def loss(self, rows: Sequence[Tokens]) -> Tensor:
        """Mean cross-entropy over the answers' tokens; the language-model head runs at those positions alone."""
        return nn.functional.cross_entropy(*self._answered(rows))

    def likelihoods(self, rows: Sequence[Tokens]) -> Tensor:
        """(rows,) the log probability of each row's whole answer."""
        each = -nn.functional.cross_entropy(*self._answered(rows), reduction="none")
        return torch.stack([row.sum() for row in each.split([len(row) - row.start for row in rows])])

    def _answered(self, rows: Sequence[Tokens]) -> tuple[Tensor, Tensor]:
        """What the model expects at each token of the answers, (tokens, words), and the tokens that stand there."""
        ids, mask = self._padded([row.ids for row in rows], left=False)
        places = torch.arange(ids.shape[1])[None, :] + 1
        starts = torch.tensor([row.start for row in rows])[:, None]
        ends = torch.tensor([len(row) for row in rows])[:, None]
        asked = ((places >= starts) & (places < ends)).to(self.device)  # place p predicts token p + 1
        inner = self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16):
            hidden = inner.get_decoder()(input_ids=ids, attention_mask=mask).last_hidden_state
            logits = inner.get_output_embeddings()(hidden[asked])
        return logits.float(), ids.roll(-1, 1)[asked]

    @torch.inference_mode()
    def answers(self, questions: Sequence[list[int]], longest: int, *, temperature: float = 0.0) -> list[Answer]:
        """Answers in the questions' order, each at most ``longest`` tokens, with a token's mean probability.

        Greedy at a ``temperature`` of 0, else drawn at it; the probability is that of the likeliest token either way.
        """
        drawn = {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature else {"do_sample": False}
        made: list[Answer] = [Answer(text="")] * len(questions)

        def write(places: list[int]) -> None:
            ids, mask = self._padded([questions[place] for place in places], left=True)
            likely = _Likely()
            said = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=longest,
                **drawn,
                cache_implementation="static",  # a growing one is copied at each token: an eighth of the time
                disable_compile=True,  # a GPU would compile for each shape of a batch
                logits_processor=LogitsProcessorList([likely]),
            )
            fresh, sure = said[:, ids.shape[1] :].cpu(), torch.stack(likely.seen, 1).cpu()
            for row, place in enumerate(places):
                made[place] = self._answer(fresh[row].tolist(), sure[row])

        for places in self._batches(questions, longest):
            self._portions.through(places, write)
        return made

    def save(self, folder: Path, gathered: dict[str, Any] | None = None) -> None:
        """The whole model and its tokenizer as safetensors and JSON; ``gathered`` where devices hold a part each."""
        self.model.save_pretrained(folder, state_dict=gathered)
        self.tokenizer.save_pretrained(folder, save_jinja_files=False)

    def _batches(self, questions: Sequence[list[int]], longest: int) -> Iterator[list[int]]:
        most = max((len(question) for question in questions), default=0) + longest
        return _torch.by_length(questions, max(min(ANSWER_BATCH, ANSWER_TOKENS // most), 1) if most else 1)

    def _answer(self, ids: list[int], likely: Tensor) -> Answer:
        ends = self._ends | {self._pad}
        length = next((place for place, one in enumerate(ids) if one in ends), len(ids))
        text = self.tokenizer.decode(ids[:length], skip_special_tokens=True).strip()
        counted = likely[: length + 1]  # the end of the turn is part of the answer
        return Answer(text=text, confidence=float(counted.mean().exp().clamp(0.0, 1.0)) if len(counted) else None)

    def _chat(self, said: Sequence[tuple[str, str]], *, answers: bool) -> str:
        messages = [{"role": role, "content": content} for role, content in said]
        return self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=answers)

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def _padded(self, rows: Sequence[Sequence[int]], *, left: bool) -> tuple[Tensor, Tensor]:
        width = max(len(row) for row in rows)
        gaps = [[self._pad] * (width - len(row)) for row in rows]
        ids = [[*gap, *row] if left else [*row, *gap] for row, gap in zip(rows, gaps, strict=True)]
        known = [
            [0] * len(gap) + [1] * len(row) if left else [1] * len(row) + [0] * len(gap)
            for row, gap in zip(rows, gaps, strict=True)
        ]
        return torch.tensor(ids, device=self.device), torch.tensor(known, device=self.device)


def _ends(known: int | list[int] | None) -> set[int]:
    """The tokens that end a turn, as a generation configuration names them."""
    return set(known) if isinstance(known, list) else set() if known is None else {known}


def _base(folder: Path, profile: Profile) -> Any:  # noqa: ANN401 (transformers is untyped)
    """Weights in fp32 on the device, or in nf4 (never run on a GPU by us); the Trainer places those of several."""
    shared: dict[str, Any] = {"dtype": torch.float32, "local_files_only": True}
    if profile.is_packed:
        shared["attn_implementation"] = "flash_attention_2"
    if profile.is_quantized:
        return AutoModelForCausalLM.from_pretrained(
            folder, quantization_config=nf4(profile.precision), device_map={"": profile.device}, **shared
        )
    model: Any = AutoModelForCausalLM.from_pretrained(folder, **shared)
    return model if profile.workers > 1 else model.to(torch.device(profile.device))


def nf4(precision: str) -> BitsAndBytesConfig:
    """Four bits a weight, as QLoRA has them (arXiv:2305.14314)."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if precision == "bf16" else torch.float32,
    )


def folder_of(host: Host) -> Path:
    """The decoder as a folder of safetensors; a GGUF file is unpacked once and kept in the host's cache.

    Its tensors are turned to fp32 and its class is built anew, for a model that was read from GGUF cannot be saved.
    """
    if not host.decoder.endswith(".gguf"):
        return Path(host.decoder)
    gguf = Path(host.decoder)
    with gguf.open("rb") as file:
        sha = hashlib.file_digest(file, "sha256").hexdigest()
    kept = Path(host.cache) / "decoders" / f"{gguf.stem}-{sha[:12]}"
    if not kept.exists():
        draft = kept.with_name(f".{kept.name}-{os.getpid()}")
        read: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        config = read.config
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        fresh = type(read)(config)
        fresh.load_state_dict(read.state_dict())
        fresh.save_pretrained(draft)
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(draft)
        if kept.exists():  # another job was quicker
            shutil.rmtree(draft)
        else:
            draft.rename(kept)
    return kept


def weights_sha(folder: Path) -> str:
    """The sha256 over the decoder's safetensors: its revision, wherever it came from."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
