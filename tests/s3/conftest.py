"""An S3-compatible server (moto) for all tests of the folder, and a bucket of its own for each."""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator
from typing import Any
from uuid import uuid4

import pytest

KEYS = {"AWS_ACCESS_KEY_ID": "assay", "AWS_SECRET_ACCESS_KEY": "assay-secret", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def server() -> Generator[None]:
    """Reached as a team's own store is: by AWS_ENDPOINT_URL in the environment."""
    running = importlib.import_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    before = dict(os.environ)
    os.environ.update(KEYS, AWS_ENDPOINT_URL=f"http://{host}:{port}")
    yield
    os.environ.clear()
    os.environ.update(before)
    running.stop()


@pytest.fixture
def s3(server: None) -> Any:
    """Amazon's own client, beside ours."""
    del server
    return importlib.import_module("boto3").client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"assay-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    return name
