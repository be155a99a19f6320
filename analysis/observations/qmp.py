"""This study's own migrations in the form in which QEMU tells them: lines of answers to ``query-migrate``.

Totals and what each look at the dirty pages found are as measured. What no trace told is filled in so that
it fits them: pages sent before a look are those found at the looks before, bytes follow the pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from analysis.observations.lab import COLUMNS, DATA, located, read_migrations, read_passes
from analysis.observations.tables import read_table
from analysis.parameters import PARAMETERS

COUNTED = {"pages_sent": "number", "zero_pages_sent": "number", "setup_time_s": "number"}
PAGE, PAGE_SENT, ZERO_SENT = 4096, 4104, 9
DEVICES = 130
"""Pages of devices that QEMU sends beside the guest's memory: in each of these migrations the pages sent are
the memory, what the looks found, and these."""
ELSEWHERE = {"compress": "compression", "xbzrle": "xbzrle-cache"}
"""Where QEMU counts the pages that a method sends in its own way."""
KNOWN = ("method", "group")


def as_qmp(
    migrations: str | Path = DATA / "migrations.csv",
    passes: str | Path = DATA / "passes.csv",
    keys: Iterable[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Answers with the ``migration`` they are of; the first of each has what was ``known`` beforehand.

    ``keys``: the migrations wanted, all where not given.
    """
    raw = read_table(located(migrations), COLUMNS | COUNTED).set_index("migration", drop=False)
    known = read_migrations(migrations).set_index("migration")
    looks = dict(iter(read_passes(passes).groupby("migration")))
    for key in raw.index if keys is None else keys:
        row, beforehand = cast(pd.Series, raw.loc[key]), known.loc[key]
        given = {n: v for n, v in beforehand.items() if n in PARAMETERS or n in KNOWN}
        yield {"migration": key, "known": given}
        for answer in _answers(row, looks[key]):
            yield {"migration": key, "return": answer}


def write_qmp(path: str | Path, answers: Iterable[dict[str, Any]]) -> None:
    """Write answers a line each."""
    lines = (json.dumps(answer, default=float, separators=(",", ":")) for answer in answers)
    Path(path).write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")


def _answers(row: pd.Series, looks: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """An answer at each look, and the last one.

    All memory is sent before the first look after the start, and what a look found before the next.
    """
    found = looks.dirtied_pages.astype(int).to_numpy()
    memory, zeros, done = (
        int(row.memory_mib) * 256 + DEVICES,
        int(row.zero_pages_sent),
        row.status == "completed",
    )
    due = memory - zeros + np.concatenate([[0], np.cumsum(found[1:])])
    whole = int(due[-1]) if done else int(row.pages_sent)
    for i, time_s in enumerate(looks.time_s):
        sent = (min(int(due[i - 1]), whole), zeros) if i else (0, 0)
        left = int(due[i]) - sent[0] + zeros - sent[1]
        yield _answer(row, "active", time_s, sent, left, i + 1, whole)
    last = (whole, zeros)
    ended = "completed" if done else "cancelled"
    answer = _answer(row, ended, row.total_time_s, last, int(due[-1]) - whole, len(found), whole)
    yield answer | ({"downtime": round(row.downtime_s * 1000)} if done else {})


def _answer(
    row: pd.Series, status: str, time_s: float, sent: tuple[int, int], left: int, count: int, whole: int
) -> dict[str, Any]:
    content, zeros = sent
    share = _weight(*sent) / _weight(whole, row.zero_pages_sent)
    normal = round(row.pages_sent * content / whole) if row.method in ELSEWHERE else content
    ram = {
        "transferred": round(row.transferred_bytes * share),
        "remaining": left * PAGE,
        "total": int(row.memory_mib) << 20,
        "duplicate": zeros,
        "normal": normal,
        "normal-bytes": normal * PAGE,
        "dirty-sync-count": count,
        "page-size": PAGE,
        "mbps": row.throughput_mbit_per_s,
    }
    times = {"total-time": round(time_s * 1000), "setup-time": round(row.setup_time_s * 1000)}
    other = {ELSEWHERE[row.method]: {"pages": content - normal}} if row.method in ELSEWHERE else {}
    return {"status": status} | times | {"ram": ram} | other


def _weight(content: float, zeros: float) -> float:
    return content * PAGE_SENT + zeros * ZERO_SENT
