"""What an upload keeps between preview and Confirm: its good rows, redacted, and why each other row was refused."""

from __future__ import annotations

import csv
import io

from engine.importers.labels import ParsedLabels
from engine.models.labels import LabelRow
from engine.rules.cells import disarmed
from engine.services import Services

ROWS, REFUSED = "rows.jsonl", "refused.csv"


def keep(services: Services, parsed: ParsedLabels) -> str:
    """Store them; the artifact's id. The bytes a person sent are not kept (SECURITY.md)."""
    told = io.StringIO()
    writer = csv.writer(told, lineterminator="\n")
    writer.writerow(("line", "column", "reason"))
    writer.writerows([row.line, disarmed(row.field), disarmed(row.reason)] for row in parsed.bad)
    good = "\n".join(row.model_dump_json() for row in parsed.rows)
    return services.artifacts.put_files({ROWS: good.encode(), REFUSED: told.getvalue().encode()})


def rows(services: Services, artifact: str) -> list[LabelRow]:
    """The good rows of an upload. Only a line feed ends one: texts may hold other line breaks."""
    lines = services.artifacts.read_bytes(artifact, ROWS).decode().split("\n")
    return [LabelRow.model_validate_json(line) for line in lines if line]


def refused(services: Services, artifact: str) -> bytes:
    """The refused rows of an upload as CSV. Raises ``FileNotFoundError`` for one kept by an earlier version."""
    return services.artifacts.read_bytes(artifact, REFUSED)
