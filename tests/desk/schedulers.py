"""Starts ``assay scheduler`` again and again for a test: a process of its own each time, without 3 s of imports.

Reads a line for each: a JSON list of arguments starts one and its process id is answered; a number waits for that
process and answers its exit code, -9 where it was killed. Nothing but the fork differs from the program itself.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

from bot import scheduler


def main() -> None:
    """Serve until the lines end."""
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, int):
            _answer(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]))
            continue
        pid = os.fork()
        if pid == 0:
            _become(asked)
        _answer(pid)


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _become(arguments: list[str]) -> None:
    os.close(sys.stdin.fileno())
    os.dup2(2, 1)  # answers are the parent's
    code = 70
    try:
        code = scheduler.main(arguments)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
