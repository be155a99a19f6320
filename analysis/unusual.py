"""Values that are allowed and yet hardly meant: a word on them, which stops nothing.

A link of 1,000 Gbit/s is one of 1,000 Mbit/s far more often than the fastest there is, and `64,5` is one
number to half of Europe. Each remark is one sentence that names the parameter, the value and what is usual.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.parameters import PARAMETERS, shown


@dataclass(frozen=True)
class Usual:
    """The values that real hosts have, and the unit a number beyond them may be in (``factor`` of ours)."""

    low: float
    high: float
    other: str = ""
    factor: float = 1.0


USUAL: Mapping[str, Usual] = {
    "memory_gib": Usual(0.125, 24_576, "MiB", 1 / 1024),
    "working_set_gib": Usual(0, 24_576, "MiB", 1 / 1024),
    "dirty_pages_per_s": Usual(0, 2e7, "bytes/s", 1 / 4096),
    "idle_dirty_pages_per_s": Usual(0, 1e6, "bytes/s", 1 / 4096),
    "bandwidth_gbps": Usual(0.05, 800, "Mbit/s", 1e-3),
    "stream_limit_gbps": Usual(0.05, 800, "Mbit/s", 1e-3),
    "round_trip_ms": Usual(0, 400, "us", 1e-3),
    "blackout_target_ms": Usual(1, 60_000, "s", 1e3),
    "background_burst_s": Usual(0.001, 3600, "ms", 1e-3),
    "compression_ratio": Usual(1, 20),
    "compress_gib_per_s_per_core": Usual(0.005, 20, "MiB/s", 1 / 1024),
    "spare_cores": Usual(0, 512),
    "receive_delay_us": Usual(0, 100_000, "ns", 1e-3),
    "interrupt_moderation_us": Usual(0, 10_000, "ns", 1e-3),
    "state_mib": Usual(0, 4096, "KiB", 1 / 1024),
    "handoff_ms": Usual(0, 30_000, "us", 1e-3),
    "setup_s": Usual(0, 600, "ms", 1e-3),
}
"""Wide on purpose: from the slowest links of the laboratory to a few times what is sold today. Zero, where it
is allowed, is the limit case and no slip; so is an endless link."""


def remarks(given: Mapping[str, Any]) -> list[str]:
    """A sentence for each parameter of which some value is unusual; values may be lists, arrays or texts."""
    found = [_remark(name, value) for name, values in given.items() for value in _first(name, values)]
    return found + _beyond_memory(given) + _on_a_dedicated_network(given)


def _first(name: str, values: Any) -> list[float]:
    """The first unusual number among some checked values."""
    usual = USUAL.get(name)
    if usual is None:
        return []
    numbers = PARAMETERS[name].check(values).ravel().astype(float)
    odd = (numbers < usual.low) | (numbers > usual.high)
    return [float(value) for value in numbers[odd & np.isfinite(numbers) & (numbers != 0)][:1]]


def _remark(name: str, value: float) -> str:
    usual, unit = USUAL[name], f" {PARAMETERS[name].unit}".rstrip()
    meant = value * usual.factor
    asked = ""
    if usual.other and usual.low <= meant <= usual.high:
        asked = f"; if {value:.6g} {usual.other} was meant, that is {meant:.4g}{unit}"
    within = f"{usual.low:.6g} to {usual.high:.6g}{unit}"
    return f"{name} = {shown(value)}{unit} is allowed but unusual: real hosts have {within}{asked}"


def _beyond_memory(given: Mapping[str, Any]) -> list[str]:
    """A working set of more than the machine's memory is cut to it."""
    if not {"working_set_gib", "memory_gib"} <= set(given):
        return []
    least = PARAMETERS["working_set_gib"].check(given["working_set_gib"]).min()
    most = PARAMETERS["memory_gib"].check(given["memory_gib"]).max()
    told = f"working_set_gib = {least:g} GiB is more than memory_gib = {most:g}: all of the memory is taken"
    return [told] if least > most else []


def _on_a_dedicated_network(given: Mapping[str, Any]) -> list[str]:
    """Other traffic takes its share only of a network that is shared.

    A table that has both at their defaults, as notebooks have, asks for nothing.
    """
    share = PARAMETERS["background_share"]
    shares = share.check(given.get("background_share", 0.0)).ravel()
    networks = np.ravel(np.asarray(given.get("network", ()), dtype=object))
    asked = shares[(shares > 0) & ((shares != share.default) | (len(networks) == 0))]
    if not len(asked) or "shared" in networks:
        return []
    told = f"background_share = {shown(float(asked[0]))} does nothing on a dedicated network"
    return [f"{told}; other traffic counts with network = shared"]


_DECIMAL_UNIT = re.compile(r"[\d.eE+-]+\s*[kKMGT]B")


def read_as(texts: Mapping[str, str | None]) -> list[str]:
    """Remarks on how texts of the command line were read: a decimal comma, GB for what is counted in GiB."""
    found = []
    for name, text in texts.items():
        if text is not None and is_decimal_comma(text):
            first, second = text.strip().split(",")
            told = f"{name} = {text.strip()!r} was read as two values, {first} and {second}"
            found.append(f"{told}; decimals take a point: {first.replace('.', '')}.{second}")
        found += [told for part in (text or "").split(",") for told in in_powers_of_ten(name, part)]
    return found


def in_powers_of_ten(name: str, text: str) -> list[str]:
    """A remark on a number in GB, MB or kB where what is counted in GiB is asked for; none for any other."""
    return [_powers_of_ten(name, text.strip())] if name in PARAMETERS and _in_ten(name, text) else []


def _in_ten(name: str, part: str) -> bool:
    return PARAMETERS[name].unit in ("GiB", "MiB", "KiB") and bool(_DECIMAL_UNIT.fullmatch(part.strip()))


def _powers_of_ten(name: str, part: str) -> str:
    parameter = PARAMETERS[name]
    told = f"{name} = {part!r} was read in powers of ten and is {parameter.check(part).item():.5g}"
    return f"{told} {parameter.unit}; what Windows calls a GB is a GiB"


def is_decimal_comma(text: str) -> bool:
    """True for a text that is rather one number with a decimal comma than a list of two.

    Lists are written in ascending order and mostly of round steps: `1,10` and `10,25` are such.

    >>> [is_decimal_comma(text) for text in ("64,5", "2,5", "0,75", "1,10", "10,25", "1, 5", "1,2,3")]
    [True, True, True, False, False, False, False]
    >>> is_decimal_comma("1.024,5")
    True
    """
    if re.fullmatch(r"\s*\d{1,3}(\.\d{3})+,\d+\s*", text):
        return True
    parts = re.fullmatch(r"\s*(\d+),(\d{1,3})\s*", text)
    if parts is None:
        return False
    first, second = int(parts[1]), int(parts[2])
    return second < first or first == 0 or (len(parts[2]) == 1 and second > 0)


def lines(remarks: Iterable[str]) -> list[str]:
    """Remarks as they are written to standard error."""
    return [f"note: {remark}" for remark in remarks]
