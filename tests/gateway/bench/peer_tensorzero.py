"""TensorZero's gateway, recording off, in front of the stub: ``PYTHON peer_tensorzero.py PORT``; prints its address.

TensorZero ships the gateway as a container; its wheel on PyPI has one inside that serves HTTP too. PYTHON is of an
environment that has the wheel (``pip install tensorzero``), for it has no place in ours.
"""

import os
import signal
import sys
import tempfile
from pathlib import Path

from tensorzero.tensorzero import _start_http_gateway  # pyright: ignore # of another environment

CONFIG = """
[gateway]
observability.enabled = false

[models.m]
routing = ["stub"]

[models.m.providers.stub]
type = "openai"
model_name = "m"
api_base = "http://127.0.0.1:{port}/v1/"
api_key_location = "none"
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "tensorzero.toml"
        config.write_text(CONFIG.format(port=int(sys.argv[1])))
        gateway = _start_http_gateway(
            config_file=str(config), clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
        )
    sys.stdout.write(f"{gateway.base_url}\n")
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # it logs here, and stops where nobody reads
    signal.pause()


if __name__ == "__main__":
    main()
