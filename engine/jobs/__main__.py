"""Start a job: ``python -m engine.jobs FOLDER``. Exit 0 when it ended with a result, 1 when it failed."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.jobs.job import run

if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
