"""Combinations of changes as scenarios: what is at hand, with whom it works, and what becomes of each.

One table holds all combinations, a row each, so that the model is asked once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis import presets
from analysis.arrays import Bools
from analysis.errors import UserError
from analysis.model.laws.passes import STAYS
from analysis.model.migration import migrate, parameters_in
from analysis.parameters import PARAMETERS
from analysis.studies.decisions.levers import AT_HAND, AT_ONCE, LEVERS, USUAL, VERSION, Lever
from analysis.studies.hosts.host import Host

MOST_CHANGES = 3
SHARED_OUT = ("bandwidth_limit_share", "smb_limit_share", "adapter_limit_gbps", "spare_cores")
"""What several migrations at once have each its part of."""


@dataclass(frozen=True)
class Situation:
    """A machine on a pair of hosts, and what is at hand.

    ``scenario``: parameters by name, those of the presets and of a calibrated host included (``hosts.on``).
    ``versions``: presets of source and destination, as far as known. ``given``: parameters that whoever asks
    set, which go before what the calibrated ``host`` says. ``machines``: how many such machines have to move,
    ``at_once`` of them at a time. ``workload``: one that the host tells apart.
    """

    scenario: Mapping[str, Any]
    versions: tuple[str, ...] = ()
    at_hand: Mapping[str, Any] = field(default_factory=lambda: dict(USUAL))
    host: Host | None = None
    given: tuple[str, ...] = ()
    machines: int = 1
    at_once: int = 1
    workload: str = ""

    def __post_init__(self) -> None:
        """UserError for numbers of machines that are none."""
        for name in ("machines", "at_once"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000:
                raise UserError(
                    f"{name} = {value!r} is not allowed: it takes a whole number from 1 to 100000"
                )

    @property
    def today(self) -> dict[str, Any]:
        """Every parameter, and what the adviser knows beside."""
        usual = {name: p.default for name, p in PARAMETERS.items()}
        version = self.versions[0] if self.versions else ""
        return usual | dict(self.scenario) | {VERSION: version, AT_ONCE: min(self.at_once, self.machines)}


def pair(source: str, destination: str = "") -> dict[str, Any]:
    """What two versions of Windows Server do together: the source's rules, the slower one's connection.

    >>> pair("windows_2022", "windows_2012r2")["stream_limit_gbps"]
    6.5
    """
    found = dict(presets.host(source).parameters)
    if destination:
        usual = float(PARAMETERS["stream_limit_gbps"].default)
        sides = [found, presets.host(destination).parameters]
        found["stream_limit_gbps"] = min(side.get("stream_limit_gbps", usual) for side in sides)
        transports = _transports((source, destination))
        if found.get("transport") not in transports:
            found["transport"] = "tcpip"
    return found


def candidates(situation: Situation) -> list[Lever]:
    """The levers at hand that would change something, each with its value, in the order of the table."""
    today, found = situation.today, []
    for lever in LEVERS:
        if (lever.needs and not situation.at_hand.get(lever.needs)) or situation.at_hand.get(lever.without):
            continue
        if lever.group == AT_ONCE and lever.sets[AT_ONCE] > situation.machines:
            continue
        sets = {name: _new(lever, situation, name, value) for name, value in lever.sets.items()}
        if any(_differs(lever, today[name], value) for name, value in sets.items()) or _brought(
            lever, situation
        ):
            found.append(replace(lever, sets=sets))
    return found


def _new(lever: Lever, situation: Situation, name: str, value: Any) -> Any:
    new = situation.at_hand[lever.needs] if isinstance(value, str) and value == AT_HAND else value
    return situation.today[name] + new if lever.adds else new


def _differs(lever: Lever, old: Any, new: Any) -> bool:
    if isinstance(new, str):
        return bool(old != new)
    if np.isnan(new) or np.isnan(old):
        return not (np.isnan(new) and np.isnan(old)) and (lever.only == "" or np.isnan(old))
    return bool({"more": new > old, "less": new < old}.get(lever.only, new != old))


def _brought(lever: Lever, situation: Situation) -> bool:
    """Whether a later version brings what the lever takes away again: its limit on SMB."""
    version = situation.at_hand.get("version")
    brings = presets.host(version).parameters if version else {}
    return lever.name == "smb_limit" and brings.get("smb_limit_share", 1.0) < 1


def combined(levers: Sequence[Lever], most: int = MOST_CHANGES) -> list[tuple[Lever, ...]]:
    """Every combination of up to ``most`` levers of different groups, nothing first."""
    found: list[tuple[Lever, ...]] = []
    for size in range(min(most, len(levers)) + 1):
        for chosen in combinations(levers, size):
            if len({lever.group for lever in chosen}) == size:
                found.append(chosen)
    return found


def scenarios(situation: Situation, changes: Sequence[tuple[Lever, ...]]) -> pd.DataFrame:
    """A row for each combination: today's parameters with its changes; ``works`` where all of them can."""
    today, rows = situation.today, [_changed(situation, chosen) for chosen in changes]
    touched = {name for row in rows for name in row}
    table = pd.DataFrame({
        name: [row.get(name, value) for row in rows] if name in touched else [value] * len(rows)
        for name, value in today.items()
    })  # fmt: skip
    return table.assign(works=_works(situation, table, changes))


def _changed(situation: Situation, chosen: Iterable[Lever]) -> dict[str, Any]:
    """What a combination sets; a later version comes first, with all that it does."""
    found: dict[str, Any] = {}
    for lever in chosen:
        for name, value in lever.sets.items():
            found |= _of_version(situation, str(value)) if name == VERSION else {}
            found[name] = value
    return found


def _of_version(situation: Situation, version: str) -> dict[str, Any]:
    """What a version does otherwise than today's, less what whoever asks has set and the option."""
    new, old = presets.host(version).parameters, situation.scenario
    names = {"stop_rule", "stream_limit_gbps", "smb_limit_share"} - set(situation.given)
    usual = {name: PARAMETERS[name].default for name in names}
    return {n: new.get(n, usual[n]) for n in sorted(names) if new.get(n, usual[n]) != old.get(n, usual[n])}


def _works(situation: Situation, table: pd.DataFrame, changes: Sequence[tuple[Lever, ...]]) -> Bools:
    """Where every change of a combination works with the rest, and the versions have the option."""
    works = np.ones(len(table), bool)
    names = [{lever.name for lever in chosen} for chosen in changes]
    for name, lever in {lever.name: lever for chosen in changes for lever in chosen}.items():
        has = np.array([name in chosen for chosen in names])
        for parameter, values in lever.works_with.items():
            works &= ~has | table[parameter].isin(values).to_numpy()
    known = {version: _transports((version,)) for version in set(table[VERSION]) if version}
    # A later version is on both hosts; today's option is one that both sides of today's pair have.
    known[situation.today[VERSION]] = _transports(situation.versions)
    allowed = [option in known[v] for v, option in zip(table[VERSION], table["transport"], strict=True)]
    found: Bools = works & np.array(allowed, bool)
    return found


def _transports(versions: Iterable[str]) -> set[str]:
    found = set(PARAMETERS["transport"].choices)
    for version in versions:
        found &= set(presets.host(version).transports)
    return found


def shared_out(table: pd.DataFrame) -> pd.DataFrame:
    """Scenarios of one machine among several at once: each has its part of what they share.

    They share the line, what other traffic leaves of it, every limit, the host's adapter and the spare cores;
    each has its own connections and rings.
    """
    at_once = table[AT_ONCE].to_numpy(float)
    free = np.where(table["network"] == "shared", 1 - table["background_share"].to_numpy(float), 1.0)
    limit = table["bandwidth_limit_share"].to_numpy(float)
    parts = {name: table[name].to_numpy(float) for name in SHARED_OUT}
    parts["bandwidth_limit_share"] = np.where(at_once > 1, np.minimum(limit, free), limit)
    return table.assign(**{name: part / at_once for name, part in parts.items()})


def outcomes(situation: Situation, table: pd.DataFrame) -> pd.DataFrame:
    """What becomes of each row: ``total_s`` for all machines, ``blackout_s`` of each, ``limited_by``."""
    found = migrate(parameters_in(shared_out(table)))
    turns = np.ceil(situation.machines / table[AT_ONCE].to_numpy(float))
    several = (table[AT_ONCE].to_numpy() > 1) & (table["bandwidth_limit_share"].to_numpy(float) == 1)
    # Of several at once each is held to its part of the line, or of what other traffic leaves of it.
    line = np.where(table["network"] == "shared", "other_traffic", "line_rate")
    bound = found["limited_by"].where(~(several & (found["limited_by"] == "bandwidth_limit")), line)
    return pd.DataFrame(
        {
            "total_s": found["total_s"].to_numpy() * turns,
            "blackout_s": found["blackout_s"].mask(found["stop_reason"].isin(STAYS), np.inf).to_numpy(),
            "limited_by": bound.to_numpy(),
            "stop_reason": found["stop_reason"].to_numpy(),
        },
        index=table.index,
    )


def searched(situation: Situation, most: int = MOST_CHANGES) -> pd.DataFrame:
    """Every combination that works, the empty one first: ``levers``, ``size``, scenario and outcomes."""
    changes = combined(candidates(situation), most)
    table = scenarios(situation, changes)
    table["levers"] = pd.Series(changes, dtype=object)
    table["size"] = [len(chosen) for chosen in changes]
    kept = table[table["works"] | (table["size"] == 0)].drop(columns="works").reset_index(drop=True)
    return pd.concat([kept, outcomes(situation, kept)], axis=1)
