"""Questions about migrations at values of one parameter: to the model, or to it on a calibrated host."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from analysis.arrays import Columns, Floats, Indices
from analysis.model import factors
from analysis.model.engine import Way, cores, way_for
from analysis.model.migration import evaluate, migrate, parameters_in, streams
from analysis.parameters import OUTCOMES, PARAMETERS, check, defaults
from analysis.studies.decisions.crossings import EXACT, POINTS, Looked
from analysis.studies.decisions.targets import excess, in_seconds
from analysis.studies.hosts.host import Host
from analysis.studies.hosts.prediction import DRAWS, outcomes, predict

CHUNK = 65_536
"""Scenarios evaluated together."""
HOST_POINTS, HOST_EXACT = 65, 2e-5
"""First grid and width of a crossing on a calibrated host, where each look is many migrations."""
BESIDE = ("converge_chance", "workload")
"""What a prediction on a host has beside parameters, outcomes and intervals."""
BEYOND = 10
"""Draws that lie beyond the chance asked for."""


class Modelled:
    """Questions to the model itself."""

    points, exact = POINTS, EXACT

    def __init__(self, parameter: str, table: pd.DataFrame, targets: pd.DataFrame) -> None:
        self._parameter, self._table, self._targets = parameter, table, in_seconds(targets)
        asked = check({str(name): table[name] for name in parameters_in(table)})
        known, scales = factors.split(asked)
        self._known = {*known, parameter}
        whole: Columns = {name: np.array([value], _kind(value)) for name, value in defaults().items()}
        self._columns = {name: _short(known.get(name, whole[name])) for name in whole}
        self._scales = {name: _short(column) for name, column in scales.items()}
        self._way = way_for(len(table) * POINTS).name

    def look(self, question: Indices, value: Floats) -> Looked:
        """How far outcomes are from the targets, and of which kind they are."""
        pieces = [slice(k, k + CHUNK) for k in range(0, len(value), CHUNK)]
        with ThreadPoolExecutor(min(cores(), max(len(pieces), 1))) as pool:
            parts = list(pool.map(lambda piece: self._look(question[piece], value[piece]), pieces))
        if not parts:
            return Looked(np.empty(0), np.empty(0, int))
        kind = np.concatenate([part.kind for part in parts])
        return Looked(np.concatenate([part.excess for part in parts]), kind)

    def _look(self, question: Indices, value: Floats) -> Looked:
        p: Columns = {n: c if len(c) == 1 else c[question] for n, c in self._columns.items()}
        p[self._parameter] = value
        scales = {n: c if len(c) == 1 else c[question] for n, c in self._scales.items()}
        p = factors.applied(p, scales, self._known)
        found = evaluate(p | {"streams": streams(p)}, Way(self._way), wanted=())
        kind = found["passes"].astype(np.int64) * 1024 + found["stop_reason"] * 32 + found["limited_by"]
        targets = {name: column[question] for name, column in self._targets.items()}
        return Looked(excess(found, targets), np.broadcast_to(kind, len(value)))

    def rows(self, value: Floats) -> pd.DataFrame:
        """All parameters and outcomes at a value each."""
        return _whole_rows(migrate(self._table.assign(**{self._parameter: value})))

    def chance(self, value: Floats) -> Floats:
        """Nothing is known of it."""
        return np.full(len(value), np.nan)


class OnHost:
    """Questions to the model on a calibrated host: its prediction, or with a chance how it is spread."""

    points, exact = HOST_POINTS, HOST_EXACT

    def __init__(
        self, parameter: str, table: pd.DataFrame, targets: pd.DataFrame, host: Host,
        given: tuple[str, ...], chance: float | None, seed: int,
    ) -> None:  # fmt: skip
        self._parameter, self._table, self._targets = parameter, table, in_seconds(targets)
        self._host, self._given, self._asked, self._seed = host, given, chance, seed

    def look(self, question: Indices, value: Floats) -> Looked:
        """How far from the targets: the prediction, or what the asked share of draws keeps to."""
        targets = {name: column[question] for name, column in self._targets.items()}
        if self._asked is None:
            found = self._outcomes(question, value, 0)
            far = excess(found, targets)
            reason = pd.factorize(found["stop_reason"], sort=True)[0]
            return Looked(far, found["passes"].astype(np.int64) * 32 + reason)
        spread = np.sort(self._spread(question, value, self._draws), axis=1)
        place = math.ceil(self._asked * self._draws - 1e-9) - 1
        return Looked(spread[:, place], np.zeros(len(value), int))

    @property
    def _draws(self) -> int:
        return DRAWS if self._asked is None else max(DRAWS, math.ceil(BEYOND / (1 - self._asked)))

    def _outcomes(self, question: Indices, value: Floats, draws: int) -> Columns:
        table = self._table.iloc[question].reset_index(drop=True).assign(**{self._parameter: value})
        return outcomes(table, self._host, given=self._given, draws=draws, seed=self._seed)

    def _spread(self, question: Indices, value: Floats, draws: int) -> Floats:
        """How far each draw is from the targets, shape (rows, draws)."""
        found = self._outcomes(question, value, draws)
        return excess(found, {name: column[question][:, None] for name, column in self._targets.items()})

    def rows(self, value: Floats) -> pd.DataFrame:
        """All parameters and outcomes at a value each, with the intervals of ``predict``."""
        table = self._table.assign(**{self._parameter: value})
        found = predict(table, self._host, given=self._given, seed=self._seed)
        more = [n for n in map(str, found) if n.endswith(("90", "50")) or n in BESIDE]
        return _whole_rows(found, more)

    def chance(self, value: Floats) -> Floats:
        """The share of draws that meet all targets."""
        every = np.arange(len(value))
        met: Floats = (self._spread(every, value, self._draws) <= 1).mean(axis=1)
        return met


def _kind(value: Any) -> type:
    return object if isinstance(value, str) else float


def _short(column: Any) -> Any:
    """A column, of one value where all are the same."""
    same = len(column) and all(column == column[0]) if column.dtype == object else np.ptp(column) == 0
    return column[:1] if same else column


def _whole_rows(table: pd.DataFrame, more: Sequence[str] = ()) -> pd.DataFrame:
    missing = {name: value for name, value in defaults().items() if name not in table}
    return table.assign(**missing)[[*PARAMETERS, *OUTCOMES, *more]].reset_index(drop=True)


Questions: TypeAlias = Modelled | OnHost
