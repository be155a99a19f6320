"""How fast passes are made: `make bench`, or `python benchmarks/passes.py`.

All ways make the passes of the same random scenarios (memory 1 to 256 GB, working set 1 to 50 % of it, link 1
to 100 Gbit/s, dirtying 0.01 to 1.5 of the link's rate, target 10 ms to 1 s, at most 30 passes) and take
turns, so that whatever else the machine does falls on all. Told are nanoseconds a scenario and the median
over the turns of the time relative to the plain C loop of the same turn (scalar.c, gcc -O3 -march=native), on
one core unless said; memory for outcomes is taken once. C on two cores tells how far the machine itself is
from twice. The slow ones run fewer scenarios. Totals are compared first.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from analysis.model import engine
from analysis.model.dirtying import write_classes
from analysis.model.precopy import Guest, SteadyLink
from analysis.model.stop_rules import Rules
from benchmarks import record
from benchmarks.saturating import Saturating, saturating

PAGE = 4096.0
YARD = "C, gcc -O3 -march=native"
"""What all is compared with: a plain C loop."""
LIMIT = 30
Scenarios = tuple[np.ndarray, ...]
"""Memory and working set [pages], writes and link [pages/s], target [s]."""


def yardstick(rows: int, seed: int = 1) -> Scenarios:
    """Random scenarios of the published comparison."""
    draw = np.random.default_rng(seed)

    def log_uniform(low: float, high: float) -> np.ndarray:
        return np.exp(draw.uniform(math.log(low), math.log(high), rows))

    memory, rate = log_uniform(1, 256) * 2**30 / PAGE, log_uniform(1, 100) * 1e9 / 8 / PAGE
    return (
        memory,
        memory * draw.uniform(0.01, 0.5, rows),
        rate * log_uniform(0.01, 1.5),
        rate,
        log_uniform(0.01, 1),
    )


def ordered(side: int = 1000) -> Scenarios:
    """A map of line rate by dirty rate: neighbours make nearly as many passes."""
    rate = np.geomspace(1, 100, side)[:, None] * 1e9 / 8 / PAGE
    return np.float64(64 * 2**18), np.float64(8 * 2**18), np.geomspace(1e3, 3e5, side), rate, np.float64(0.3)


# --- the ways -----------------------------------------------------------------------------------


class InC:
    """The plain loop in C."""

    def __init__(self, folder: Path) -> None:
        library = folder / "scalar.so"
        source = Path(__file__).with_name("scalar.c")
        subprocess.run(
            ["gcc", "-O3", "-march=native", "-shared", "-fPIC", source, "-o", library, "-lm"], check=True
        )
        self._passes = ctypes.CDLL(str(library)).passes
        self._out: dict[int, list[np.ndarray]] = {}

    def again(self) -> InC:
        """The same with memory of its own, for another thread."""
        other = copy.copy(self)
        other._out = {}
        return other

    def __call__(self, given: Scenarios, limit: int = LIMIT) -> np.ndarray:
        """Total seconds."""
        rows = len(given[0])
        if rows not in self._out:
            self._out[rows] = [*np.zeros((3, rows)), np.zeros(rows, np.int64)]
        out = self._out[rows]
        place = [a.ctypes.data_as(ctypes.c_void_p) for a in (*given, *out)]
        self._passes(ctypes.c_int64(rows), *place[:5], ctypes.c_int64(limit), *place[5:])
        return out[0]


def halves(works: list[InC]) -> Callable:
    """C's loop on two cores, half of the rows each."""

    def run(given: Scenarios, limit: int = LIMIT) -> None:
        middle = len(given[0]) // 2
        parts = [tuple(a[at] for a in given) for at in (slice(middle), slice(middle, None))]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda work, part: work(part, limit), works, parts))

    return run


def ours(threads: int = 1) -> Callable:
    """The study's kernel."""

    kept: dict[tuple, Saturating] = {}

    def run(given: Scenarios, limit: int = LIMIT) -> np.ndarray:
        key = np.broadcast_shapes(*(np.shape(a) for a in given)), given[0].dtype
        kept[key] = saturating(*given, limit, threads, kept.get(key))
        return kept[key].total_s

    return run


def masked(given: Scenarios, limit: int = LIMIT) -> np.ndarray:
    """NumPy as one writes it first: all rows in every pass, those that go on chosen by a mask."""
    memory, working_set, writes, rate, target_s = given
    left, sent, going = memory.copy(), np.zeros_like(memory), np.ones(len(memory), bool)
    for _ in range(limit):
        sent[going] += left[going]
        left[going] = (working_set * -np.expm1(-writes * left / (rate * working_set)))[going]
        going &= left > target_s * rate
        if not going.any():
            break
    return (sent + left) / rate


def looped(given: Scenarios, limit: int = LIMIT) -> np.ndarray:
    """Plain Python, a scenario at a time."""
    totals = []
    for memory, working_set, writes, rate, target_s in zip(*(a.tolist() for a in given), strict=True):
        left, sent, number = memory, 0.0, 0
        while number == 0 or (number < limit and left > target_s * rate):
            sent, left, number = (
                sent + left,
                working_set * -math.expm1(-writes * left / (rate * working_set)),
                number + 1,
            )
        totals.append((sent + left) / rate)
    return np.array(totals)


ALL_CONDITIONS = {"target_ends_passes": True, "few_pages": 50.0, "sent_limit": 3.0}
"""What ends pre-copy in the whole model's own row, beside the target and the pass limit of the plain one."""
PRESETS = ("hyperv", "hyperv_2008r2", "xen", "qemu", "simgrid")


def full(rule: str, rows: int, seed: int = 1) -> tuple[Guest, SteadyLink, Rules]:
    """The same scenarios with hot and cold pages by a preset, by presets in turn, or by all conditions."""
    memory, working_set, writes, rate, target_s = yardstick(rows, seed)
    none = np.broadcast_to(0.0, rows)
    shape = (np.full(rows, 0.2), np.full(rows, 0.8), none)
    classes = write_classes("hotcold", writes, working_set, *shape)
    named = {"all": ["xen"], "mixed": np.resize(PRESETS, rows)}.get(rule, [rule])
    names = np.array(named, object)
    # Hyper-V's passes go on until its own limit; the others stop by their targets or pages.
    limit = np.where([name.startswith("hyperv") for name in names], np.nan, float(LIMIT))
    rules = Rules.of(names, np.broadcast_to(limit, rows), target_s * 1000)
    if rule == "all":
        rules = rules._replace(presets=(replace(rules.presets[0], **ALL_CONDITIONS),))
    return Guest(memory, none, none, classes), SteadyLink(rate, none), rules


# --- measuring ----------------------------------------------------------------------------------


def cpu(work: Callable, *given: object) -> float:
    """Processor seconds of a call."""
    begun = time.process_time()
    work(*given)
    return time.process_time() - begun


def wall(work: Callable, *given: object) -> float:
    """Seconds of a call."""
    begun = time.perf_counter()
    work(*given)
    return time.perf_counter() - begun


def in_turn(works: dict[str, Callable[[], float]], turns: int) -> dict[str, np.ndarray]:
    """Nanoseconds a scenario of every work in every turn; the first call of each is not counted."""
    for work in works.values():
        work()
    rows = [[work() for work in works.values()] for _ in range(turns)]
    return dict(zip(works, np.array(rows).T * 1e9, strict=True))


def table(found: dict[str, np.ndarray], base: str) -> list[dict]:
    """Median nanoseconds, and median, least and most of the ratios within each turn."""
    rows = []
    for name, times in found.items():
        ratio = times / found[base]
        rows.append(
            {"way": name, "ns": float(np.median(times)), "ratio": float(np.median(ratio))}
            | {"least": float(ratio.min()), "most": float(ratio.max())}
            | {"figures": {f"{name}, ns": record.figure(times, "ns"), name: record.figure(ratio)}}
        )
    return rows


def per_scenario(
    way: Callable, given: Scenarios, clock: Callable = cpu, limit: int = LIMIT
) -> Callable[[], float]:
    """A work for :func:`in_turn`: seconds a scenario."""
    rows = math.prod(np.broadcast_shapes(*(np.shape(a) for a in given)))
    return lambda: clock(way, given, limit) / rows


def compared(in_c: InC, rows: int, turns: int) -> list[dict]:
    """All ways on the yardstick."""
    given = yardstick(rows)
    single = tuple(a.astype(np.float32) for a in given)
    fewer, few = (tuple(a[:n] for a in given) for n in (rows // 10, rows // 500))
    _checked(in_c(fewer), {"compiled": ours()(fewer), "masked": masked(fewer)})
    works = {
        YARD: per_scenario(in_c, given),
        "compiled, float64": per_scenario(ours(), given),
        "compiled, float32": per_scenario(ours(), single),
        "compiled, float64, wall": per_scenario(ours(), given, wall),
        "compiled, float64, two cores, wall": per_scenario(ours(2), given, wall),
        "C, wall": per_scenario(in_c, given, wall),
        "C, two cores, wall": per_scenario(halves([in_c.again(), in_c.again()]), given, wall),
        "NumPy, masked": per_scenario(masked, fewer),
        "Python loop": per_scenario(looped, few),
    }
    return table(in_turn(works, turns), YARD)


def _checked(right: np.ndarray, found: dict[str, np.ndarray]) -> None:
    """End where totals differ: a wrong figure is quickly made."""
    for name, total in found.items():
        worst = np.abs(total / right - 1).max()
        if not worst < 1e-12:
            sys.exit(f"error: {name} differs from C by {worst:.1e} of the total")


def full_model(rows: int, turns: int) -> list[dict]:
    """The whole model, hot and cold pages, beside the plain one: all conditions at once, then the presets."""
    given = yardstick(rows)
    works = {"plain, one class": per_scenario(ours(), given)}
    passes = {"plain, one class": saturating(*given, LIMIT).passes.mean()}
    for rule in ("all", *PRESETS, "mixed"):
        tables, name = full(rule, rows), FULL_NAMES.get(rule, f"hot and cold, {rule}")
        passes[name] = engine.precopy(*tables)[0].passes.mean()
        works[name] = lambda tables=tables: cpu(engine.precopy, *tables) / rows
    times = in_turn(works, turns)
    found = [row | {"passes": float(passes[row["way"]])} for row in table(times, "plain, one class")]
    return [*found, _over_dearest(times)]


FULL_NAMES = {"all": "hot and cold, all conditions at once", "mixed": "hot and cold, presets in turn"}


def _over_dearest(times: dict[str, np.ndarray]) -> dict:
    """Presets in turn over the dearest of them alone, turn by turn."""
    alone = [times[f"hot and cold, {rule}"] for rule in PRESETS]
    mixed, dearest = times[FULL_NAMES["mixed"]], max(alone, key=np.median)
    way = "presets in turn over the dearest"
    return next(row for row in table({way: mixed, "dearest": dearest}, "dearest") if row["way"] == way)


def growth(in_c: InC, turns: int) -> list[dict]:
    """Nanoseconds a scenario by pass limit, by rows, and on an ordered grid."""
    given, works = yardstick(1_000_000), {}
    for limit in (1, 3, 10, 30, 100):
        works[f"C, {limit} passes at most"] = per_scenario(in_c, given, limit=limit)
        works[f"compiled, {limit} passes at most"] = per_scenario(ours(), given, limit=limit)
    for rows in (1_000, 10_000, 100_000, 10_000_000):
        works[f"compiled, {rows:,} rows"] = per_scenario(ours(), yardstick(rows))
    for dtype in (np.float64, np.float32):
        grid = tuple(a.astype(dtype) for a in ordered())
        passes = saturating(*grid, LIMIT).passes.mean()
        name = f"compiled, ordered grid 1000 x 1000, {np.dtype(dtype).name}, {passes:.1f} passes"
        works[name] = per_scenario(ours(), grid)
    found = in_turn(works, turns)
    return [
        {"way": name, "ns": float(np.median(times)), "figures": {f"{name}, ns": record.figure(times, "ns")}}
        for name, times in found.items()
    ]


def beside_simgrid(turns: int) -> dict:
    """Scenarios a second of SimGrid and of the compiled way on SimGrid's own kind of scenarios, in turns."""
    import simgrid

    if not simgrid.available():
        return {"missing": simgrid.missing()}
    from analysis import migrate
    from analysis.model import migration

    table_of = simgrid.scenarios(1000, 1)
    many = {name: np.tile(column, 1000) for name, column in migration.filled(table_of).items()}
    machine = migration.guest(many)
    rules = Rules.of(many["stop_rule"], many["pass_limit"], many["blackout_target_ms"])
    link = SteadyLink(migration.rates(many).pages_per_s, np.zeros(len(many["memory_gib"])))
    with tempfile.TemporaryDirectory() as folder:
        program = simgrid.build(Path(folder))
        worst = float(
            np.abs(simgrid.simulate(program, table_of)["total_s"] / migrate(table_of)["total_s"] - 1).max()
        )
        works = {
            "SimGrid": lambda: simgrid.simulate(program, table_of).attrs["seconds"] / len(table_of),
            "compiled": lambda: cpu(engine.precopy, machine, link, rules) / len(machine.content),
        }
        found = in_turn(works, turns)
    return {
        "largest_relative_difference_of_total": worst,
        "simgrid_per_s": float(1e9 / np.median(found["SimGrid"])),
        "compiled_per_s": float(1e9 / np.median(found["compiled"])),
        "ratio": float(np.median(found["SimGrid"] / found["compiled"])),
        "figures": {"compiled over SimGrid": record.figure(found["compiled"] / found["SimGrid"])},
    }


def lines(rows: list[dict]) -> str:
    """A table as text."""
    text = []
    for row in rows:
        spread = f"{row['ratio']:9.3f} ({row['least']:.3f} to {row['most']:.3f})" if "ratio" in row else ""
        if "passes" in row:
            spread += f", {row['passes']:.2f} passes, {row['ns'] / row['passes']:.1f} ns each"
        text.append(f"  {row['way']:38}{row['ns']:10.1f}{spread}")
    return "\n".join(text)


def taken_out(figures: dict) -> dict[str, dict]:
    """The figures that are recorded, by name, taken out of what is shown."""
    kept: dict[str, dict] = {}
    for part in figures.values():
        for row in part if isinstance(part, list) else [part]:
            kept |= row.pop("figures", {})
    return kept


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--only", choices=("yardstick", "full_model", "growth", "simgrid"))
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    record.arguments(parser)
    asked = parser.parse_args()
    if not shutil.which("gcc"):
        sys.exit("error: the C loop that all is compared with needs gcc")
    with tempfile.TemporaryDirectory() as folder:
        in_c = InC(Path(folder))
        figures = {
            name: part()
            for name, part in {
                "yardstick": lambda: compared(in_c, asked.rows, asked.turns),
                "full_model": lambda: full_model(asked.rows // 5, asked.turns),
                "growth": lambda: growth(in_c, asked.turns),
                "simgrid": lambda: beside_simgrid(asked.turns),
            }.items()
            if asked.only in (None, name)
        }
    kept = taken_out(figures)
    if asked.json:
        print(json.dumps(figures, indent=1))
        record.finish("passes", kept, asked)
        return
    heads = {
        "yardstick": "Random scenarios: ns each, time relative to C (least to most)",
        "full_model": "The whole model: ns each, time relative to the plain one",
        "growth": "How the cost grows: ns each",
    }
    for key, head in heads.items():
        if key in figures:
            print(f"{head}\n{lines(figures[key])}\n")
    if "simgrid" in figures:
        print("SimGrid:", json.dumps(figures["simgrid"]))
    record.finish("passes", kept, asked)


if __name__ == "__main__":
    main()
