"""Factors of a calibrated host on what a scenario asks for, applied where every scenario comes in.

A column ``<parameter>_factor`` beside a scenario's parameters says that on this host the parameter is so many
times what is asked for: a line of 10 Gbit/s that carries half of that has ``bandwidth_gbps`` 10 and
``bandwidth_gbps_factor`` 0.5. Whoever asks keeps his own numbers, in a figure's axis as in a row of results;
the model computes with the product, kept within the parameter's range.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from analysis.arrays import Columns, Floats
from analysis.parameters import FACTOR, PARAMETERS


def applied(columns: Columns, factors: Mapping[str, Floats | float], named: Collection[str]) -> Columns:
    """Columns of all parameters with the host's factors on them, by the parameter's name.

    ``named``: the parameters that the scenario itself says. Of a working set that it does not say the
    guest's whole content is taken, as in a calibration of migrations whose working set is not known.
    """
    base = dict(columns)
    if "working_set_gib" in factors and "working_set_gib" not in named:
        base["working_set_gib"] = columns["memory_gib"] * columns["resident_share"]
    return columns | {
        name: np.clip(base[name] * factor, PARAMETERS[name].low, PARAMETERS[name].high)
        for name, factor in factors.items()
    }


def split(known: Mapping[str, Any]) -> tuple[Columns, Columns]:
    """Checked columns as parameters and factors, the latter by the parameter's name."""
    factors = {name.removesuffix(FACTOR): column for name, column in known.items() if name.endswith(FACTOR)}
    return {name: column for name, column in known.items() if name in PARAMETERS}, factors
