"""A model's family is told from its name, and what no rule names is unknown."""

from __future__ import annotations

import pytest

from engine.rules.families import family

NAMES = [
    ("gpt-4o-mini", "OpenAI"),
    ("o3-mini", "OpenAI"),
    ("chatgpt-4o-latest", "OpenAI"),
    ("openai/gpt-5", "OpenAI"),
    ("claude-sonnet-4-5", "Anthropic"),
    ("gemini-2.5-flash", "Google"),
    ("google/gemma-3-4b", "Google"),
    ("meta-llama/Llama-3.1-8B-Instruct", "Meta"),
    ("mistralai/Mixtral-8x7B", "Mistral"),
    ("Qwen/Qwen2.5-7B", "Qwen"),
    ("HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM"),
    ("smollm2-135m-instruct.Q4_1.gguf", "SmolLM"),
    ("simulated-frontier-1", "simulated frontier"),
    ("simulated-judge-1", "simulated judge"),
    ("our-own-model", ""),
    ("omni-1", ""),
    ("", ""),
]


@pytest.mark.parametrize(("name", "known"), NAMES)
def test_a_name_tells_its_family_or_nothing(name: str, known: str) -> None:
    assert family(name) == known
