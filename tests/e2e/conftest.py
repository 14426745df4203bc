"""A running demo and a browser in front of it."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

START_SECONDS = 600
expect.set_options(timeout=120_000)
WIDTH, HEIGHT = 1180, 900


@dataclass(frozen=True)
class Demo:
    """A running ``assay demo``: its page and its folder."""

    url: str
    home: pathlib.Path

    def assay(self, *words: str) -> str:
        """Another program of the same deployment."""
        environment = {**os.environ, "ASSAY_HOME": str(self.home)}
        done = subprocess.run(
            [sys.executable, "-m", "bot.cli", *words], env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Demo]:
    """``assay demo`` on a folder of its own, until its page answers."""
    home = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "SLACK_"))}
    running = subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "demo", "--bare"],
        env={**environment, "ASSAY_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    said: list[str] = []
    ends = time.monotonic() + START_SECONDS
    found = None
    while found is None and time.monotonic() < ends and (line := running.stdout.readline()):
        said.append(line)
        found = re.search(r"Assay demo: (\S+)", line)
    assert found, "".join(said)
    yield Demo(found[1], home / "demo")
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=60) == 0
    running.stdout.close()


@pytest.fixture(scope="module")
def page(browser: Browser, demo: Demo) -> Generator[Page]:
    """The demo's page, as the requester sees it."""
    opened = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
    opened.set_default_timeout(120_000)
    opened.goto(demo.url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shot(page: Page) -> Callable[..., None]:
    """Keep a picture of the page, or of a part or another page, where ``ASSAY_SCREENSHOTS`` names a folder."""
    folder = os.environ.get("ASSAY_SCREENSHOTS", "")

    def keep(name: str, of: Page | Locator | None = None) -> None:
        if folder:
            page.wait_for_timeout(300)  # styles and pictures settle; only where pictures are kept
            (of or page).screenshot(path=pathlib.Path(folder) / f"{name}.png")

    return keep
