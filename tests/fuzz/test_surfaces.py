"""No HTTP surface breaks, hangs or tells a secret under spoilt requests. ``make fuzz`` does it for ten minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.services import Services
from tests.fuzz.shower import Request, Surface, sent, shower, wrong
from tests.fuzz.surfaces import SURFACES, Served, probes
from tests.prepared import sqlite_in

REQUESTS = 200


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """An SQLite file of this test."""
    return sqlite_in(tmp_path)


@pytest.mark.parametrize("opened", SURFACES, ids=lambda one: one.__name__)
def test_a_surface_answers_whatever_comes(opened: Served, services: Services, tmp_path: Path) -> None:
    with opened(services, tmp_path) as surface:
        assert shower(surface, seed=7, until=lambda number: number >= REQUESTS) == []
        assert {sent(surface, good)[0] >= 200 for good in surface.good} == {True}


def test_what_is_wrong_would_be_seen(services: Services, tmp_path: Path) -> None:
    with probes(services, tmp_path) as surface:
        told = Surface("leaky", surface.port, surface.good, secrets=("ok",))
        assert wrong(told, *sent(told, Request("GET", "/healthz"))) == "secret number 0 is in the answer"
    assert wrong(told, 500, b"") == "status 500"
    assert wrong(told, 200, b"Traceback (most recent call last)") == "a traceback is in the answer"
