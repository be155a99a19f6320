"""Numbers with a unit, as a person writes them: ``64GiB``, ``300 MB/s``, ``10Gbit/s``, ``300ms``, ``90%``.

Units are converted by pint, in a registry of the few that a migration is told in: its own list knows barns,
and would read ``Gb`` as billions of them. Bits (``bit``, ``b``) and bytes (``B``), powers of ten
(``MB``) and of two (``MiB``) are told apart, and a page is of 4 KiB. Only a text with letters asks for pint,
which takes longer to import than a prediction takes to compute.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from analysis.errors import UserError

_DEFINITIONS = """
kilo- = 1e3 = k- = K-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
kibi- = 2**10 = Ki-
mebi- = 2**20 = Mi-
gibi- = 2**30 = Gi-
tebi- = 2**40 = Ti-
milli- = 1e-3 = m-
micro- = 1e-6 = u- = µ- = μ-
nano- = 1e-9 = n-
bit = [information] = b
byte = 8 * bit = B = octet
page = 4096 * byte
second = [time] = s = sec
minute = 60 * second = min
hour = 3600 * second = h
bit_per_second = bit / second = bps
byte_per_second = byte / second = Bps
percent = 0.01 = %
"""
_ASKED = {
    "0-1": "",
    "0 to 1": "",
    "Gbit/s": "Gbit/s",
    "GiB": "GiB",
    "MiB": "MiB",
    "KiB": "KiB",
    "bytes": "byte",
}
_ASKED |= {"GiB/s": "GiB/s", "pages/s": "page/s", "us": "us", "ms": "ms", "s": "s", "min": "min"}
"""Units that parameters are in, and their names in the registry; what is counted has none there."""
_QUANTITY = re.compile(
    r"\s*(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
    r"(?P<unit>[A-Za-zµμ]+(?:\s*(?:/|\bper\b)\s*[A-Za-z]+)?|%)\s*"
)


class UnitError(UserError):
    """A text whose unit is none, or of another kind than asked for; the message says which."""


def read(text: str, unit: str) -> float:
    """The number of ``unit`` that a text with a unit of its own stands for; UnitError if none.

    The error has the reason where the unit is at fault, and is empty where the text is no number at all.

    >>> [read(text, "GiB") for text in ("64GiB", "1024 MiB", "64 GB")]
    [64.0, 1.0, 59.604644775390625]
    >>> read("300 MB/s", "pages/s"), read("1.25 GB/s", "Gbit/s"), read("4 cores", "cores"), read("90%", "0-1")
    (73242.1875, 10.0, 4.0, 0.9)
    """
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise UnitError(_as_decimal(text))
    number, own = float(found["number"]), found["unit"]
    if unit in (own, own + "s", own + "es"):
        return number
    if unit not in _ASKED:
        raise UnitError(f"{own!r} is not its unit")
    return _converted(number, own, unit)


_FRACTION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)\s*")


def _as_decimal(text: str) -> str:
    """How a fraction is written here; empty for what is none.

    >>> _as_decimal("1/3"), _as_decimal("1/0"), _as_decimal("fast")
    ('a fraction is written as a decimal, 0.3333', '', '')
    """
    parts = _FRACTION.fullmatch(text)
    if parts is None or not float(parts[2]):
        return ""
    return f"a fraction is written as a decimal, {float(parts[1]) / float(parts[2]):.4g}"


_SHORT = {
    "Gbit/s": {"gbe": "Gbit/s", "gige": "Gbit/s", "gig": "Gbit/s", "g": "Gbit/s", "m": "Mbit/s"},
    "GiB": {"m": "MiB", "g": "GiB", "gig": "GiB", "gigs": "GiB", "t": "TiB"},
}
"""What a unit is called in passing, by the unit asked for, and what was probably meant."""

_TIMES = {"k": 1e3, "K": 1e3, "M": 1e6}
"""What stands behind a number for its zeros."""


def _unknown(number: float, own: str, unit: str) -> UnitError:
    """What is said of a unit that is none, with the one that was probably meant."""
    meant = _SHORT.get(unit, {}).get(own.lower())
    write = f"{number:g}{meant}" if meant else f"{number * _TIMES[own]:.15g}" if own in _TIMES else ""
    hint = f"; write {write}" if write else ""
    return UnitError(f"{own!r} is no unit that it knows{hint}")


def _other_kind(number: float, own: str, unit: str) -> UnitError:
    """What is said of a unit of something else: an amount where a rate is due, and the other way round."""
    registry = _registry()
    given, into, second = registry.Unit(own), registry.Unit(_ASKED[unit]), registry.Unit("s")
    if (given / second).is_compatible_with(into):
        return UnitError(f"{own!r} is an amount, and this is a rate: write {number:g} {own}/s")
    if given.is_compatible_with(into / second):
        return UnitError(f"{own!r} is a rate, and this is an amount")
    return UnitError(f"{own!r} is a unit of something else")


def _converted(number: float, own: str, unit: str) -> float:
    registry = _registry()
    try:
        own = re.sub(r"\s*\bper\b\s*", "/", own)
        given = registry.Quantity(number, own)
        into = registry.Unit(_ASKED[unit])
    except Exception:  # pint has several for what it cannot read, and they share no base
        raise _unknown(number, own, unit) from None
    if not given.is_compatible_with(into):
        raise _other_kind(number, own, unit)
    # `64gb` is far more often a slip of the shift key than a count of bits.
    if unit in ("GiB", "MiB", "KiB", "bytes") and re.search(r"b(it|its)?$", own):
        raise UnitError(f"{own!r} is in bits, and bytes have a capital B")
    return float(given.to(into).magnitude)


@functools.cache
def _registry() -> Any:
    import pint

    registry: Any = pint.UnitRegistry(None, cache_folder=None)
    registry.load_definitions(_DEFINITIONS.strip().splitlines())
    return registry
