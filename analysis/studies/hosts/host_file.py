"""What a host file may hold, and whether it makes sense: asked before any of it is used.

A file carries a version: 1 (or none) in files of before versions were counted, 2 since then. Both are read;
a later one is refused, since what it says could be lost without a word.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis import yaml_files
from analysis.errors import UserError
from analysis.observations.sources import located
from analysis.parameters import PARAMETERS, ParameterError, check, nearest
from analysis.schemas import first_fault

VERSION = 2
"""The version of the files that this study writes."""
_KINDS = ("parameters", "scales")
_MOST_SPREAD = 10.0
"""Scatter of a logarithm: one of 10 lets a time vary by a factor of 20,000 either way."""
_ESTIMATE = {
    "type": "object",
    "required": ["name", "value", "low", "high"],
    "properties": {
        "name": {"enum": [name for name, p in PARAMETERS.items() if not p.choices]},
        **{end: {"type": "number"} for end in ("value", "low", "high")},
        **{word: {"type": "string"} for word in ("label", "of")},
        "share_of": {"enum": ["content"]},
    },
    "additionalProperties": False,
}
_LOGARITHM = {"type": "number", "minimum": 0, "maximum": _MOST_SPREAD}
_SECONDS = {"type": "number", "minimum": 0, "maximum": 1e6}
_ERRORS = {
    "type": "object",
    "required": ["rows", "median", "p90"],
    "properties": {
        "rows": {"type": "integer", "minimum": 1},
        **{name: {"type": "number", "minimum": 0} for name in ("median", "p90")},
    },
    "additionalProperties": False,
}
_SCATTER = {
    "type": "object",
    "properties": {
        "extra_resident_mib": {"type": "number", "minimum": 0, "maximum": 1e8},
        "dirty_pages_per_s": _LOGARITHM,
        "time": {"type": "object", "additionalProperties": _LOGARITHM},
        "blackout_s": {"type": "object", "additionalProperties": _SECONDS},
    },
    "additionalProperties": False,
}
_CORRELATION = {"type": "number", "minimum": -1, "maximum": 1}
_WIDTH = {
    "type": "object",
    "required": ["up_to", "rows"],
    "properties": {
        "up_to": {"type": "number", "exclusiveMinimum": 0},
        "rows": {"type": "integer", "minimum": 1},
        **{str(level): {"type": "number", "exclusiveMinimum": 0, "maximum": 1e6} for level in (50, 90)},
    },
    "additionalProperties": False,
}
_SCHEMA = {
    "type": "object",
    "properties": {
        "version": {"type": "integer", "minimum": 1},
        "name": {"type": "string", "minLength": 1},
        "migrations": {"type": "integer", "minimum": 0},
        "seen": {"type": "string", "pattern": "^[0-9a-f]{8}( [0-9a-f]{8})*$"},
        "parameters": {"type": "array", "items": _ESTIMATE},
        "scales": {"type": "array", "items": _ESTIMATE},
        "scatter": _SCATTER,
        "repeats": _SCATTER,
        "correlation": {"type": "array", "items": {"type": "array", "items": _CORRELATION}},
        "undecided": {"type": "array", "items": {"type": "string"}},
        "widths": {"type": "object", "additionalProperties": {"type": "array", "items": _WIDTH}},
        "held_out": {"type": "object", "additionalProperties": _ERRORS},
        "cannot_tell_apart": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        },
        "correction": {
            "type": "object",
            "required": ["label", "centre", "spread", "outcomes"],
            "properties": {
                "label": {"type": "string"},
                "centre": {"type": "object", "additionalProperties": {"type": "number"}},
                "spread": {
                    "type": "object",
                    "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
                },
                "outcomes": {"type": "object", "additionalProperties": {"type": "object"}},
            },
        },
    },
    "additionalProperties": False,
}
"""What a host file may hold (JSON Schema)."""


def body(path: str | Path, known: Container[str] | Iterable[str]) -> dict[str, Any]:
    """The fields of a host file, all sound, without its version; UserError in a sentence otherwise.

    ``known``: the names of the fields there are.
    """
    try:
        found = yaml_files.content(located(path))
    except FileNotFoundError:
        raise UserError(f"there is no host file {path}") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, not a host file") from None
    except OSError as error:
        raise UserError(f"the host file {path} cannot be read: {error.strerror}") from None
    except ParameterError as error:
        raise UserError(f"{path} is not a host file: {error}") from None
    if not isinstance(found, dict) or not found:
        raise UserError(f"{path} is not a host file: it has no fields")
    try:
        _refuse(found, [*known] if isinstance(known, Iterable) else [])
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return {key: value for key, value in found.items() if key != "version"}


def _refuse(found: dict[str, Any], known: list[str]) -> None:
    """UserError for the first thing in the content of a host file that cannot be used."""
    _refuse_version(found.get("version", 1))
    _refuse_unknown(found, [*known, "version"])
    for place, value in _numbers("", found):
        # The last of the widths holds however near the limit: up to infinity.
        if not math.isfinite(value) and not (place.endswith("/up_to") and value == math.inf):
            raise UserError(f"{place} = {value:g} is no number that can be used: it takes finite ones")
    _refuse_values(found)
    wrong = first_fault(found, _SCHEMA)
    if wrong is not None:
        place = "/".join(map(str, wrong.absolute_path)) or "its fields"
        told = _NEEDED if place.startswith(_KINDS) and wrong.validator != "enum" else ""
        raise UserError(f"{place}: {wrong.message[:200]}{told}")
    for kind in _KINDS:
        _refuse_estimates(kind, found.get(kind, ()))
    _refuse_correlation(found.get("correlation", ()), sum(len(found.get(kind, ())) for kind in _KINDS))


def _refuse_version(version: Any) -> None:
    if isinstance(version, int) and version > VERSION:
        raise UserError(
            f"its version is {version}, and this study reads host files up to version {VERSION}: "
            "use the study that wrote it, or calibrate again"
        )


def _refuse_unknown(found: Mapping[str, Any], known: list[str]) -> None:
    for key in found:
        if key not in known:
            near = nearest(str(key), known)
            hint = f"; did you mean {near!r}?" if near else ""
            raise UserError(f"there is no field {key!r}{hint}")


def _numbers(place: str, value: Any) -> Iterator[tuple[str, float]]:
    """Every broken number of some content, with the place where it stands."""
    if isinstance(value, float):
        yield place, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _numbers(f"{place}/{name}" if place else str(name), part)


_NEEDED = "; an estimate needs name, value, low and high, and the last three are numbers"


def _refuse_values(found: Mapping[str, Any]) -> None:
    """Names that are no parameters, values outside a parameter's range, factors that are not above 0."""
    for kind in _KINDS:
        entries = found.get(kind)
        listed = entries if isinstance(entries, list) else []
        for entry in (e for e in listed if isinstance(e, dict) and "name" in e):
            name, value = str(entry["name"]), entry.get("value", np.nan)
            factor = kind == "scales" and name in PARAMETERS
            check({name: PARAMETERS[name].default if factor or "value" not in entry else value})
            if factor and isinstance(value, (int, float)) and not 0 < value <= 1e12:
                raise UserError(f"the factor on {name} is {value:g}; it must be above 0, and at most 1e+12")


def _refuse_estimates(kind: str, estimates: Iterable[Mapping[str, Any]]) -> None:
    """Intervals that do not hold their value or leave what is allowed, and estimates given twice."""
    seen: set[tuple[str, ...]] = set()
    for one in estimates:
        name = one["name"]
        if not one["low"] <= one["value"] <= one["high"]:
            raise UserError(f"the value of {name} is outside its own interval")
        bounds = PARAMETERS[name]
        least, most = (0.0, 1e12) if kind == "scales" else (bounds.low, min(bounds.high, bounds.most))
        if one["low"] < least or one["high"] > most:
            what = f"the interval of {name}, {one['low']:g} to {one['high']:g},"
            raise UserError(f"{what} leaves what is allowed: {least:g} to {most:g}")
        key = (name, one.get("label", ""), one.get("of", ""))
        if key in seen:
            whom = f" for {one['of']}" if one.get("of") else ""
            raise UserError(f"{kind} has two estimates of {name}{whom}; which one holds cannot be told")
        if bool(one.get("label")) != bool(one.get("of")):
            raise UserError(f"the estimate of {name} needs both `label` and `of`, or neither")
        seen.add(key)


def _refuse_correlation(rows: list[list[float]], count: int) -> None:
    """A matrix of another size than the estimates, or that is none of correlations."""
    if not rows:
        return
    if [len(row) for row in rows] != [count] * count:
        raise UserError(f"correlation has to have a row and a column for each of {count} estimates")
    matrix = np.array(rows, float)
    if not np.allclose(matrix, matrix.T, atol=2e-3) or not np.allclose(np.diag(matrix), 1, atol=2e-3):
        raise UserError("correlation has to be the same across its diagonal, and 1 on it")
    # Rounded to three digits, a true one may have an eigenvalue a little below zero.
    if np.linalg.eigvalsh(matrix).min() < -0.01 * count:
        raise UserError("correlation is none that numbers can have together: an eigenvalue is negative")
