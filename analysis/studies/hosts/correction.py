r"""A learned correction on top of the mechanism: zero where there are no data, never below the work.

What the calibrated model still gets wrong on a host, as a function of what the mechanism says of a migration
and of a few inputs: a Gaussian process (:mod:`.gaussian`) on the logarithm of measured over predicted. Far
from every migration it was trained on, its factor is 1, so the mechanism stays the answer there. A total
never falls below what sending the content once at the link's rate takes. Where the mechanism says *never*
and migrations like that one did end, the answer is theirs.

It is stored as text, one line for each of at most :data:`~analysis.studies.hosts.gaussian.CENTRES` centres,
so a host file with a correction can still be read.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.arrays import Floats
from analysis.errors import UserError
from analysis.model.migration import content_pages, filled, migrate, parameters_in, rates
from analysis.model.units import PAGES_PER_GIB
from analysis.studies.hosts import gaussian
from analysis.studies.hosts.gaussian import Function, Labels, Process
from analysis.studies.hosts.host import Host

SMOOTH = {
    "writes": 1.0,
    "log_writes": 2.0,
    "content": 2.0,
    "dirty": 4.0,
    "rate": 4.0,
    "working_set": 4.0,
    "target": 4.0,
    "stretch": 1.5,
    "pause": 4.0,
    "first_rest": 2.0,
}
"""Inputs, and the length of each at which tuning starts, in units of its spread."""
FINE = SMOOTH | {"writes": 0.7, "log_writes": 3.0, "stretch": 2.0, "pause": 8.0}
TOLD_APART = {"content": 0.02, "dirty": 0.05}
"""Guests of one label that differ by more than about this [log] may run different programs."""
QUIET = 500.0
"""Page writes per second that are few: below them programs are not told apart."""
FEATURES = tuple(SMOOTH)
UNTRIED = 0.25
"""Spread of an input that does not vary among the rows: a few of it away, nothing is known."""
FLOOR_S = 0.002
"""Added to both durations before their ratio is taken: shorter than this is noise of the clock."""
LONGEST = 6.0
"""A prediction of more than so many times the work is taken for that: it says no more than "far off"."""
STRETCHED = 20.0
"""Nor does an input tell more beyond so many times the work."""
KNOWN = 0.25
"""Nearness to a centre from which what migrations did outweighs that the mechanism calls them endless."""


FARTHEST = 20.0
"""Logarithm of a factor beyond any that was ever learnt: what a file that was tampered with may claim."""
CORRECTED = ("total_s", "blackout_s", "brownout_s")
"""Durations that a correction may be on."""


def work_s(scenarios: pd.DataFrame) -> Floats:
    """Least time [s]: the guest's content sent once at the rate of the link."""
    p = filled(parameters_in(scenarios))
    work: Floats = content_pages(p) / np.minimum(rates(p).pages_per_s, 1e12)
    return work


def features(scenarios: pd.DataFrame) -> pd.DataFrame:
    """What a correction looks at, one row a scenario; all finite.

    Writes over the link's rate, plainly and as logarithm; logarithms of content, writes, rate, working set
    over content, target; and what the mechanism says: how much longer than the work, the pause, and how
    long the pages written during the first pass take.
    """
    p = filled(parameters_in(scenarios))
    said = migrate(parameters_in(scenarios))
    rate = np.minimum(rates(p).pages_per_s, 1e12)
    content = np.maximum(content_pages(p), 1.0)
    writes, work = p["dirty_pages_per_s"] / rate, content / rate
    stretch = said.total_s.to_numpy() / work
    columns = {
        "writes": np.minimum(writes, 5.0),
        "log_writes": np.log(writes + 0.01),
        "content": np.log(content),
        "dirty": np.log(p["dirty_pages_per_s"] + QUIET),
        "rate": np.log(rate),
        "working_set": np.log(p["working_set_gib"] * PAGES_PER_GIB / content + 1e-3),
        "target": np.log(np.nan_to_num(p["blackout_target_ms"], nan=300.0) + 1.0),
        "stretch": np.log(np.clip(stretch, 1e-3, STRETCHED)),
        "pause": np.log(np.minimum(said.blackout_s.to_numpy(), 60.0) + 0.005),
        "first_rest": np.log(np.minimum(writes, 5.0) * work + 0.02),
    }
    return pd.DataFrame(columns, index=scenarios.index)


def learn(
    scenarios: pd.DataFrame,
    predicted: pd.DataFrame,
    measured: dict[str, pd.Series],
    label: str = "",
    seed: int = 0,
) -> dict[str, Any]:
    """Learn a correction: one Gaussian process for each outcome in ``measured``, on the same centres.

    ``scenarios``: those on the host (``host.apply``). ``predicted``: what the first stage predicts for them.
    ``label`` names a column of ``scenarios`` that says what kind of workload a row is. Returns what a
    host file stores under ``correction``. Migrations far off the others count little.
    """
    return taught(scenarios, predicted, measured, label, seed).stored


class Taught(NamedTuple):
    """A correction as a host file stores it, and its processes by outcome."""

    stored: dict[str, Any]
    processes: dict[str, Process]


def taught(
    scenarios: pd.DataFrame,
    predicted: pd.DataFrame,
    measured: dict[str, pd.Series],
    label: str = "",
    seed: int = 0,
    like: Taught | None = None,
) -> Taught:
    """As :func:`learn`; with the inputs' scale, lengths and sizes of a correction that it is ``like``.

    So one learns quickly what some of the rows teach, where all of them have told how smooth it is.
    """
    x = features(scenarios)
    centre, spread = _scale(x, like)
    inputs = _scaled(x, centre, spread)
    labels = _labels(scenarios, label)
    chosen = _centres(x, np.random.default_rng(seed))
    starts = _starts(FEATURES, spread)
    work = work_s(scenarios)
    stored: dict[str, Any] = {"label": label, "centre": centre.to_dict(), "spread": spread.to_dict()}
    stored |= {"points": [_text(row, 7) for row in inputs[chosen]], "labels": labels[chosen].tolist()}
    processes = {}
    for name, values in measured.items():
        y = _log_ratio(_shortened(name, predicted[name], work), values.to_numpy(float))
        regime, tuned = x["writes"].to_numpy(), like.processes[name] if like else None
        processes[name] = gaussian.learn(inputs, labels, y, regime, starts, chosen, tuned)
    written = {name: _written(process) for name, process in processes.items()}
    return Taught(stored | {"outcomes": written}, processes)


def _scale(x: pd.DataFrame, like: Taught | None) -> tuple[pd.Series, pd.Series]:
    """What inputs are counted from and in units of: their own mean and spread, or another's."""
    if like:
        return pd.Series(like.stored["centre"]), pd.Series(like.stored["spread"])
    spread = x.std().fillna(0.0)
    return x.mean(), spread.where(spread > 1e-6, UNTRIED)


def corrections(host: Host, scenarios: pd.DataFrame) -> pd.DataFrame:
    """Factor for each outcome of the host's correction, one row a scenario; 1 far from all data.

    ``scenarios`` are those on the host (``host.apply``): what the first stage computes with. A factor is on
    the mechanism's duration, or on :data:`LONGEST` times the work where that is less.
    """
    return _means(host, scenarios)[0]


class Said(NamedTuple):
    """What a second stage says of scenarios: factors, and nearness to what was seen, by outcome; the work."""

    factors: pd.DataFrame
    near: pd.DataFrame
    work: Floats


def said(host: Host, scenarios: pd.DataFrame) -> Said:
    """What the host's second stage says of scenarios, those on the host; of no outcome where it has none."""
    factors, near = _means(host, scenarios)
    return Said(factors, near, work_s(scenarios) if len(factors.columns) else np.zeros(len(scenarios)))


def corrected(
    outcomes: pd.DataFrame, host: Host, scenarios: pd.DataFrame, draws: int = 1, second: Said | None = None
) -> pd.DataFrame:
    """Outcomes with the second stage's durations, where the host has one.

    ``outcomes``: the mechanism's, each of ``scenarios`` (on the host) ``draws`` times. ``second``: what is
    :func:`said` of these, where that is known already. Total, blackout and
    brownout stay consistent: a total is at least the work (or the mechanism's, if that is less) and its
    blackout. An endless migration becomes one that ends where enough like it were seen to end.
    """
    factors, near, work = second or said(host, scenarios)
    if not len(factors.columns):
        return outcomes
    work = work.repeat(draws)
    found = {}
    for name in map(str, factors):
        factor = factors[name].to_numpy().repeat(draws)
        seen = near[name].to_numpy().repeat(draws)
        found[name] = _moved(name, outcomes[name].to_numpy(), work, factor, seen)
    return _consistent(outcomes, found)


def _moved(name: str, said: Floats, work: Floats, factor: Floats, seen: Floats) -> Floats:
    """A duration of the mechanism after correction.

    Beyond :data:`LONGEST` times the work it is drawn towards that as far as there are data (``seen``).
    """
    short = _shortened(name, said, work)
    with np.errstate(invalid="ignore"):
        base = np.where(np.isfinite(said), said ** (1 - seen) * short**seen, short)
    moved = np.maximum((base + FLOOR_S) * factor - FLOOR_S, 0.0)
    if name == "total_s":
        moved = np.maximum(moved, np.minimum(work, said))
    return np.where(np.isfinite(said) | (seen >= KNOWN), moved, said)


def _consistent(outcomes: pd.DataFrame, found: dict[str, Floats]) -> pd.DataFrame:
    """Outcomes with new durations, brownout as the rest of the total, and endless ones that now end."""
    set_up = (outcomes.total_s - outcomes.brownout_s - outcomes.blackout_s).fillna(0.0)
    blackout = found.get("blackout_s", outcomes.blackout_s.to_numpy())
    total = found.get("total_s", outcomes.total_s.to_numpy())
    ended = np.isfinite(total) & ~np.isfinite(outcomes.total_s.to_numpy())
    total = np.maximum(total, blackout)
    with np.errstate(invalid="ignore"):
        brownout = np.where(np.isfinite(total), np.maximum(total - blackout - set_up, 0.0), np.inf)
    reason = outcomes.stop_reason.mask(ended, "target_met")
    return outcomes.assign(total_s=total, blackout_s=blackout, brownout_s=brownout, stop_reason=reason)


def _means(host: Host, scenarios: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Factors, and nearness to what was seen, for each outcome of the host's correction."""
    stored = host.correction or {"outcomes": {}}
    factors, near = (pd.DataFrame(index=scenarios.index) for _ in range(2))
    if not stored["outcomes"]:
        return factors, near
    if set(stored["centre"]) != set(FEATURES) or "points" not in stored:
        raise UserError(f"the correction of host {host.name} is of another version; calibrate it again")
    inputs = _scaled(features(scenarios), pd.Series(stored["centre"]), pd.Series(stored["spread"]))
    labels = _labels(scenarios, stored["label"])
    for name, one in stored["outcomes"].items():
        mean, close = _sound(host, stored, name, one).mean_and_nearness(inputs, labels)
        factors[name], near[name] = np.exp(np.clip(mean, -FARTHEST, FARTHEST)), close
    return factors, near


def _scaled(x: pd.DataFrame, centre: pd.Series, spread: pd.Series) -> Floats:
    """Inputs in units of their spread, to the four places that a host file keeps."""
    scaled: Floats = ((x - centre) / spread)[list(FEATURES)].to_numpy(float)
    return np.round(scaled, 4)


def _starts(names: tuple[str, ...], spread: pd.Series) -> tuple[Floats, Floats]:
    """Lengths at which tuning starts, of the smooth functions and of the fine one."""
    fine = FINE | {name: apart / spread[name] for name, apart in TOLD_APART.items()}
    return np.array([SMOOTH[n] for n in names]), np.array([fine[n] for n in names])


def _centres(x: pd.DataFrame, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows that become centres, in random order: more of them near the link's limit, where more happens."""
    weight = np.sqrt(np.minimum(x["writes"].to_numpy(), 1.5) + 0.05)
    count = min(len(x), gaussian.CENTRES)
    return rng.choice(len(x), count, replace=False, p=weight / weight.sum())


def _labels(scenarios: pd.DataFrame, label: str) -> Labels:
    return scenarios[label].astype(str).to_numpy(str) if label in scenarios else np.full(len(scenarios), "")


def _shortened(name: str, said: pd.Series | Floats, work: Floats) -> Floats:
    """A predicted duration; a total is no longer than :data:`LONGEST` times the work, a pause than it."""
    most = LONGEST * work if name == "total_s" else np.maximum(work, 1.0)
    short: Floats = np.minimum(np.asarray(said, float), most)
    return short


def _log_ratio(predicted: Floats, measured: Floats) -> Floats:
    """Logarithm of measured over predicted; 0 where either is unknown."""
    y = np.log((measured + FLOOR_S) / (predicted + FLOOR_S))
    return np.where(np.isfinite(y), y, 0.0)


def _text(numbers: Floats, digits: int) -> str:
    return " ".join(f"{v:.{digits}g}" for v in numbers)


def _written(process: Process) -> dict[str, Any]:
    """A process as text, without its centres."""
    functions = [{"size": float(f"{f.size:.6g}"), "lengths": _text(f.lengths, 6)} for f in process.functions]
    return {"functions": functions, "weights": _text(process.weights, 9)}


def _sound(host: Host, stored: dict[str, Any], name: str, one: dict[str, Any]) -> Process:
    """The process of one outcome; UserError where what a host file keeps of it is damaged."""
    try:
        process = _read(stored, one)
    except (KeyError, TypeError, ValueError, AttributeError):
        process = None
    if process is None or name not in CORRECTED or not _fits(process):
        raise UserError(f"the correction of host {host.name} is damaged, at {name}; calibrate it again")
    return process


def _fits(process: Process) -> bool:
    """Whether all numbers of a process are there and finite, its lengths above 0."""
    centres, inputs = process.points.shape if process.points.ndim == 2 else (0, 0)
    lengths = [np.asarray(f.lengths) for f in process.functions]
    finite = [process.points, process.weights, *lengths, np.array([f.size for f in process.functions], float)]
    sizes = inputs == len(FEATURES) and len(process.labels) == len(process.weights) == centres > 0
    whole = sizes and len(lengths) == 3 and all(len(one) == inputs and (one > 0).all() for one in lengths)
    whole = whole and any(f.size for f in process.functions)
    return whole and all(bool(np.isfinite(part).all()) for part in finite)


def _read(stored: dict[str, Any], one: dict[str, Any]) -> Process:
    functions = tuple(Function(_numbers(f["lengths"]), f["size"]) for f in one["functions"])
    points = np.array([_numbers(line) for line in stored["points"]])
    return Process(functions, points, np.array(stored["labels"], str), _numbers(one["weights"]))


def _numbers(text: str) -> Floats:
    return np.array(text.split(), float)
