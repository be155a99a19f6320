"""What a calibration could not decide, and what in it looks wrong, in sentences: none is taken for known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.parameters import PARAMETERS
from analysis.studies.hosts.candidates import Chosen
from analysis.studies.hosts.fitting import Fit, names

AT_THE_END = 0.01
"""How near the end of its range, as a logarithm, an estimate is at it."""
IN_MILLISECONDS = 100.0
"""Times so many times what the model says beforehand are hardly seconds."""
FAR_OFF = 6.0
"""Times the usual scatter beyond which a migration is far off the others, and told."""
AT_LEAST = 1.25
"""Times the fitted time that a migration has to be off, however alike the others are."""
TOLD = 5
"""Migrations far off that are told by their names."""
_NEEDED = ("bandwidth_gbps", "dirty_pages_per_s", "memory_gib")


def told(observed: pd.DataFrame, fit: Fit, x: Floats, wanted: Chosen) -> list[str]:
    """A sentence for each thing that the rows of a calibration do not decide, or that makes it suspect.

    ``observed``: the table as it was given; ``wanted``: what was to be fitted.
    """
    return [
        *_missing(observed),
        *_in_other_units(fit),
        *_without_setup(observed),
        *_left_at_default(fit, wanted),
        *_at_an_end(fit, x),
        *_far_off(fit, x),
    ]


def _missing(observed: pd.DataFrame) -> list[str]:
    gone = [n for n in _NEEDED if n not in observed]
    return [
        f"the table has no column {n}: every migration is taken at its default, {PARAMETERS[n].default:g} "
        f"{PARAMETERS[n].unit}"
        for n in gone
    ]


def _in_other_units(fit: Fit) -> list[str]:
    before = fit.outcomes(fit.columns)["total_s"]
    times = float(np.median(fit.table.measured_total_s.to_numpy(float) / before))
    if not times > IN_MILLISECONDS:
        return []
    return [
        f"the times are some {times:,.0f} times what the model expects: are they in milliseconds? "
        "measured_total_s is in seconds"
    ]


def _without_setup(observed: pd.DataFrame) -> list[str]:
    if "without_setup" not in observed or not observed.without_setup.eq(True).all():
        return []
    return [
        "setup_s is not decided by these rows: every total is brownout and blackout, without set-up; "
        f"it stays at its default, {PARAMETERS['setup_s'].default:g} s"
    ]


def _left_at_default(fit: Fit, wanted: Chosen) -> list[str]:
    kept = {(c.name, kind) for c, kind in fit.free}
    gone = [(c, kind) for c, kind in wanted if (c.name, kind) not in kept]
    if not gone:
        return []
    said = [
        _default(c.name, of, scale=c.scale) for (c, of), name in zip(gone, names(gone), strict=True) if name
    ]
    return [f"not decided by these rows, so left as the scenario or the default has it: {', '.join(said)}"]


def _default(name: str, of: str, *, scale: bool) -> str:
    kind = f" ({of})" if of else ""
    if scale:
        return f"a factor on {name}{kind}"
    return f"{name}{kind} ({PARAMETERS[name].default:g} {PARAMETERS[name].unit})"


def _at_an_end(fit: Fit, x: Floats) -> list[str]:
    found = []
    for (candidate, _), name, value, low, high in zip(
        fit.free, names(fit.free), x, fit.low, fit.high, strict=True
    ):
        # A value at its low end is hardly there, which may well be; a factor is not expected so far from 1.
        at_low = candidate.scale and value - low < AT_THE_END
        if at_low or high - value < AT_THE_END:
            word = "the factor on " if candidate.scale else ""
            found.append(
                f"{word}{name} came out at the end of its range, {np.exp(value):.3g}: "
                "something in these rows is not as the model has it, and the calibration is suspect"
            )
    return found


def _far_off(fit: Fit, x: Floats) -> list[str]:
    """Migrations whose time is far from what the fitted host makes of them; they count little in the fit."""
    log, _ = fit.parts(x[None])["total"]
    log = log[0]
    usual = 1.4826 * float(np.median(np.abs(log - np.median(log))))
    far = np.abs(log) > max(FAR_OFF * usual, np.log(AT_LEAST))
    if not far.any():
        return []
    order = np.argsort(-np.abs(log))[: min(TOLD, int(far.sum()))]
    more = int(far.sum()) - len(order)
    named = "; ".join(_one_far(fit.table.iloc[k], float(log[k])) for k in order)
    rest = f"; and {more} more" if more else ""
    return [f"far off the fit, in which it counts little: {named}{rest}"]


def _one_far(row: pd.Series, log: float) -> str:
    file, line = row.get("source_file", ""), row.get("source_line", np.nan)
    where = f"{file}, line {line:.0f}, " if file and line == line else ""
    name = row.get("migration", f"row {int(str(row.name)) + 1}")
    measured = float(row["measured_total_s"])
    return f"{where}{name} took {measured:.4g} s, the fitted host takes {measured / np.exp(log):.4g} s"
