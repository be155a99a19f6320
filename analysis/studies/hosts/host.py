"""What is known of one host: parameters with intervals, and how much migrations on it scatter.

A host is a small YAML file that ``calibrate`` writes and every command and notebook takes. Its
``parameters`` are used as they are, its ``scales`` multiply what a scenario gives, its ``scatter`` says how
much a quantity varies from one migration to the next for reasons nobody knows beforehand.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from analysis.errors import UserError
from analysis.observations.lab import located
from analysis.parameters import PARAMETERS, ParameterError, check, nearest
from analysis.schemas import first_fault


@dataclass(frozen=True)
class Estimate:
    """A value with its 90 % interval; ``label`` and ``of`` where it holds for one kind of migration only.

    ``Estimate("compress_gib_per_s_per_core", 0.21, 0.19, 0.23, "method", "multifd-zstd")`` holds for
    rows whose column ``method`` is ``multifd-zstd``.
    """

    name: str
    value: float
    low: float
    high: float
    label: str = ""
    of: str = ""


@dataclass(frozen=True)
class Host:
    """A calibrated host.

    ``parameters``: estimates that replace a parameter's default. ``scales``: estimates of factors.
    ``scatter``: standard deviations from migration to migration: ``extra_resident_mib`` [MiB]; ``time``,
    of the logarithm of durations, and ``blackout_s`` [s], each by the ceiling that binds.
    ``cannot_tell_apart``: pairs of names whose estimates depend on each other. ``correction``: the second
    stage (see ``studies.correction``), if there is one.
    """

    name: str = "default"
    parameters: tuple[Estimate, ...] = ()
    scales: tuple[Estimate, ...] = ()
    scatter: dict[str, Any] = field(default_factory=dict)
    cannot_tell_apart: tuple[tuple[str, str], ...] = ()
    migrations: int = 0
    correction: dict[str, Any] | None = None

    def apply(self, scenarios: pd.DataFrame, given: tuple[str, ...] = ()) -> pd.DataFrame:
        """Scenarios on this host; parameters named in ``given`` keep the scenario's own value."""
        table = scenarios.copy()
        for estimate in self.parameters:
            if estimate.name not in given:
                _set(table, estimate, estimate.value)
        for estimate in self.scales:
            table[estimate.name] = _base(table, estimate.name)
            _set(table, estimate, table[estimate.name] * estimate.value)
        if "without_setup" in table:
            # Events tell of brownout and blackout; a total that is their sum has no set-up in it.
            table["setup_s"] = np.where(table.without_setup.eq(True), 0.0, _base(table, "setup_s"))
        return table

    def estimate(self, name: str, of: str = "") -> Estimate:
        """The estimate of a parameter or scale (of one kind of migration); KeyError if there is none."""
        for found in (*self.parameters, *self.scales):
            if (found.name, found.of) == (name, of):
                return found
        raise KeyError(name)


def _base(table: pd.DataFrame, name: str) -> Any:
    """What a factor multiplies: the scenario's value, or the default.

    Without any word of the working set that is the guest's whole content, as in a calibration.
    """
    if name in table:
        return table[name]
    if name == "working_set_gib":
        return _base(table, "memory_gib") * _base(table, "resident_share")
    return PARAMETERS[name].default


def _set(table: pd.DataFrame, estimate: Estimate, value: Any) -> None:
    """Set a column, in the rows that the estimate is about."""
    if not estimate.of:
        table[estimate.name] = value
    elif estimate.label in table:
        old = table[estimate.name] if estimate.name in table else PARAMETERS[estimate.name].default
        table[estimate.name] = np.where(table[estimate.label] == estimate.of, value, old)


def save_host(host: Host, path: str | Path) -> None:
    """Write a host file, and the folder for it."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(host_text(host), encoding="utf-8")


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
    body["scatter"] = _short(host.scatter)
    body["cannot_tell_apart"] = [list(pair) for pair in host.cannot_tell_apart]
    return {key: value for key, value in body.items() if value not in (None, [], {})}


def load_host(path: str | Path) -> Host:
    """Read a host file; UserError with what is wrong in one that cannot be used."""
    try:
        body = yaml.safe_load(located(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no host file {path}") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, not a host file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a host file: {' '.join(str(error).split())}") from None
    if not isinstance(body, dict):
        raise UserError(f"{path} is not a host file: it has no fields")
    return _host(path, body)


_ESTIMATE = {
    "type": "object",
    "required": ["name", "value", "low", "high"],
    "properties": {
        "name": {"enum": [name for name, p in PARAMETERS.items() if not p.choices]},
        **{end: {"type": "number"} for end in ("value", "low", "high")},
        **{word: {"type": "string"} for word in ("label", "of")},
    },
    "additionalProperties": False,
}
_SIZES = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}}
_SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "migrations": {"type": "integer"},
        "parameters": {"type": "array", "items": _ESTIMATE},
        "scales": {"type": "array", "items": _ESTIMATE},
        "scatter": {
            "type": "object",
            "properties": {
                "extra_resident_mib": {"type": "number", "minimum": 0},
                "time": _SIZES,
                "blackout_s": _SIZES,
            },
            "additionalProperties": False,
        },
        "cannot_tell_apart": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        "correction": {
            "type": "object",
            "required": ["label", "centre", "spread", "outcomes"],
            "properties": {
                "centre": {"type": "object"},
                "spread": {"type": "object"},
                "outcomes": {"type": "object"},
            },
        },
    },
    "additionalProperties": False,
}
"""What a host file may hold (JSON Schema)."""


def _host(path: str | Path, body: dict[str, Any]) -> Host:
    _refuse_unknown(path, body)
    _refuse_values(path, body)
    wrong = first_fault(body, _SCHEMA)
    if wrong is not None:
        place = "/".join(map(str, wrong.absolute_path)) or "its fields"
        told = _NEEDED if place.startswith(("parameters", "scales")) and wrong.validator != "enum" else ""
        raise UserError(f"{path}: {place}: {wrong.message[:200]}{told}")
    estimates = {k: tuple(Estimate(**e) for e in body.get(k, ())) for k in ("parameters", "scales")}
    for estimate in (*estimates["parameters"], *estimates["scales"]):
        if not estimate.low <= estimate.value <= estimate.high:
            raise UserError(f"{path}: the value of {estimate.name} is outside its own interval")
    pairs = tuple(tuple(pair) for pair in body.get("cannot_tell_apart", ()))
    return Host(**(body | estimates | {"cannot_tell_apart": pairs}))


def _refuse_unknown(path: str | Path, body: dict[str, Any]) -> None:
    fields = Host.__dataclass_fields__
    for key in body:
        if key not in fields:
            near = nearest(str(key), fields)
            hint = f"; did you mean {near!r}?" if near else ""
            raise UserError(f"{path}: there is no field {key!r}{hint}")


_NEEDED = "; an estimate needs name, value, low and high, and the last three are numbers"


def _refuse_values(path: str | Path, body: dict[str, Any]) -> None:
    """Names that are no parameters, values outside a parameter's range, factors that are not above 0."""
    for kind in ("parameters", "scales"):
        entries = body.get(kind) if isinstance(body.get(kind), list) else []
        for entry in (e for e in entries if isinstance(e, dict) and "name" in e):
            name, value = str(entry["name"]), entry.get("value", np.nan)
            factor = kind == "scales" and name in PARAMETERS
            try:
                check({name: PARAMETERS[name].default if factor or "value" not in entry else value})
            except (ParameterError, KeyError) as error:
                raise UserError(f"{path}: {error}") from None
            if factor and isinstance(value, (int, float)) and value <= 0:
                raise UserError(f"{path}: the factor on {name} is {value:g}; it must be above 0")


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(v) for key, v in value.items()}
    return float(f"{value:.5g}") if isinstance(value, (float, np.floating)) else value


def on(host_file: str | Path, scenario: dict[str, Any]) -> dict[str, Any]:
    """A scenario on a calibrated host, for notebooks: what it does not name is the host's, its values scaled.

    ``host_file`` may be empty: the scenario as it is. Estimates for one kind of migration are left out.

    >>> on("", {"memory_gib": 16})
    {'memory_gib': 16}
    """
    if not host_file:
        return scenario
    host = load_host(host_file)
    usual = {e.name: e.value for e in host.parameters if not e.of}
    factor = {e.name: e.value for e in host.scales if not e.of}
    return usual | {
        name: value * factor[name] if name in factor else value for name, value in scenario.items()
    }


def without_link(host: Host) -> Host:
    """The host without what it says of the link's rate, for when the rate is given."""
    kept = {
        kind: tuple(e for e in getattr(host, kind) if e.name not in ("bandwidth_gbps", "stream_limit_gbps"))
        for kind in ("parameters", "scales")
    }
    return replace(host, **kept)
