"""The sentences that the notebooks on transports and networks end in, written from their numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..studies.network import summary
from ..studies.spread import within
from .figures import duration, number
from .networks import SURE
from .words import chance, percent


def dedicated_network(
    times: Mapping[str, pd.DataFrame],
    finished: Mapping[str, np.ndarray],
    window_s: float,
    machines: int,
    spread: pd.DataFrame,
) -> str:
    """What a dedicated network is worth: one migration, a node to be emptied, and the measured repeats."""
    own, other = (_of_one(times[name]) for name in ("dedicated", "shared"))
    kept = {name: chance(float(within(times, window_s))) for name, times in finished.items()}
    needed = {name: duration(float(np.quantile(times, SURE))) for name, times in finished.items()}
    return (
        f"A migration on the **dedicated** network takes {own}; on the **shared** one {other}. Emptying a "
        f"node of {machines} machines one after the other is done within {number(window_s / 60)} min with a "
        f"chance of **{kept['dedicated']}** against **{kept['shared']}**; to be 95 % sure the window must "
        f"be **{needed['dedicated']}** or **{needed['shared']}** long. {_measured(spread)}"
    )


def _of_one(table: pd.DataFrame) -> str:
    found = summary(table)
    return (
        f"**{duration(found['mean'])}** on the mean and at most **{duration(found['p95'])}** in 95 of 100 "
        f"cases, with a coefficient of variation of **{percent(found['cv'])}**"
    )


def _measured(spread: pd.DataFrame) -> str:
    """Whether the model has the direction and the rough size of the measured spread."""
    empty, most = spread.loc[spread.measured_mean_s.idxmin()], spread.loc[spread.measured_cv.idxmax()]
    right = _same_direction(empty, most)
    size = f"within what {most.n} runs scatter also its size" if most.ordinary else "but not its size"
    verdict = f"reproduces the direction of the measured spread, {size}"
    return (
        f"The model {verdict if right else 'does not reproduce the measured spread'}: beside {most.name} "
        f"migrations vary by **{percent(most.measured_cv)}** around {duration(most.measured_mean_s)}, drawn "
        f"ones by **{percent(most.drawn_cv)}** around {duration(most.drawn_mean_s)}; alone on the line by "
        f"{percent(empty.measured_cv)} and {percent(empty.drawn_cv)}."
    )


def _same_direction(empty: pd.Series, most: pd.Series) -> bool:
    """Both measured and drawn times are longer, and vary more, beside other traffic."""
    return all(
        most[f"{side}_{figure}"] > empty[f"{side}_{figure}"]
        for side in ("measured", "drawn")
        for figure in ("mean_s", "cv")
    )
