r"""What earlier migrations of a machine tell of its next one.

The logarithm of a duration is what the host says of the machine's configuration, plus by how much this
configuration differs from it, plus what differs from one time to the next. The prediction's interval holds
both: V its variance (its 90 % interval taken for a normal law's), s^2 that of repeats of one configuration,
as the host knows them to scatter, and so t^2 = V - s^2 that between configurations, but at least what the
host does not know of itself, which no repeat changes. Of n earlier migrations with the mean y the normal law
with a normal prior (conjugate, both variances known) says of the next one

.. math:: m' = m + w (y - m), \qquad V' = s^2 + (1 - w) t^2, \qquad w = \frac{n t^2}{n t^2 + s^2}.

Without an earlier one that is the prediction as it was; with ever more it is their mean, and repeats alone
are left. Intervals become narrower by the root of V'/V, so that relative to the prediction they are never
wider than before; and what is lopsided in them, which repeats are not, fades as w grows. A host that was
calibrated to no repeats says nothing of s: then earlier ones count nothing. Bytes and the chance to converge
stay what the host says of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.arrays import Floats
from analysis.errors import UserError
from analysis.studies.hosts.conformal import FLOORS, LEVELS, VAGUE
from analysis.studies.hosts.drawing import NINETY

LAST = {"last_total_s": "total_s", "last_blackout_s": "blackout_s"}
"""What may be told of earlier migrations, and the outcome that each is one of."""
NO_HOST = (
    "is weighed by how much migrations on a calibrated host scatter, and no host is given: name its file "
    "(`calibrate` makes one of measured migrations)"
)
"""What is said, after a name, where no host is given."""
LONGEST_S = 1e7
"""An earlier duration is no longer: that is four months."""
TINY = 1e-12
"""Keeps the logarithm of nothing finite."""
FAR = 2.0
"""So many intervals of 90 % away from the prediction lies one in a thousand, by a normal law."""

Told = float | Sequence[float] | Sequence[Sequence[float]]
"""Earlier durations of one machine [s]; of several machines, a sequence for each."""


def read(name: str, told: Told | None, rows: int) -> list[Floats]:
    """Earlier durations, an array for each of so many scenarios; UserError where they are none."""
    if told is None:
        return [np.empty(0)] * rows
    listed = [told] if isinstance(told, (int, float)) else list(told)
    one_machine = all(isinstance(one, (int, float, np.number)) for one in listed)
    each = [listed] if one_machine and (listed or rows == 1) else listed
    if len(each) != rows:
        whose = "are of one machine" if one_machine else f"are of {len(each)} machines"
        raise UserError(
            f"{name}: the earlier migrations {whose}, and there are {rows} scenarios; "
            "give a sequence of seconds for each of them"
        )
    return [_durations(name, one) for one in each]


def _durations(name: str, told: object) -> Floats:
    try:
        found = np.asarray(told, float).reshape(-1)
    except (TypeError, ValueError):
        raise UserError(f"{name} = {told!r} is no sequence of seconds") from None
    for value in found.tolist():
        if not 0 < value <= LONGEST_S:
            raise UserError(f"{name} = {value:g} is no duration: it is above 0 and at most {LONGEST_S:g} s")
    return found


class Spreads(NamedTuple):
    """Standard deviations of the logarithm of an outcome, a row each.

    ``repeats``: of one configuration made again and again; NaN where the host knows of none. ``own``: by what
    the host does not know of itself.
    """

    repeats: Floats
    own: Floats


def updated(
    predicted: pd.DataFrame, name: str, before: Sequence[Floats], spreads: Spreads, least: Floats
) -> pd.DataFrame:
    """Predictions of an outcome with what earlier migrations tell, and beside what the host alone says.

    ``predicted``: with intervals of ``name``. ``before``: earlier durations [s] of each row. ``least``: what
    the work takes [s]: one that is shorter, and so short by the host as one in a thousand is, is none of this
    configuration and left out, and none draws the prediction below it. New columns: ``<name>_of_host``, its
    ``_low90`` and ``_high90``, and ``_low999`` and ``_high999``, outside of which an earlier one was hardly
    of this configuration; ``<name>_weight``: what earlier ones count, 0 to 1, NaN where nobody knows.
    """
    of_host = _of_host(predicted, name)
    middle, floor = predicted[name].to_numpy(float), FLOORS[name]
    never = np.minimum(of_host[f"{name}_of_host_low999"], least)
    before = [one[one >= shortest] for one, shortest in zip(before, never, strict=True)]
    count = np.array(list(map(len, before)))
    share, narrower = weights(count, width(predicted, name), spreads)
    ends = np.isfinite(middle)
    moved = ends & (share > 0)
    prior = np.log(np.where(ends, middle, 1.0) + floor)
    mean = np.array([np.log(one + floor).mean() if len(one) else 0.0 for one in before])
    drawn = np.exp(prior + share * (mean - prior)) - floor
    found = np.where(moved, np.maximum(drawn, np.minimum(least, middle)), middle)
    unknown = (count > 0) & ~np.isfinite(spreads.repeats)
    columns = {name: found, f"{name}_weight": np.where(unknown, np.nan, np.where(ends, share, 0.0))}
    for column, side in _intervals(name):
        away = side * narrower * _faded(predicted, column, share)
        columns[column] = np.where(moved, _end(predicted, name, column, found, away), predicted[column])
    return predicted.assign(**columns, **of_host)


def _of_host(predicted: pd.DataFrame, name: str) -> dict[str, Floats]:
    """What the host alone says of an outcome, and between what all but one in a thousand lie."""
    middle = predicted[name].to_numpy(float)
    found = {f"{name}_of_host": middle}
    for end, side in (("low", -1.0), ("high", 1.0)):
        column = f"{name}_{end}90"
        found[f"{name}_of_host_{end}90"] = predicted[column].to_numpy(float)
        far = side * FAR * _half(predicted, name, column)
        found[f"{name}_of_host_{end}999"] = _end(predicted, name, column, middle, far)
    return found


def width(predicted: pd.DataFrame, name: str) -> Floats:
    """Standard deviation of the logarithm of an outcome that its interval of 90 % states."""
    low, high = (_half(predicted, name, f"{name}_{end}90") for end in ("low", "high"))
    return (low + high) / (2 * NINETY)


def weights(count: np.ndarray, spread: Floats, spreads: Spreads) -> tuple[Floats, Floats]:
    """What so many earlier ones count beside the host, and by what its interval is multiplied, both 0 to 1.

    ``spread``: standard deviation of the logarithm that the prediction states.
    """
    told = np.isfinite(spreads.repeats) & (count > 0) & (spread > 0)
    whole = np.where(told, spread, 1.0) ** 2
    most = 1 - np.minimum(np.where(told, spreads.own, 0.0) ** 2 / whole, 1.0)
    s2 = np.minimum(np.where(told, spreads.repeats, 0.0) ** 2 / whole, most)
    share = np.where(told, 1 - s2 / (s2 + np.where(told, count, 1) * (1 - s2)), 0.0)
    return share, np.where(told, np.sqrt(s2 + (1 - share) * (1 - s2)), 1.0)


def _intervals(name: str) -> Iterator[tuple[str, float]]:
    """The ends of an outcome's intervals, and on which side of the prediction each is."""
    for level in LEVELS:
        yield from ((f"{name}_low{level}", -1.0), (f"{name}_high{level}", 1.0))


def _half(predicted: pd.DataFrame, name: str, column: str) -> Floats:
    """How far an end of an interval is from the prediction, as a logarithm; no farther than says anything."""
    floor = FLOORS[name] + TINY
    middle, end = (predicted[n].to_numpy(float) + floor for n in (name, column))
    known = np.isfinite(middle)
    far = np.abs(np.log(np.where(known, end, 1.0) / np.where(known, middle, 1.0)))
    return np.minimum(far, VAGUE)


def consistent(found: pd.DataFrame, of_host: pd.DataFrame) -> pd.DataFrame:
    """Updated predictions whose total holds the blackout, and whose brownout is what is left of the total.

    ``of_host``: as they were. The brownout's interval becomes narrower as the total's does.
    """
    set_up = (of_host.total_s - of_host.brownout_s - of_host.blackout_s).fillna(0.0)
    total = np.maximum(found.total_s, found.blackout_s)
    old = of_host.brownout_s.to_numpy(float)
    with np.errstate(invalid="ignore"):
        rest = np.maximum(total - found.blackout_s - set_up, 0.0).to_numpy(float)
    new = np.where(np.isfinite(old), rest, old)
    before, after = width(of_host, "total_s"), width(found, "total_s")
    narrower = np.where(before > 0, after / np.where(before > 0, before, 1.0), 1.0)
    name = "brownout_s"
    ends = {
        c: _end(of_host, name, c, new, side * narrower * _half(of_host, name, c))
        for c, side in _intervals(name)
    }
    return found.assign(total_s=total, brownout_s=new, **ends)


def _faded(predicted: pd.DataFrame, column: str, share: Floats) -> Floats:
    """How far an end of an interval is from the prediction, drawn by a share to what both ends are."""
    name, _, _ = column.rpartition("_")
    level = column[-2:]
    own, low, high = (
        _half(predicted, name, c) for c in (column, f"{name}_low{level}", f"{name}_high{level}")
    )
    faded: Floats = (1 - share) * own + share * (low + high) / 2
    return faded


def _end(of_host: pd.DataFrame, name: str, column: str, middle: Floats, away: Floats) -> Floats:
    """An end of an interval, so far (as a logarithm) from another prediction; as it was where none ends."""
    floor, known = FLOORS[name], np.isfinite(of_host[name].to_numpy(float))
    at = np.log(np.where(known, middle, 1.0) + floor + TINY) + away
    ends: Floats = np.where(known, np.maximum(np.exp(at) - floor - TINY, 0.0), of_host[column])
    return ends
