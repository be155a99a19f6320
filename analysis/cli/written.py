"""Figures as JSON: one form for every verb."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

import numpy as np

Figures: TypeAlias = dict[str, Any]
"""Figures by name, as JSON shows them: numbers, names, lists and tables of them."""

VERSION = 1
"""Of the JSON of a record, a drain and a running migration: counted up where a field changes its meaning."""


def as_json(figures: Any) -> str:
    """JSON without NaN or infinity: what has no finite value is null."""
    return json.dumps(_finite(figures), indent=2)


def as_line(figures: Any) -> str:
    """The same on one line, for events that follow each other."""
    return json.dumps(_finite(figures))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
