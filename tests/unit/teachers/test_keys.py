"""A key goes to the host it is for, and to no other."""

from __future__ import annotations

import pytest

from engine.errors import KeyRejected
from engine.settings import Settings
from engine.teachers.keys import NO_KEY, is_loopback, key_for


def settings(**more) -> Settings:
    return Settings(**{"openai_api_key": "sk-own", "openai_base_url": "https://api.openai.com/v1", **more})


def test_the_own_key_goes_to_the_own_host_alone() -> None:
    assert key_for(settings(), "https://API.openai.com:443/v1") == "sk-own"
    for other in ("https://api.openai.com.evil.example/v1", "https://api.openai.com:8443/v1", "https://evil.example"):
        with pytest.raises(KeyRejected, match=r"OPENAI_API_KEY goes to api\.openai\.com:443 alone"):
            key_for(settings(), other)


def test_a_loopback_endpoint_is_sent_no_key_unless_it_is_the_own_host() -> None:
    assert key_for(settings(), "http://127.0.0.1:9001/v1") == NO_KEY
    own = settings(openai_base_url="http://localhost:9001/v1")
    assert key_for(own, "http://localhost:9001/v1") == "sk-own"
    assert key_for(own, "http://localhost:9002/v1") == NO_KEY


def test_other_hosts_have_keys_by_name_with_or_without_a_port() -> None:
    named = settings(upstream_keys="llm.internal:8000=ONE, gpu.internal=TWO")
    environ = {"ONE": "k1", "TWO": "k2"}
    assert key_for(named, "http://llm.internal:8000/v1", environ) == "k1"
    assert key_for(named, "https://gpu.internal/v1", environ) == "k2"
    with pytest.raises(KeyRejected, match=r"ASSAY_UPSTREAM_KEYS=llm\.internal:8001=NAME"):
        key_for(named, "http://llm.internal:8001/v1", environ)
    with pytest.raises(KeyRejected, match=r"names TWO for gpu\.internal:443, but that variable is empty"):
        key_for(named, "https://gpu.internal/v1", {})


def test_a_missing_own_key_names_its_variable() -> None:
    with pytest.raises(KeyRejected, match="Set OPENAI_API_KEY"):
        key_for(settings(openai_api_key=""), "https://api.openai.com/v1")


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://localhost/v1", True),
        ("http://127.0.0.1.evil.example/v1", False),
        ("http://10.0.0.5/v1", False),
        ("http://127.0.0.1@evil.example/v1", False),
    ],
)
def test_only_this_host_is_loopback(url, near) -> None:
    assert is_loopback(url) is near
