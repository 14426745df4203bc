"""How the gateway treats a feature's calls, and how long what it saw is kept; read from words a person typed.

Knows nothing of rollouts, files or databases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.models.serving import ServerName
from engine.rules import address

__all__ = ["KEYS", "TrafficPolicy", "changed"]

_PATH = re.compile(r"\$(?:\.[A-Za-z_][\w-]*|\[\*\]|\[\d+\])+")
_FIELD = re.compile(r"[A-Za-z_]\w*")
_LONGEST = 20_000
SERVERS = tuple(ServerName)
_NOT_SET = frozenset(("model", "messages", "stream", "stream_options"))  # what makes the call cannot be set for it


@dataclass(frozen=True)
class TrafficPolicy:
    """What is decided of one feature's traffic; every default is right until somebody knows better.

    `server` serves the candidate: the engine's host (local), a team's vLLM at `server_url`, or a provider, which calls
    the base model `server_base`. `tuned_url` is where it is served already ("": by `server`); `tuned_model` its name
    there ("" the hash of its artifact). `system` is keep, drop or the text that replaces it; `drop` and `set` are
    fields of the request that the candidate cannot take or needs. `redact` are paths whose texts are never kept.
    `min_confidence` makes a canary a cascade. The breaker trips above `max_bad` of `min_n` calls in `window_s`.
    A judge of texts is asked about `judge_pairs` of each stage (0: none), for `judge_usd` US dollars at most.
    """

    capture: str = "sample"
    redact: tuple[str, ...] = ()
    unit: str = "sticky"
    server: str = "local"
    server_url: str = ""
    server_base: str = ""
    tuned_url: str = ""
    tuned_model: str = ""
    system: str = "keep"
    drop: tuple[str, ...] = ()
    set: Mapping[str, Any] = field(default_factory=dict[str, Any])
    ttft_timeout_ms: int = 10_000
    deadline_ms: int = 60_000
    shadow_share: float = 1.0
    min_confidence: float | None = None
    window_s: int = 60
    min_n: int = 20
    max_bad: float = 0.10
    judge_pairs: int = 120
    judge_usd: float = 2.0
    raw_days: int = 400
    example_days: int = 90


def changed(policy: TrafficPolicy, said: Mapping[str, str]) -> TrafficPolicy:
    """Give the policy with the values a person typed by name.

    Raises ValueError with a sentence for a name there is none of, or a value that cannot be.
    """
    for name in said:
        if name not in KEYS:
            raise ValueError(f"there is no {name[:40]!r}; there are {', '.join(KEYS)}")
    return replace(policy, **{name: KEYS[name](name, word.strip()) for name, word in said.items()})


def _word(words: tuple[str, ...], name: str, word: str) -> str:
    if word not in words:
        raise ValueError(f"{name} is {word[:40]!r}; it is one of {', '.join(words)}")
    return word


def _whole(least: int, most: int, name: str, word: str) -> int:
    if not re.fullmatch(r"\d{1,9}", word) or not least <= int(word) <= most:
        raise ValueError(f"{name} is {word[:40]!r}; it is a whole number of {least} to {most}")
    return int(word)


def _share(name: str, word: str) -> float:
    try:
        value = float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:  # not-a-number is in no interval
        raise ValueError(f"{name} is {word[:40]!r}; it is a share of 0 to 1")
    return value


def _dollars(name: str, word: str) -> float:
    if not re.fullmatch(r"\d{1,4}(\.\d{1,2})?", word.removeprefix("$")):
        raise ValueError(f"{name} is {word[:40]!r}; it is an amount of 0 to 9999.99 US dollars")
    return float(word.removeprefix("$"))


def _parts(pattern: re.Pattern[str], example: str, name: str, word: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in word.split(",") if part.strip())
    broken = next((part for part in parts if not pattern.fullmatch(part)), None)
    if broken is not None:
        raise ValueError(f"{name} holds {broken[:40]!r}; it is written like {example}")
    return parts


def _url(name: str, word: str) -> str:
    why = address.refused(word) if word else ""
    if why:
        raise ValueError(f"{name} {why}")
    return word.rstrip("/")


def _text(name: str, word: str) -> str:
    if len(word) > _LONGEST or "\0" in word:
        raise ValueError(f"{name} has {len(word):,} characters or a NUL; at most {_LONGEST:,}")
    return word


def _fields(name: str, word: str) -> Mapping[str, Any]:
    try:
        value: object = json.loads(word or "{}")
    except ValueError:
        value = None
    if not isinstance(value, dict) or _NOT_SET & value.keys():
        raise ValueError(f'{name} is a JSON object without {", ".join(sorted(_NOT_SET))}, like {{"temperature": 0}}')
    return value  # pyright: ignore[reportUnknownVariableType] # an object of JSON has text keys


KEYS: Mapping[str, Callable[[str, str], Any]] = {
    "capture": lambda name, word: _word(("none", "sample", "all"), name, word),
    "redact": lambda name, word: _parts(_PATH, "$.messages[*].name", name, word),
    "unit": lambda name, word: _word(("sticky", "request"), name, word),
    "server": lambda name, word: _word(SERVERS, name, word),
    "server_url": _url,
    "server_base": _text,
    "tuned_url": _url,
    "tuned_model": _text,
    "system": _text,
    "drop": lambda name, word: _parts(_FIELD, "tools,tool_choice", name, word),
    "set": _fields,
    "ttft_timeout_ms": lambda name, word: _whole(10, 600_000, name, word),
    "deadline_ms": lambda name, word: _whole(100, 3_600_000, name, word),
    "shadow_share": _share,
    "min_confidence": lambda name, word: None if word in ("", "none") else _share(name, word),
    "window_s": lambda name, word: _whole(1, 3_600, name, word),
    "min_n": lambda name, word: _whole(1, 600, name, word),
    "max_bad": _share,
    "judge_pairs": lambda name, word: _whole(0, 2_000, name, word),
    "judge_usd": _dollars,
    "raw_days": lambda name, word: _whole(1, 3_650, name, word),
    "example_days": lambda name, word: _whole(1, 3_650, name, word),
}
