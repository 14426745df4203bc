"""Where calls may go: https anywhere, plain http only nearby, a cloud's metadata never."""

from __future__ import annotations

import pytest

from engine.rules.address import refused


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://api.openai.com:8443/v1",
        "http://127.0.0.1:9001/v1",
        "http://[::1]:9001/v1",
        "http://localhost:8000/v1",
        "http://10.0.0.5:8000/v1",
        "http://192.168.1.5/v1",
        "http://172.16.3.4/v1",
        "http://vllm:8000/v1",
        "http://model.internal/v1",
        "http://model.prod.svc/v1",
    ],
)
def test_an_address_that_is_nearby_or_encrypted_is_fine(url: str) -> None:
    assert refused(url) == ""


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.openai.com/v1", "plain http"),
        ("http://8.8.8.8/v1", "plain http"),
        ("http://internal.example.com/v1", "plain http"),
        ("https://169.254.169.254/latest", "link-local"),
        ("http://169.254.169.254/latest", "link-local"),
        ("http://[fe80::1]/v1", "link-local"),
        ("http://[::ffff:169.254.169.254]/v1", "link-local"),
        ("https://ann:secret@api.example.com/v1", "holds a name"),
        ("ftp://api.example.com", "no http address"),
        ("https://", "no http address"),
        ("https://host:0/v1", "no http address"),
        ("https://host:port/v1", "no http address"),
        ("https://[broken/v1", "no http address"),
        ("https://host /v1", "no http address"),
        ("", "no http address"),
    ],
)
def test_any_other_address_is_refused_with_its_reason(url: str, why: str) -> None:
    assert why in refused(url)
