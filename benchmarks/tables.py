"""The tables of docs/measured.md, from what benchmarks recorded (benchmarks/measured/NAME.json).

`python -m tests.documents` writes them; a test holds page and record equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import record

Figures = Mapping[str, Mapping[str, Any]]

YARD = "C, gcc -O3 -march=native"
PASSES = {
    "a plain C loop, `gcc -O3 -march=native`": YARD,
    "the compiled kernel, double precision": "compiled, float64",
    "the compiled kernel, single precision": "compiled, float32",
    "the compiled kernel, double precision, two cores (wall)": "compiled, float64, two cores, wall",
    "the plain C loop on two cores (wall)": "C, two cores, wall",
    "NumPy with masks, as one writes it first": "NumPy, masked",
    "a Python loop": "Python loop",
}


def passes(figures: Figures) -> list[str]:
    """Nanoseconds a scenario, and the time over that of C."""
    rows = ["| passes made by | ns | over C | least to most |", "|---|---|---|---|"]
    for said, name in PASSES.items():
        ns, ratio = figures[f"{name}, ns"], figures[name]
        rows.append(f"| {said} | {_short(ns['median'])} | {ratio['median']:.2g} | {_ends(ratio)} |")
    return rows


def sweep(figures: Figures) -> list[str]:
    """Millions of rows a second, and what reductions leave of them."""
    rows = ["| sweep | million rows a second | with three reductions | over without | least to most |"]
    rows.append("|---|---|---|---|---|")
    for kind in ("random", "grid"):
        plain, reduced, ratio = (
            figures[f"{kind}{name}"]
            for name in (
                " without, rows a second",
                " with three reductions, rows a second",
                ", rate with three reductions over without",
            )
        )
        rates = " | ".join(f"{one['median'] / 1e6:.2g}" for one in (plain, reduced))
        rows.append(f"| {kind} | {rates} | {ratio['median']:.2g} | {_ends(ratio)} |")
    return rows


def hosts(figures: Figures) -> list[str]:
    """Seconds and memory of calibrations, and what a drawn prediction costs."""
    rows = ["| | seconds | of the processors | most memory |", "|---|---|---|---|"]
    for count in ("1,000", "5,000"):
        wall, cpu, mib = (
            figures[f"calibrate {count} rows, {key}"]["median"] for key in ("wall", "cpu", "mib")
        )
        rows.append(f"| `calibrate` of {count} rows | {wall:.2g} | {cpu:.2g} | {mib:.0f} MiB |")
    (name,) = (name for name in figures if name.startswith("predictions"))
    ratio = figures[name]
    return [*rows, "", f"{name[0].upper()}{name[1:]}: {ratio['median']:.2f} times ({_ends(ratio)})."]


def _short(value: float) -> str:
    """Three digits, or a whole number."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ends(one: Mapping[str, Any]) -> str:
    return f"{one['least']:.2g} to {one['most']:.2g}"


TABLES: dict[str, Callable[[Figures], list[str]]] = {"passes": passes, "sweep": sweep, "hosts": hosts}


def shown(name: str) -> str:
    """What stands on a page between the marks of a benchmark."""
    kept = record.read(record.KEPT / f"{name}.json")
    where = (
        f"{kept['machine']['processor']}; {kept['machine']['cores']} cores, load {kept['machine']['load']}"
    )
    head = f"{kept['date']}, commit {kept['commit']}: {where}."
    return "\n".join([head, "", *TABLES[name](kept["figures"])]) + "\n"
