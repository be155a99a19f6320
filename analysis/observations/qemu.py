"""QEMU's answers to ``query-migrate``, as QMP's JSON: one sample or many, in one file or a line each.

A sample may stand in QMP's ``{"return": ...}`` and be accompanied by ``"migration"`` (a key, where one file
holds several migrations that overlap) and ``"known"`` (what was known before the migration, by the names
of the parameters); ``data/collect/qemu.py`` writes such lines. Greetings and events are passed over.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.observations.lines import Progress, read_lines
from analysis.observations.record import Notes, Record, record
from analysis.observations.samples import ENDED, Sample, migration_of, passes_of, split, told_once
from analysis.observations.tables import TableError
from analysis.parameters import PARAMETERS, ParameterError, check

KIND = "answers of QEMU's query-migrate"
STOP_RULE = "qemu"
LARGEST = 512 * 2**20
"""Characters of one JSON value that spans lines beyond which it is given up."""
GIB = 2.0**30
TEXTS = ("method", "workload", "group")
"""What may stand beside parameters in ``known``: kinds of migrations."""
RUNNING = ("none", "setup", "active", "device", "wait-unplug", "postcopy-active", "postcopy-paused",
           "postcopy-recover", "pre-switchover", "colo", "cancelling")  # fmt: skip
ENDS = {"completed": "completed", "failed": "failed", "cancelled": "cancelled"}
NOT_SHOWN = ("key", "run", "known", "told", "is_end", "found_pages")
"""What a reader keeps in a sample beside its figures."""
SECONDS = {"total-time": "time_s", "setup-time": "setup_s", "downtime": "blackout_s",
           "expected-downtime": "expected_blackout_s"}  # fmt: skip
ELSEWHERE = ("compression", "xbzrle-cache")
"""Where QEMU counts pages that it does not send as they are."""
IN_RAM = {"transferred": ("stream_gib", GIB), "remaining": ("remaining_gib", GIB),
          "total": ("memory_gib", GIB), "normal": ("content_pages", 1.0), "duplicate": ("zero_pages", 1.0),
          "dirty-sync-count": ("sync_count", 1.0), "dirty-pages-rate": ("dirty_pages_per_s", 1.0),
          "mbps": ("throughput_gbps", 1000.0), "page-size": ("page_bytes", 1.0)}  # fmt: skip


def read_qemu(path: str | Path, *, progress: Progress | None = None) -> Record:
    """Migrations, passes and samples from answers to ``query-migrate``.

    A value that is missing or no number is NaN, and a note says where; a sample that cannot be read at all is
    told and left out. Raises TableError where the file holds no sample.
    """
    notes = Notes(path)
    found: list[Sample] = []
    known = _Known()
    for line, value in read_json(path, notes, progress):
        found += _samples(value, Path(path).name, line, notes, known)
    if not found:
        raise TableError(f"{path} holds no answer of query-migrate" + _first_reason(notes))
    return tables(KIND, found, notes, Path(path).stem)


class _Known:
    """What is known beforehand of the migration under way, by key; a key may be used again for another."""

    def __init__(self) -> None:
        self.now: dict[str, dict[str, Any]] = {}
        self.ended: set[str] = set()

    def add(self, key: str, given: dict[str, Any]) -> None:
        """Take what is known of the migration under way, or, after an end, of the next."""
        if key in self.ended and self.now.get(key):
            self.now[key] = {}
            self.ended.discard(key)
        self.now.setdefault(key, {}).update(given)

    def told_of(self, sample: Sample) -> Sample:
        """The sample with what is known of its migration."""
        if sample["status"] in ENDED:
            self.ended.add(sample["key"])
        return sample | {"known": self.now.setdefault(sample["key"], {})}


def _first_reason(notes: Notes) -> str:
    return f" ({notes.told[0].split(': ', 1)[-1]})" if notes.told else ""


def tables(kind: str, found: list[Sample], notes: Notes, name: str, stop_rule: str = STOP_RULE) -> Record:
    """Samples as a record; migrations without a key are called by ``name`` and a number.

    ``known`` of a migration's first sample was known beforehand; ``told`` of any is told of the whole of it.
    A sample with ``is_end`` tells only how and when it ended, and is none of its samples.
    """
    migrations, passes, samples = [], [], []
    taken: set[str] = set()
    groups = told_once(split(found, notes), notes)
    for place, group in enumerate(groups, 1):
        key = _free(str(group[0]["key"] or (name if len(groups) == 1 else f"{name} {place}")), taken)
        given: dict[str, Any] = dict(group[0].get("known", {}))
        for sample in group:
            given |= sample.get("told", {})
        migrations.append(migration_of(key, group, notes) | {"stop_rule": stop_rule} | given)
        passes += passes_of(key, group, notes)
        samples += [
            {"migration": key} | {n: v for n, v in s.items() if n not in NOT_SHOWN}
            for s in group
            if not s.get("is_end")
        ]
    return record(kind, notes, migrations, passes, samples)


def _free(key: str, taken: set[str]) -> str:
    number, name = 1, key
    while name in taken:
        number += 1
        name = f"{key} ({number})"
    taken.add(name)
    return name


def read_json(path: str | Path, notes: Notes, progress: Progress | None = None) -> Iterator[tuple[int, Any]]:
    """JSON values with the line on which each begins; what is no JSON is told and passed over."""
    begun, depth, size = 0, 0, 0
    held: list[str] = []
    for number, text in read_lines(path, notes, progress):
        if not held and not text.strip():
            continue
        whole = text.strip()
        if held and depth > 0 and whole.startswith(("{", "[")) and _is_whole(whole) and text[:1] in "{[":
            notes.add("a JSON value breaks off here", begun, "a JSON value breaks off")
            held, depth, size = [], 0, 0
        if not held:
            begun = number
        held.append(text)
        size += len(text)
        depth += _opened(text)
        if depth <= 0 or size > LARGEST:
            yield from _parsed("\n".join(held), begun, notes)
            held, depth, size = [], 0, 0
    if held:
        yield from _parsed("\n".join(held), begun, notes)


_BETWEEN = re.compile("[\\s,\N{BYTE ORDER MARK}]*")
_NEXT = re.compile(r"\n(?=[{\[])")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?')


def _opened(text: str) -> int:
    """Brackets that a line opens and does not close, strings aside."""
    bare = _STRING.sub("", text)
    return sum(map(bare.count, "{[")) - sum(map(bare.count, "}]"))


def _is_whole(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(text: str, begun: int, notes: Notes) -> Iterator[tuple[int, Any]]:
    """The values in a text, one after the other."""
    decoder = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_once)
    at = 0
    while at < len(text):
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at
        if at >= len(text):
            return
        line = begun + text.count("\n", 0, at)
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            where = begun + text.count("\n", 0, error.pos)
            notes.add(
                f"this is no JSON ({error.msg.lower()}); it is left out", where, "what is no JSON is left out"
            )
            following = _NEXT.search(text, at + 1)
            at = following.end() if following else len(text)
            continue
        except (ValueError, RecursionError) as error:
            why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            notes.add(f"this JSON cannot be used: {why}; it is left out", line, "JSON that cannot be used")
            following = _NEXT.search(text, at + 1)
            at = following.end() if following else len(text)
            continue
        yield line, value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names each stand once; two values for one name are a contradiction."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(n for n, _ in pairs if sum(n == m for m, _ in pairs) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


def _samples(
    value: Any, file: str, line: int, notes: Notes, known: _Known, key: str = ""
) -> Iterator[Sample]:
    """The samples inside a JSON value."""
    if isinstance(value, list):
        for item in value:
            yield from _samples(item, file, line, notes, known, key)
        return
    if not isinstance(value, dict):
        notes.add(
            "this is JSON, but no answer of query-migrate; it is left out", line, "no answer of query-migrate"
        )
        return
    if isinstance(value.get("migration"), (str, int)) and not isinstance(value["migration"], bool):
        key = str(value["migration"])
    if "known" in value:
        known.add(key, _given(value["known"], line, notes))
    if "return" in value:
        yield from _samples(value["return"], file, line, notes, known, key) if value["return"] else ()
    elif _is_answer(value):
        yield known.told_of(_sample(value, key, file, line, notes))
    elif "error" in value:
        notes.add(
            f"QEMU answered with an error: {_told(value['error'])}", line, "QEMU answered with an error"
        )
    elif "status" in value or not {"QMP", "event", "known"} & set(value):
        notes.add(
            "this is JSON, but no answer of query-migrate; it is left out", line, "no answer of query-migrate"
        )


def _is_answer(value: dict[str, Any]) -> bool:
    """True where a JSON object can be an answer of query-migrate: programs of all kinds have a status."""
    status = value.get("status")
    known = isinstance(status, str) and status in (*RUNNING, *ENDS)
    return known or (isinstance(status, str) and bool({"ram", "total-time"} & set(value)))


def _told(error: Any) -> str:
    return str(error.get("desc", "")) if isinstance(error, dict) else str(error)


def _given(given: Any, line: int, notes: Notes) -> dict[str, Any]:
    """What was known beforehand, as far as the parameters accept it."""
    if not isinstance(given, dict):
        notes.add("'known' is not an object of parameters; it is left out", line)
        return {}
    accepted = {n: str(given[n]) for n in TEXTS if isinstance(given.get(n), str)}
    for name, value in given.items():
        if name in accepted:
            continue
        try:
            accepted[name] = check({name: value})[name].item()
        except (ParameterError, ValueError, TypeError, OverflowError) as error:
            notes.add(f"{error}; it is left out", line, f"'known' has {name}")
    return {n: v for n, v in accepted.items() if n in PARAMETERS or n in TEXTS}


def _sample(answer: dict[str, Any], key: str, file: str, line: int, notes: Notes) -> Sample:
    """One answer of query-migrate in the study's units."""
    ram = answer.get("ram")
    if ram is not None and not isinstance(ram, dict):
        notes.add("'ram' is no object", line)
    ram = ram if isinstance(ram, dict) else {}
    status = answer["status"]
    if status not in (*RUNNING, *ENDS):
        notes.add(f"the status {status[:40]!r} is not one of QEMU's", line, "a status is not one of QEMU's")
    sample: Sample = {"key": key, "status": status[:40]}
    for theirs, ours in SECONDS.items():
        sample[ours] = _number(answer, theirs, line, notes) / 1000
    for theirs, (ours, unit) in IN_RAM.items():
        sample[ours] = _number(ram, theirs, line, notes) / unit
    disk = answer.get("disk")
    sample["storage_gib"] = (
        _number(disk, "transferred", line, notes) / GIB if isinstance(disk, dict) else math.nan
    )
    for name in ELSEWHERE:
        if isinstance(answer.get(name), dict):
            sample["content_pages"] += _number({"pages": 0} | answer[name], "pages", line, notes)
    sample["page_bytes"] = sample["page_bytes"] if sample["page_bytes"] > 0 else 4096.0
    if status not in ENDS:
        sample["blackout_s"] = math.nan
    return sample | {"source_file": file, "source_line": line}


def _number(answer: dict[str, Any], name: str, line: int, notes: Notes) -> float:
    """A number of at least 0; NaN, with a note, for anything else; NaN for one that is not there."""
    value = answer.get(name, math.nan)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        notes.add(f"{name} = {str(value)[:40]!r} is not a number", line, f"{name} is not a number")
        return math.nan
    if value < 0 or value > 2**63:
        notes.add(f"{name} = {value:.4g} is out of range", line, f"{name} is out of range")
        return math.nan
    return float(value) + 0.0
