"""Constants of Python as JavaScript, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any


class Untranslatable(Exception):
    """Something that the page's script could not follow: what and where."""


def literal(value: Any) -> str:
    """A constant as JavaScript; endless numbers and none too.

    >>> literal({"a": (1.0, math.inf), "b": None})
    '{"a": [1, Infinity], "b": null}'
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(k))}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(v) for v in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (bool, int, float, str)):
        return json.dumps(_shortest(value), ensure_ascii=False).replace("</", "<\\/")
    raise Untranslatable(f"a constant of type {type(value).__name__}")


def _shortest(value: Any) -> Any:
    """A whole number without its point."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return int(value) if whole else value
