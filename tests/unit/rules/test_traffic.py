"""What is decided of a feature's traffic, read from words."""

from __future__ import annotations

import pytest

from engine.rules.traffic import KEYS, TrafficPolicy, changed


def test_every_key_is_a_field_and_every_field_has_a_key() -> None:
    assert set(KEYS) == set(TrafficPolicy.__dataclass_fields__)


def test_words_become_values() -> None:
    said = {
        "capture": "all",
        "redact": "$.messages[*].name, $.user",
        "unit": "request",
        "tuned_url": "http://10.0.0.5:8000/v1/",
        "drop": "tools",
        "set": '{"temperature": 0}',
        "ttft_timeout_ms": "500",
        "max_bad": "5%",
        "min_confidence": "0.8",
    }
    assert changed(TrafficPolicy(), said) == TrafficPolicy(
        capture="all",
        redact=("$.messages[*].name", "$.user"),
        unit="request",
        tuned_url="http://10.0.0.5:8000/v1",
        drop=("tools",),
        set={"temperature": 0},
        ttft_timeout_ms=500,
        max_bad=0.05,
        min_confidence=0.8,
    )
    assert changed(TrafficPolicy(min_confidence=0.8), {"min_confidence": "none"}) == TrafficPolicy()


@pytest.mark.parametrize(
    ("name", "word", "why"),
    [
        ("colour", "red", "there is no 'colour'; there are capture"),
        ("capture", "some", "one of none, sample, all"),
        ("redact", "messages.name", "written like"),
        ("drop", "a-b", "written like"),
        ("tuned_url", "http://169.254.169.254/", "link-local"),
        ("set", "[1]", "JSON object"),
        ("set", '{"model": "x"}', "without messages, model"),
        ("set", "{", "JSON object"),
        ("ttft_timeout_ms", "1", "of 10 to 600000"),
        ("ttft_timeout_ms", "-5", "whole number"),
        ("ttft_timeout_ms", "99999999999", "whole number"),
        ("shadow_share", "1.5", "share of 0 to 1"),
        ("shadow_share", "nan", "share of 0 to 1"),
        ("max_bad", "much", "share of 0 to 1"),
        ("system", "a\0b", "NUL"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(name: str, word: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        changed(TrafficPolicy(), {name: word})


def test_a_name_is_taken_as_it_is_written() -> None:
    assert changed(TrafficPolicy(), {"tuned_model": "ticket-tuned-3"}).tuned_model == "ticket-tuned-3"
