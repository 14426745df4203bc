"""Keep what a file's refused rows are told as, however many there are. Knows nothing of formats."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO, Self

from engine.models.call import BadRow

SHOWN = 20


class Refusals:
    """Refused rows: the first twenty as they are told, all of them in a file once there are more."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first: list[str] = []
        self.count = 0
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, rows: Iterable[BadRow]) -> None:
        """Note refused rows."""
        for row in rows:
            self.count += 1
            if self.count <= SHOWN:
                self.first.append(row.sentence())
                continue
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("w", encoding="utf-8")
                self._file.writelines(f"{said}\n" for said in self.first)
            self._file.write(f"{row.sentence()}\n")
