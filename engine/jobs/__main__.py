"""Start a job: ``python -m engine.jobs FOLDER``, on a cluster ``--shared ID ATTEMPT``. Exit 0 when it has a result."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.jobs import job, spread

if __name__ == "__main__":
    if sys.argv[1] == "--shared":
        sys.exit(spread.run(sys.argv[2], int(sys.argv[3])))
    sys.exit(job.run_here(Path(sys.argv[1])))
