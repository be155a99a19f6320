r"""Which parameter an outcome hangs on: Sobol indices over ranges, with intervals.

The variance of an outcome Y over independent parameters X is taken apart (Sobol' 1993):

.. math:: S_i = \frac{V[E(Y | X_i)]}{V[Y]}, \qquad S_{Ti} = 1 - \frac{V[E(Y | X_{\sim i})]}{V[Y]}

The first-order index is the share of the variance that a parameter makes by itself, the total one the share
in which it has any part. They are estimated by SciPy (``scipy.stats.sobol_indices``, Saltelli 2010) on a
scrambled Sobol' sequence; their 90 % intervals come from a bootstrap over its points. These points fill the
space more evenly than chance, which a bootstrap does not see: the intervals are rather too wide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import stats

from analysis.arrays import Columns, Floats
from analysis.errors import UserError
from analysis.model.engine import Way, cores, way_for
from analysis.model.migration import evaluate
from analysis.parameters import PARAMETERS, check, defaults
from analysis.ranges import TYPICAL, typical
from analysis.studies.hosts.host import on
from analysis.studies.sweeps import designs
from analysis.studies.sweeps.designs import Axis, Design

OUTCOMES = ("brownout_s", "blackout_s", "total_s")
"""Outcomes that are analysed."""
SAMPLES = 4096
"""Points of the sequence: as many scenarios for each parameter, and twice as many besides."""
RESAMPLES = 200
LEVEL = 0.90
AT_ONCE = 20
BLOCKS = 4096
"""What is resampled at the most: of more points, blocks of neighbours in the sequence."""
CHUNK = 32_768
"""Scenarios evaluated together."""
SCALES = ("linear", "log")
LEAST_S = 1e-3
"""Added before the logarithm of a time is taken: what is shorter is nothing to anybody."""

Function: TypeAlias = Callable[[Floats], Floats]
"""Takes points of the unit cube, shape (parameters, points), and gives outcomes, shape (outcomes, points)."""
Pages: TypeAlias = tuple[Floats, Floats, Floats]
"""Outcomes at the first points and at the second, shape (outcomes, points), and at the first with one
parameter after the other from the second, shape (parameters, outcomes, points)."""


@dataclass(frozen=True)
class Sensitivity:
    """Sobol indices of a model over ranges.

    ``indices``: a row for each outcome and parameter: ``outcome``, ``parameter``, ``first``, ``first_low``,
    ``first_high``, ``total``, ``total_low``, ``total_high``, the largest total index of an outcome first.
    ``endless_share``: share of the scenarios that never end and count as long as the longest that does.
    ``base``: the scenario that the ranges lie around.
    """

    design: Design
    base: Mapping[str, Any]
    indices: pd.DataFrame
    samples: int
    seed: int
    scale: str
    evaluations: int
    endless_share: float

    def of(self, outcome: str) -> pd.DataFrame:
        """The indices of one outcome, a row a parameter."""
        return self.indices[self.indices.outcome == outcome].reset_index(drop=True)


def indices(
    function: Function, names: Sequence[str], outcomes: Sequence[str], samples: int = SAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Sobol indices of any function of the unit cube, as :class:`Sensitivity` has them.

    ``samples``: a power of two. The function is called ``len(names) + 2`` times with so many points each.
    """
    return _table(_pages(function, len(names), samples, seed), names, outcomes, seed)


def _pages(function: Function, parameters: int, samples: int, seed: int) -> Pages:
    """The function at all points that the estimator asks for."""
    if samples < 16 or samples & (samples - 1):
        near = 2 ** max(4, round(np.log2(max(samples, 1))))
        told = f"samples = {samples} is not allowed: it takes a power of two from 16 on"
        raise UserError(f"{told}; the nearest is {near}")
    points = stats.qmc.Sobol(2 * parameters, rng=np.random.default_rng(seed), bits=64).random(samples).T
    first, second = points[:parameters], points[parameters:]
    mixed = [_evaluated(function, _exchanged(first, second, i)) for i in range(parameters)]
    return _evaluated(function, first), _evaluated(function, second), np.stack(mixed)


def _evaluated(function: Function, points: Floats) -> Floats:
    """Outcomes of points; a single one twice, since SciPy does not take one alone of one parameter."""
    found = np.atleast_2d(function(points))
    return np.vstack([found, found]) if len(found) == 1 else found


def _exchanged(first: Floats, second: Floats, i: int) -> Floats:
    """The first points with one parameter from the second."""
    points = first.copy()
    points[i] = second[i]
    return points


def _table(pages: Pages, names: Sequence[str], outcomes: Sequence[str], seed: int) -> pd.DataFrame:
    """Estimates and intervals as a table; pages are centred first, which spares the estimator digits."""
    mean = np.mean(pages[:2], axis=(0, 2))[:, None]
    f_a, f_b, f_ab = (page - mean for page in pages)
    middle, ends = _estimated(f_a, f_b, f_ab), _bootstrap(f_a, f_b, f_ab, seed)
    rows = []
    for j, outcome in enumerate(outcomes):
        for i in np.argsort(-middle[1, j], kind="stable"):
            row: dict[str, Any] = {"outcome": outcome, "parameter": names[i]}
            for k, order in enumerate(("first", "total")):
                low, high = ends[:, k, j, i]
                row |= {order: middle[k, j, i], f"{order}_low": low, f"{order}_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def _estimated(f_a: Floats, f_b: Floats, f_ab: Floats) -> Floats:
    """SciPy's estimates, shape (2, outcomes, parameters): of first and of total order."""
    shape = len(f_a), len(f_ab)
    # Its types know functions only; what it does with values at hand is documented.
    given: Any = {"f_A": f_a, "f_B": f_b, "f_AB": f_ab}
    found = stats.sobol_indices(func=given, n=f_a.shape[1])
    return np.stack([found.first_order.reshape(shape), found.total_order.reshape(shape)])


def _bootstrap(f_a: Floats, f_b: Floats, f_ab: Floats, seed: int) -> Floats:
    """Lower and upper ends of the 90 % intervals: the same formulas on resampled points.

    All sums of a resample are linear in how often each point is drawn: resamples are products of matrices.
    """
    (outcomes, points), parameters = f_a.shape, len(f_ab)
    parts = [f_b * (f_ab - f_a), 0.5 * (f_a - f_ab) ** 2]
    both = np.concatenate([part.reshape(-1, points) for part in parts])
    moments = np.concatenate([both, (f_a + f_b) / 2, (f_a**2 + f_b**2) / 2])
    moments = moments.reshape(len(moments), min(points, BLOCKS), -1).mean(axis=2)
    rng = np.random.default_rng([seed, 1])
    means = np.concatenate([_resampled(moments, rng) for _ in range(0, RESAMPLES, AT_ONCE)], axis=0)
    middle, square = np.split(means[:, len(both) :], 2, axis=1)
    shares = means[:, : len(both)].reshape(-1, 2, parameters, outcomes)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.nan_to_num(shares / (square - middle**2)[:, None, None], posinf=0.0, neginf=0.0)
    ends: Floats = np.quantile(found.swapaxes(2, 3), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return ends


def _resampled(moments: Floats, rng: np.random.Generator) -> Floats:
    """Means of moments over :data:`AT_ONCE` resamples of their points, a row a resample."""
    points = moments.shape[1]
    drawn = [np.bincount(rng.integers(points, size=points), minlength=points) for _ in range(AT_ONCE)]
    means: Floats = np.array(drawn, float) @ moments.T / points
    return means


# --- the model over ranges ------------------------------------------------------------------------


def sensitivity(
    scenario: Mapping[str, Any] | None = None,
    axes: Sequence[Axis] = (),
    *,
    design: Design | None = None,
    host_file: str | Path = "",
    preset: str = "",
    workload: str = "",
    samples: int = SAMPLES,
    seed: int = 0,
    scale: str = "linear",
) -> Sensitivity:
    """Which parameters brownout, blackout and total time hang on, over ranges around a scenario.

    Parameters
    ----------
    scenario
        What is known, by name; the rest is the host's, the preset's, or the default.
    axes
        Parameters that vary (:func:`axis`). With none, and no design, all those of
        :data:`analysis.ranges.TYPICAL` that act in the scenario and are not given in it.
    design
        A design of ``sweep``: its axes vary, and its constants hold where the scenario says nothing else.
    workload
        One that the calibrated host tells apart.
    scale
        ``linear``: shares of the variance of seconds; ``log``: of that of their logarithms, which asks what
        makes times longer by a factor and is not ruled by the few longest.

    Raises UserError for an unknown scale, samples that are no power of two, nothing that varies, and where
    no scenario ends.
    """
    if scale not in SCALES:
        raise UserError(f"scale = {scale!r} is not allowed: it takes one of {', '.join(SCALES)}")
    whole, base = placed(scenario or {}, axes, design, host_file, preset, workload)
    way = way_for(samples * (len(whole.axes) + 2))
    pages = _pages(lambda points: times(whole, points, way), len(whole.axes), samples, seed)
    finite, endless = _finite(pages)
    scaled = tuple(np.log(page + LEAST_S) if scale == "log" else page for page in finite)
    found = _table(scaled, whole.names, OUTCOMES, seed)  # type: ignore[arg-type]
    evaluations = samples * (len(whole.axes) + 2)
    return Sensitivity(whole, base, found, samples, seed, scale, evaluations, endless)


def _finite(pages: Pages) -> tuple[Pages, float]:
    """Times of which those that never end are as long as the longest that does; the share of the former."""
    never = [np.isinf(page[..., -1, :]) for page in pages]
    share = sum(int(one.sum()) for one in never) / sum(one.size for one in never)
    if not share:
        return pages, 0.0
    if share == 1:
        raise UserError("over these ranges no migration ever ends: nothing can be said of what it hangs on")
    # A pause that never comes is none of what is told of it: it is as long as the longest, too.
    kept = [np.where(one[..., None, :], -np.inf, page) for one, page in zip(never, pages, strict=True)]
    longest = np.max([page.max(axis=-1).reshape(-1, len(OUTCOMES)).max(axis=0) for page in kept], axis=0)
    first, second, mixed = (np.where(np.isneginf(page), longest[:, None], page) for page in kept)
    return (first, second, mixed), share


def times(design: Design, points: Floats, way: Way) -> Floats:
    """Outcomes of a design's axes at points of the unit cube, shape (outcomes, points)."""
    stretches = [points[:, k : k + CHUNK] for k in range(0, points.shape[1], CHUNK)]
    with ThreadPoolExecutor(min(cores(), len(stretches))) as pool:
        parts = pool.map(lambda stretch: _times(design, stretch, Way(way.name)), stretches)
        return np.concatenate(list(parts), axis=1)


def _times(design: Design, points: Floats, way: Way) -> Floats:
    varying = {axis.name: axis.at(chance) for axis, chance in zip(design.axes, points, strict=True)}
    return told_times(design.columns(varying), points.shape[1], way)


def told_times(columns: Columns, rows: int, way: Way | None = None) -> Floats:
    """The outcomes of columns of all parameters, shape (outcomes, rows)."""
    found = evaluate(columns, way, wanted=())
    return np.array([np.broadcast_to(found[name], rows) for name in OUTCOMES])


# --- what varies, and around what -----------------------------------------------------------------


def placed(
    scenario: Mapping[str, Any],
    axes: Sequence[Axis],
    design: Design | None,
    host_file: str | Path,
    preset: str,
    workload: str = "",
) -> tuple[Design, dict[str, Any]]:
    """The design of what varies, on its host, and the scenario of all parameters that it lies around."""
    known = check_scenario(scenario)
    constants = {**(design.constants if design else {}), **known}
    whole = {**defaults(), **on(host_file, constants, preset, workload)}
    base = {name: whole[name] for name in PARAMETERS}
    given = tuple(axes) or (design.axes if design else usual_axes(base, known))
    if not given:
        raise UserError("nothing varies: give a range, such as --range bandwidth_gbps=1:100")
    names = [axis.name for axis in given]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{name} has two ranges: give one")
    fixed = {name: value for name, value in constants.items() if name not in names}
    factors = design.factors if design else {}
    return Design(given, fixed, 0, factors=factors).on(host_file, preset, workload), base


def check_scenario(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """One value by name, checked; UserError for a list."""
    checked = check(scenario)
    for name, values in checked.items():
        if values.size != 1:
            raise UserError(
                f"{name} has {values.size} values: a scenario has one, a range is {name}=LOW:HIGH"
            )
    return {name: values.ravel()[0] for name, values in checked.items()}


def usual_axes(base: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Axis, ...]:
    """The sensible ranges of all parameters that act in a scenario, less those that are known."""
    return tuple(
        Axis(name, None, usual.low, usual.high, usual.log)
        for name, usual in TYPICAL.items()
        if name not in known and usual.acts(base)
    )


def varied(texts: Sequence[str], scenario: Mapping[str, Any]) -> list[Axis]:
    """What varies: each as :func:`axis` takes it, or ``all`` for every parameter that acts in a scenario."""
    found: list[Axis] = []
    for text in texts:
        own = usual_axes(defaults() | dict(scenario), {}) if text.strip() == "all" else (axis(text),)
        names = {one.name for one in own}
        found = [one for one in found if one.name not in names] if len(own) == 1 else found
        found += [one for one in own if one.name not in {f.name for f in found}]
    return found


_DASHED = re.compile(r"[\d.]+\s*(-|\.\.|to)\s*[\d.]+\s*\S*")


def axis(text: str) -> Axis:
    """What varies, as a person writes it: ``NAME=LOW:HIGH``, ``:log`` behind it for even spacing by ratio.

    ``NAME`` alone takes the sensible range of :mod:`analysis.ranges`; ``NAME=VALUE,VALUE`` lists values or
    words. Units may stand with numbers. UserError for anything else.

    >>> axis("bandwidth_gbps=1:100Gbit/s:log")
    Axis(name='bandwidth_gbps', values=None, low=1.0, high=100.0, log=True, of='')
    >>> axis("memory_gib").high, list(axis("transport=tcpip,smb").values)
    (256, ['tcpip', 'smb'])
    """
    name, equals, rest = (part.strip() for part in text.partition("="))
    name = name.replace("-", "_")
    if not equals:
        usual = typical(name)
        return Axis(name, None, usual.low, usual.high, usual.log)
    low, *others = (part.strip() for part in rest.split(":"))
    spacing = others[1:] or ["linear"]
    if len(others) > 2 or spacing[0] not in ("linear", "log") or _DASHED.fullmatch(rest):
        forms = "NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=VALUE,VALUE"
        raise UserError(f"the range {text!r} is not of the form {forms}")
    of = {"from": low, "to": others[0], "spacing": spacing[0]} if others else rest.split(",")
    found = designs.parse({"parameters": {name: of}, "rows": 1}).axes[0]
    if len(found.cells(2)) < 2 or found.low == found.high:
        raise UserError(f"the range {text!r} holds one value: {name} does not vary")
    return found
