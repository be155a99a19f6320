"""KubeVirt's objects of migrations, as ``kubectl get vmim -o json`` or ``-o yaml`` writes them.

They tell when a migration began and ended, from where to where, and the cluster's limits; bytes they do not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from analysis.observations.lines import Progress, read_lines
from analysis.observations.logs.lines import moment, seconds
from analysis.observations.qemu import STOP_RULE, read_json
from analysis.observations.record import Notes, Record, Taken, record
from analysis.observations.sources import TableError

KIND = "KubeVirt's objects of migrations"
MARK = re.compile(r"""["']?apiVersion["']?\s*:\s*["']?kubevirt\.io/|["']?migrationState["']?\s*:""")
LIST_MARK = re.compile(r"""["']?kind["']?\s*:\s*["']?VirtualMachineInstance""")
PHASES = {"Succeeded": "completed", "Failed": "failed"}
LIMITS = {"parallelMigrationsPerCluster": "parallel_migrations_per_cluster",
          "parallelOutboundMigrationsPerNode": "parallel_outbound_migrations_per_node",
          "completionTimeoutPerGiB": "completion_timeout_s_per_gib",
          "progressTimeout": "progress_timeout_s"}  # fmt: skip
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Scalars stay the text that they are, so that a stamp is read as it was written."""
DEEPEST = 60
"""Levels of YAML inside each other beyond which it is no object of a cluster."""


def read_kubevirt(path: str | Path, *, progress: Progress | None = None) -> Record:
    """Migrations from KubeVirt's objects; TableError where there is none."""
    notes = Notes(path)
    rows: list[dict[str, Any]] = []
    for line, value in _values(path, notes, progress):
        for at, item in _objects(line, value):
            row = _row(item, Path(path).name, at, notes)
            rows += [row] if row else []
    if not rows:
        reason = f" ({notes.told[0].split(': ', 1)[-1]})" if notes.told else ""
        raise TableError(f"{path} holds no object of KubeVirt that tells of a migration{reason}")
    notes.add("KubeVirt's objects tell neither bytes nor pages nor the pause, and times to the second")
    found = record(KIND, notes, _named(rows))
    found.taken.extend(Taken(r["source_file"], r["source_line"], f"migration {r['migration']}") for r in rows)
    return found


def _values(path: str | Path, notes: Notes, progress: Progress | None) -> Iterator[tuple[int, Any]]:
    """JSON or YAML values with their lines; what is neither is told."""
    first = next((text for _, text in read_lines(path, Notes(path)) if text.strip()), "")
    if first.lstrip("\N{BYTE ORDER MARK} \t").startswith(("{", "[")):
        yield from read_json(path, notes, progress)
        return
    begun, held = 1, list[str]()
    for number, text in read_lines(path, notes, progress):
        if text.startswith("---"):
            yield from _yaml("\n".join(held), begun, notes)
            begun, held = number + 1, []
        else:
            held.append(text)
    yield from _yaml("\n".join(held), begun, notes)


def _yaml(text: str, begun: int, notes: Notes) -> Iterator[tuple[int, Any]]:
    """One document of YAML; what cannot be read is told and left out."""
    if not text.strip():
        return
    try:
        yield begun, _plain(yaml.compose(text, LOADER), begun, set())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        notes.add("this is no YAML; it is left out", begun + (mark.line if mark else 0), "this is no YAML")
    except (ValueError, RecursionError) as error:
        notes.add(f"this YAML cannot be used: {error}; it is left out", begun, "YAML that cannot be used")


LINE = " line"


def _plain(node: Any, begun: int, seen: set[int], depth: int = 0) -> Any:
    """A node of YAML as dicts, lists and texts; a mapping keeps its line under :data:`LINE`."""
    if depth > DEEPEST:
        raise ValueError("it is nested too deeply")
    if id(node) in seen:
        raise ValueError("it has aliases, which a cluster never writes")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        pairs = {str(key.value)[:200]: _plain(value, begun, seen, depth + 1) for key, value in node.value}
        return pairs | {LINE: begun + node.start_mark.line}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value, begun, seen, depth + 1) for value in node.value]
    return node.value if node else None


def _objects(line: int, value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects in a value: itself, or the items of a list."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(line, item)
    elif isinstance(value, dict):
        at = value.get(LINE, line)
        items = value.get("items")
        if isinstance(items, list):
            yield from _objects(at, items)
        else:
            yield at, value


def _row(item: dict[str, Any], file: str, line: int, notes: Notes) -> dict[str, Any] | None:
    """The row of one object; None, with a note, for one that tells of no migration."""
    status, spec = _part(item, "status"), _part(item, "spec")
    state, metadata = _part(status, "migrationState"), _part(item, "metadata")
    kind = _text(item, "kind")
    if not state and kind != "VirtualMachineInstanceMigration":
        what = f"an object of kind {kind[:40] or 'not told'!r}"
        notes.add(f"{what} tells of no migration; it is left out", line, "an object tells of no migration")
        return None
    name = _text(metadata, "name")
    began, ended = (seconds(_text(state, name)) for name in ("startTimestamp", "endTimestamp"))
    how = _ended(status, state)
    total = ended - began if how == "completed" else math.nan
    if total < 0:
        notes.add(f"{name} ends before it begins: no time is taken", line)
        total = math.nan
    row: dict[str, Any] = {
        "migration": name or "unnamed",
        "vm": _text(spec, "vmiName") or name,
        "status": how,
    }
    row |= {"began": moment(began), "ended": moment(ended), "measured_total_s": total}
    row |= {"stop_rule": STOP_RULE, "namespace": _text(metadata, "namespace")} | _places(state)
    return row | _limits(state, line, notes) | {"source_file": file, "source_line": line}


def _ended(status: dict[str, Any], state: dict[str, Any]) -> str:
    """How a migration ended, in the study's words; as what it is under way where it did not."""
    if _text(state, "abortStatus") == "Succeeded" or _true(state, "abortRequested"):
        return "cancelled"
    if _true(state, "failed"):
        return "failed"
    phase = _text(status, "phase")
    if phase in PHASES:
        return PHASES[phase]
    return "completed" if _true(state, "completed") else "not ended"


def _places(state: dict[str, Any]) -> dict[str, Any]:
    mode = {"PreCopy": "pre-copy", "PostCopy": "post-copy"}.get(_text(state, "mode"), _text(state, "mode"))
    told = {
        "mode": mode,
        "source_node": _text(state, "sourceNode"),
        "target_node": _text(state, "targetNode"),
        "reason": _text(state, "failureReason")[:200],
    }
    return {name: text for name, text in told.items() if text}


def _limits(state: dict[str, Any], line: int, notes: Notes) -> dict[str, float]:
    """What the cluster allows, as far as it is a number."""
    told, found = _part(state, "migrationConfiguration"), {}
    for theirs, ours in LIMITS.items():
        try:
            value = float(told.get(theirs, math.nan))
        except (TypeError, ValueError, OverflowError):
            notes.add(
                f"{theirs} = {str(told[theirs])[:40]!r} is not a number", line, f"{theirs} is not a number"
            )
            continue
        if 0 <= value < 2**53:
            found[ours] = value
    return found


def _part(item: dict[str, Any], name: str) -> dict[str, Any]:
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""


def _true(item: dict[str, Any], name: str) -> bool:
    return item.get(name) is True or item.get(name) == "true"


def _named(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose keys differ: a machine's object and its migration's may be called alike."""
    taken: dict[str, int] = {}
    for row in rows:
        key = row["migration"]
        taken[key] = taken.get(key, 0) + 1
        if taken[key] > 1:
            row["migration"] = f"{key} ({taken[key]})"
    return rows
