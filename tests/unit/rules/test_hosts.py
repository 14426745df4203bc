"""Whom a key may go to, and what a name may lead to."""

from __future__ import annotations

import pytest

from engine.rules.hosts import key_at, wrong_peer


@pytest.mark.parametrize(
    ("scheme", "address", "fine"),
    [
        ("http", "127.0.0.1", True), ("http", "10.1.2.3", True), ("http", "::1", True), ("http", "fd00::1", True),
        ("http", "8.8.8.8", False), ("https", "8.8.8.8", True), ("https", "169.254.169.254", False),
        ("http", "fe80::1%eth0", False), ("https", "::ffff:169.254.169.254", False), ("https", "nonsense", False),
    ],
)  # fmt: skip
def test_what_a_name_leads_to_is_looked_at_before_anything_is_sent(scheme: str, address: str, fine: bool) -> None:
    assert (wrong_peer(scheme, address) == "") == fine


def test_a_key_goes_to_its_place_alone() -> None:
    def key(url: str) -> str:
        environ = {"ONE": "k1"}
        own = {"own_url": "https://api.example.com/v1", "own_key": "sk-own"}
        return key_at(url, **own, upstream_keys="gpu.internal:8000=ONE, other=GONE", environ=environ)

    assert key("https://API.example.com:443/v2") == "sk-own"
    assert key("https://api.example.com.evil.example/v1") == ""
    assert key("http://api.example.com/v1") == ""
    assert (key("http://gpu.internal:8000/v1"), key("http://gpu.internal:8001/v1")) == ("k1", "")
    assert key("https://other/v1") == ""
