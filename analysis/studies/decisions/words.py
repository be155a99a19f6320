"""Parameters and their values in a sentence."""

from __future__ import annotations

from analysis.parameters import PARAMETERS, label


def words(name: str) -> str:
    """A parameter or outcome in a sentence: ``receive buffers``, ``total time``; nothing of nothing."""
    return _WORDS.get(name) or label(name).partition(" [")[0] if name else ""


_WORDS = {"total_s": "total time", "bandwidth_gbps": "line rate", "dirty_pages_per_s": "page writes"}
_WORDS |= {
    "mtu_bytes": "packet size",
    "receive_delay_us": "the processor's delay",
    "state_mib": "machine state",
}
_WORDS |= {"stream_limit_gbps": "a connection's core", "handoff_ms": "hand-off", "setup_s": "set-up"}
_WORDS |= {"resident_share": "share with content", "compress_gib_per_s_per_core": "a core's compression"}


def value(name: str, number: float) -> str:
    """A value with its unit, to four digits; a share in per cent.

    >>> value("bandwidth_gbps", 12.34567), value("resident_share", 0.9), value("streams", 1)
    ('12.35 Gbit/s', '90 %', '1 connection')
    """
    if PARAMETERS[name].unit == "0-1":
        return f"{100 * number:.4g} %"
    unit = PARAMETERS[name].unit
    return f"{number:,.4g} {noun_for(number, unit, unit)}".rstrip()


def noun_for(number: float, noun: str, unit: str) -> str:
    """What stands behind a number: one thing where a thing that is counted is there once."""
    return noun.removesuffix("s") if number == 1 and unit in COUNTED else noun


COUNTED = ("descriptors", "cores", "queues", "connections", "adapters")
"""Units of parameters that are counted: their names say what is."""
