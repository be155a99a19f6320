r"""How much migrations scatter that are alike in all that is known, as scatter of what goes into the model.

Far below the link's rate a guest that writes a tenth more changes a migration by little, near it by much. So
residuals r of time, bytes and downtime are taken as made by few independent causes, each of the same size for
all migrations and each with its own leverage J on a migration, by the model's slopes there:

.. math:: \mathrm{Var}(r_i) = \sum_c \sigma_c^2 J_{ci}^2

The causes: memory sent beside what is known [MiB], writes (log of the rate), a clock that runs slower on a
link that gives less (log of durations, by the ceiling that binds), and the pause itself [s]. Their sizes are
those of greatest likelihood under heavy tails; then each part is scaled so that the interval of 90 % of a
normal law holds 90 % of its residuals.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize

from analysis.arrays import Columns, Floats
from analysis.studies.hosts.drawing import NINETY
from analysis.studies.hosts.fitting import SHORT_S, VERY_LONG_S, Fit
from analysis.studies.hosts.resampling import configurations

FEWEST_OF_A_KIND = 8
"""Residuals of a ceiling from which it has a scatter of its own."""
FEWEST_REPEATS = 5
"""Repeats, less one of each configuration, from which their scatter is told apart."""
FEWEST_WRITING = 30
"""Migrations from which the scatter of writes is told from that of the link."""
MIB, SHARE = 4.0, 0.02
"""By what memory and logarithms are moved for a slope."""
TAILS = 6.0
"""Degrees of freedom of Student's law, by which far residuals count little."""
LEAST = 1e-5


def scatter(fit: Fit, x: Floats, ceiling: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sizes of the causes, as a host keeps them: of all migrations, and of repeats of a configuration.

    ``ceiling``: what binds each migration. Repeats agree in all that is known, so they scatter around their
    own mean, free of what the model gets wrong of their configuration; none of too few of them.
    """
    p = fit.columns_at(x[None])
    residual = {part: one.values for part, one in fit.parts_of(fit.outcomes(p)).items()}
    kinds = _kinds(ceiling, residual["total"])
    slopes = _slopes(fit, p, _shared(fit, p), kinds, ceiling)
    widened = len(fit.table) / max(len(fit.table) - len(x), 1)
    every = _sized(residual, slopes, kinds, widened)
    among = _among_repeats(residual, configurations(fit.table))
    return every, _sized(among, slopes, _kinds(ceiling, among["total"]), 1.0) if among else {}


def _sized(
    residual: dict[str, Floats],
    slopes: dict[str, dict[tuple[str, str], Floats]],
    kinds: dict[str, np.ndarray],
    widened: float,
) -> dict[str, Any]:
    """The sizes of the causes that residuals have, their variances multiplied by ``widened``."""
    known = {part: np.isfinite(values) for part, values in residual.items()}
    every = next(iter(slopes.values()))
    causes = [c for c in every if any(slopes[part][c][known[part]].any() for part in residual)]
    sizes = _likeliest(causes, residual, known, slopes)
    return _as_kept(causes, sizes * np.sqrt(widened), residual, known, slopes, kinds)


def _among_repeats(residual: dict[str, Floats], configuration: np.ndarray) -> dict[str, Floats]:
    """Residuals from the mean of their configuration; NaN of what is not repeated; none of too few."""
    found = {}
    for part, values in residual.items():
        told = np.isfinite(values)
        count = np.bincount(configuration, told)[configuration]
        mean = np.bincount(configuration, np.where(told, values, 0.0))[configuration] / np.maximum(count, 1)
        # From their own mean n repeats lie nearer than from the true one.
        off = (values - mean) * np.sqrt(count / np.maximum(count - 1, 1))
        found[part] = np.where(count > 1, off, np.nan)
    again = np.isfinite(found["total"])
    freedom = again.sum() - len(set(configuration[again].tolist()))
    return found if freedom >= FEWEST_REPEATS else {}


def _shared(fit: Fit, p: Columns) -> list[tuple[str, str]]:
    """Causes of one size for all migrations, of which these tell enough."""
    found = []
    plain = (p["transport"] != "compression").sum() >= 3
    if plain and "measured_stream_gib" in fit.table:
        found.append(("extra_resident_mib", ""))
    if (p["dirty_pages_per_s"] > 0).sum() >= FEWEST_WRITING:
        found.append(("dirty_pages_per_s", ""))
    return found


def _kinds(ceiling: np.ndarray, residual: Floats) -> dict[str, np.ndarray]:
    """Ceilings with the migrations whose scatter theirs is: their own, or of few all."""
    every = np.isfinite(residual)
    found = {}
    for kind in dict.fromkeys(ceiling.astype(str).tolist()):
        own = every & (ceiling == kind)
        found[kind] = own if own.sum() >= FEWEST_OF_A_KIND else every
    return found


def _slopes(
    fit: Fit, p: Columns, shared: list[tuple[str, str]], kinds: dict[str, np.ndarray], ceiling: np.ndarray
) -> dict[str, dict[tuple[str, str], Floats]]:
    """What each cause does to each residual, by part."""
    found: dict[str, dict[tuple[str, str], Floats]] = {}
    for cause in shared:
        step = MIB if cause[0] == "extra_resident_mib" else SHARE
        for part, slope in _slope(
            fit, _moved(p, cause[0], step), _moved(p, cause[0], -step), 2 * step
        ).items():
            found.setdefault(part, {})[cause] = slope
    slow = _slope(fit, _moved(p, "time", SHARE), _moved(p, "time", -SHARE), 2 * SHARE)
    sent_s = np.minimum(fit.outcomes(p)["blackout_s"] - p["handoff_ms"] / 1000, VERY_LONG_S)
    # A second more of pause, as residuals of downtimes have it.
    second = SHORT_S / (SHORT_S + sent_s)
    itself: dict[str, Floats] = {"total": np.ones(len(sent_s)), "blackout": sent_s * second}
    for part, slope in slow.items():
        clock = slope + itself.get(part, np.zeros(len(sent_s)))
        for kind in kinds:
            own = ceiling == kind
            found.setdefault(part, {})[("time", kind)] = np.where(own, clock, 0.0)
            found[part][("blackout_s", kind)] = np.where(own & (part == "blackout"), second, 0.0)
    return found


def _moved(p: Columns, cause: str, step: float) -> Columns:
    if cause == "extra_resident_mib":
        return p | {cause: np.maximum(p[cause] + step, 0)}
    return p | {"dirty_pages_per_s": p["dirty_pages_per_s"] * np.exp(step)}


def _slope(fit: Fit, up: Columns, down: Columns, distance: float) -> dict[str, Floats]:
    """Change of what the model says (a residual changes by as much the other way)."""
    above, below = fit.parts_of(fit.outcomes(up)), fit.parts_of(fit.outcomes(down))
    slopes = {part: (below[part].values - above[part].values) / distance for part in above}
    return {part: np.nan_to_num(slope, posinf=0.0, neginf=0.0) for part, slope in slopes.items()}


def _variance(causes: list[tuple[str, str]], sizes: Floats, slopes: dict[tuple[str, str], Floats]) -> Floats:
    found: Floats = np.sum([(s * slopes[c]) ** 2 for c, s in zip(causes, sizes, strict=True)], axis=0)
    return found + LEAST**2


def _likeliest(
    causes: list[tuple[str, str]],
    residual: dict[str, Floats],
    known: dict[str, np.ndarray],
    slopes: dict[str, dict[tuple[str, str], Floats]],
) -> Floats:
    """Sizes of the causes that make the residuals likeliest."""
    usual = {"extra_resident_mib": 5.0, "dirty_pages_per_s": 0.01, "time": 0.02, "blackout_s": 0.02}
    start = np.log([usual[name] for name, _ in causes])

    def cost(theta: Floats) -> float:
        total = 0.05 * float(((theta - start) ** 2).sum())
        for part, values in residual.items():
            some = known[part]
            variance = _variance(causes, np.exp(theta), slopes[part])[some]
            far = np.log1p(values[some] ** 2 / (TAILS * variance))
            total += float(0.5 * (np.log(variance) + (TAILS + 1) * far).sum())
        return total

    bounds = [(begin - 7, begin + 7) for begin in start]
    return np.exp(optimize.minimize(cost, start, method="L-BFGS-B", bounds=bounds).x)


def _as_kept(
    causes: list[tuple[str, str]],
    sizes: Floats,
    residual: dict[str, Floats],
    known: dict[str, np.ndarray],
    slopes: dict[str, dict[tuple[str, str], Floats]],
    kinds: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Sizes by name and ceiling, so that an interval of 90 % holds as many of each part's residuals."""
    part_of = {"time": "total", "blackout_s": "blackout", "dirty_pages_per_s": "total"}
    part_of["extra_resident_mib"] = "stream"
    found: dict[str, Any] = {}
    for (name, kind), size in zip(causes, sizes, strict=True):
        part = part_of[name]
        if part not in residual:
            continue
        rows = known[part] & (kinds[kind] if kind else True)
        spread = np.sqrt(_variance(causes, sizes, slopes[part]))[rows]
        times = np.quantile(np.abs(residual[part][rows]) / spread, 0.9) / NINETY if rows.any() else 1.0
        if kind:
            found.setdefault(name, {})[kind] = float(size * times)
        else:
            found[name] = float(size * times)
    return found
