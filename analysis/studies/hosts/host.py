"""What is known of one host: parameters with intervals, and how much migrations on it scatter.

A host is a small YAML file that ``calibrate`` writes and every command and notebook takes. Its
``parameters`` are used as they are, its ``scales`` multiply what a scenario gives, its ``scatter`` says how
much a quantity varies from one migration to the next for reasons nobody knows beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import yaml

from analysis import presets, whole
from analysis.arrays import Columns, Floats
from analysis.model.migration import filled, parameters_in
from analysis.parameters import FACTOR, PARAMETERS
from analysis.studies.hosts import host_file


@dataclass(frozen=True)
class Estimate:
    """A value with its 90 % interval; ``label`` and ``of`` where it holds for one kind of migration only.

    ``Estimate("compress_gib_per_s_per_core", 0.21, 0.19, 0.23, "method", "multifd-zstd")`` holds for
    rows whose column ``method`` is ``multifd-zstd``, in place of one that holds for all. ``share_of``:
    ``content`` where a factor on the working set is a share of the guest's content, or the content's own
    share of the memory was found, on migrations of which it was not known: such an estimate says nothing of
    what a scenario states.
    """

    name: str
    value: float
    low: float
    high: float
    label: str = ""
    of: str = ""
    share_of: str = ""


@dataclass(frozen=True)
class Host:
    """A calibrated host.

    ``parameters``: estimates that replace a parameter's default. ``scales``: estimates of factors.
    ``scatter``: standard deviations from migration to migration: ``extra_resident_mib`` [MiB];
    ``dirty_pages_per_s``, of the logarithm of the rate of writes; ``time``, of the logarithm of durations,
    and ``blackout_s`` [s], each by the ceiling that binds. ``repeats``: the same among repeats of one
    configuration, where the host was calibrated to some. ``correlation``: of the logarithms of all
    estimates, parameters first, as the data know them together. ``cannot_tell_apart``: pairs of names whose
    estimates depend on each other. ``widths``: what intervals are multiplied by
    (``studies.hosts.conformal``). ``held_out``: errors of migrations predicted by a fit without them: median
    and 90th percentile, relative of ``total_s``, in seconds of ``blackout_s``. ``undecided``: sentences on
    what the data do not decide. ``seen``: marks of the migrations that it was calibrated to
    (``studies.hosts.seen``). ``correction``: the second stage (``studies.hosts.correction``), if any.
    """

    name: str = "default"
    parameters: tuple[Estimate, ...] = ()
    scales: tuple[Estimate, ...] = ()
    scatter: dict[str, Any] = field(default_factory=dict)
    repeats: dict[str, Any] = field(default_factory=dict)
    correlation: tuple[tuple[float, ...], ...] = ()
    cannot_tell_apart: tuple[tuple[str, str], ...] = ()
    undecided: tuple[str, ...] = ()
    widths: dict[str, Any] = field(default_factory=dict)
    held_out: dict[str, Any] = field(default_factory=dict)
    migrations: int = 0
    seen: tuple[str, ...] = ()
    correction: dict[str, Any] | None = None

    def apply(self, scenarios: pd.DataFrame, given: tuple[str, ...] = ()) -> pd.DataFrame:
        """Scenarios on this host; parameters named in ``given`` keep the scenario's own value."""
        kept = [(e, e.value) for e in self.parameters if e.name not in given]
        return on_values(scenarios, kept, [(e, e.value) for e in self.scales])

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """All estimates, in the order of ``correlation``."""
        return (*self.parameters, *self.scales)

    def columns(self, workload: str = "", stated: Iterable[str] = ()) -> dict[str, float]:
        """What the host says of any scenario, by name: its parameters, and its factors as such.

        Estimates for one kind of migration are left out, for a scenario without a kind is of none, but for
        those of its ``workload``. A share of the guest's content says nothing of what is ``stated``.
        """
        kinds = [e for e in self.estimates if not e.of]
        kinds += [e for e in self.estimates if workload and (e.label, e.of) == ("workload", workload)]
        usual = {e.name: e.value for e in kinds if e in self.parameters}
        scales = [e for e in kinds if e in self.scales and not (e.share_of and e.name in stated)]
        return usual | {e.name + FACTOR: e.value for e in scales}

    def estimate(self, name: str, of: str = "") -> Estimate:
        """The estimate of a parameter or scale (of one kind of migration); KeyError if there is none."""
        for found in (*self.parameters, *self.scales):
            if (found.name, found.of) == (name, of):
                return found
        raise KeyError(name)


Valued = tuple[Estimate, float | Floats]
"""What an estimate is of, and a value of it for all scenarios or for each."""


Table = TypeVar("Table", pd.DataFrame, Columns)
"""Scenarios as a frame, or its columns by name."""


def on_values(scenarios: Table, parameters: Iterable[Valued], scales: Iterable[Valued]) -> Table:
    """Scenarios with values in place of what they say, and factors beside what they say."""
    table = scenarios.copy()
    for estimate, value in _general_first(parameters):
        if estimate.share_of and estimate.name in scenarios:
            continue
        _set(table, estimate.name, estimate, value, PARAMETERS[estimate.name].default)
    asked = {name: table[name] for name in table if str(name).endswith(FACTOR)}
    for estimate, factor in _general_first(scales):
        if estimate.share_of and estimate.name in table:
            continue
        name = estimate.name + FACTOR
        _set(table, name, estimate, asked.get(name, 1.0) * factor, asked.get(name, 1.0))
    if "without_setup" in table:
        # Events tell of brownout and blackout; a total that is their sum has no set-up in it.
        usual = table.get("setup_s", PARAMETERS["setup_s"].default)
        table["setup_s"] = np.where(pd.Series(table["without_setup"]).eq(True), 0.0, usual)
    return table


def _general_first(valued: Iterable[Valued]) -> list[Valued]:
    """What holds for one kind of migration comes after what holds for all, and so in its place."""
    return sorted(valued, key=lambda one: bool(one[0].of))


def _set(table: Table, name: str, estimate: Estimate, value: Any, default: Any) -> None:
    """Set a column, in the rows that the estimate is about; elsewhere it is as it was, or the default."""
    if not estimate.of:
        table[name] = value
    elif estimate.label in table:
        old = table.get(name, default)
        table[name] = np.where(table[estimate.label] == estimate.of, value, old)


def save_host(host: Host, path: str | Path) -> None:
    """Write a host file, and the folder for it; an earlier one stays until the new one is whole."""
    whole.write(Path(path), host_text(host))


def host_text(host: Host) -> str:
    """A host as YAML, numbers to five significant digits, with a line that says what it is."""
    head = "# A calibrated host: use with --host, or analysis.studies.hosts.host.load_host."
    return f"{head} Intervals hold 90 %.\n" + yaml.safe_dump(
        host_content(host), sort_keys=False, allow_unicode=True
    )


def host_content(host: Host) -> dict[str, Any]:
    """A host as plain dictionaries, lists and numbers."""
    body = asdict(host)
    for kind in ("parameters", "scales"):
        body[kind] = [{k: _short(v) for k, v in e.items() if v != ""} for e in body[kind]]
    body["scatter"], body["repeats"] = _short(host.scatter), _short(host.repeats)
    body["cannot_tell_apart"] = [list(pair) for pair in host.cannot_tell_apart]
    body["undecided"] = list(host.undecided)
    body["seen"] = " ".join(host.seen) or None
    body["correlation"] = [[round(float(c), 3) for c in row] for row in host.correlation]
    body["widths"], body["held_out"] = _short(host.widths), _short(host.held_out)
    kept = {key: value for key, value in body.items() if value not in (None, [], {})}
    return {"version": host_file.VERSION} | kept


def load_host(path: str | Path) -> Host:
    """Read a host file, of this version or an earlier one; UserError with what is wrong in any other."""
    body = host_file.body(path, known=Host.__dataclass_fields__)
    estimates = {k: tuple(Estimate(**e) for e in body.get(k, ())) for k in ("parameters", "scales")}
    rows = {k: tuple(map(tuple, body.get(k, ()))) for k in ("cannot_tell_apart", "correlation")}
    words = {"undecided": tuple(body.get("undecided", ())), "seen": tuple(body.get("seen", "").split())}
    return Host(**(body | estimates | rows | words))


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_short(v) for v in value]
    return float(f"{value:.5g}") if isinstance(value, (float, np.floating)) else value


def on(
    host_file: str | Path, scenario: Mapping[str, Any], preset: str = "", workload: str = ""
) -> dict[str, Any]:
    """A scenario where it will run: what it does not say is the calibrated host's, or else the preset's.

    The one place where a preset and a host are put on a scenario, for every face of the study. The scenario
    keeps its own numbers; what a host makes of them stands beside as factors (:mod:`analysis.model.factors`),
    which hold for whatever else is asked of it. ``host_file`` and ``preset`` (a version of Windows Server)
    may be empty; ``workload`` is one that the host tells apart.

    >>> on("", {"memory_gib": 16}, "windows_2019")
    {'stop_rule': 'hyperv', 'transport': 'compression', 'memory_gib': 16}
    """
    usual: dict[str, Any] = dict(presets.host(preset).parameters) if preset else {}
    if host_file:
        usual |= load_host(host_file).columns(workload, stated=scenario)
    # A value left empty ("as the stop rule has it") says nothing that could go before what is usual here.
    said = {name: value for name, value in scenario.items() if value is not None or name not in usual}
    return usual | said


def computed_with(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """What the model computes with where a host makes other values of those asked for: ``applied_<name>``."""
    known = parameters_in(table)
    scaled = [name.removesuffix(FACTOR) for name in map(str, known) if name.endswith(FACTOR)]
    made = filled(known)
    return {f"applied_{name}": made[name] for name in scaled}


def without_link(host: Host) -> Host:
    """The host without what it says of the link's rate, for when the rate is given."""
    kept = [k for k, e in enumerate(host.estimates) if e.name not in ("bandwidth_gbps", "stream_limit_gbps")]
    parameters = tuple(host.estimates[k] for k in kept if k < len(host.parameters))
    scales = tuple(host.estimates[k] for k in kept if k >= len(host.parameters))
    correlation = tuple(tuple(host.correlation[i][j] for j in kept) for i in kept if host.correlation)
    return replace(host, parameters=parameters, scales=scales, correlation=correlation)
