"""What was measured, a line a migration, written at once: work that is stopped goes on where it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from analysis.errors import UserError


class Records:
    """The file ``records.jsonl`` of a folder: all that was seen, attempts that were disturbed as well."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "records.jsonl"
        self._mend()

    def _mend(self) -> None:
        """Take away a last line that was cut off when the machine went down."""
        if self.path.exists() and not (kept := self.path.read_bytes()).endswith(b"\n"):
            self.path.write_bytes(kept[: kept.rfind(b"\n") + 1])

    def add(self, record: dict[str, Any]) -> None:
        """Write a record, to the disk."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def all(self) -> list[dict[str, Any]]:
        """Every record, oldest first; UserError for a file that is none of these."""
        if not self.path.exists():
            return []
        try:
            found = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
            _ = [record["key"] for record in found]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"'{self.path}' is no file of records; name another folder with --out") from None
        return found

    def good(self) -> list[dict[str, Any]]:
        """The records that count: one a configuration, undisturbed."""
        kept = {record["key"]: record for record in self.all() if not record["disturbed"]}
        return list(kept.values())
