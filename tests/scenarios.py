"""Scenarios drawn over all that the study takes, for tests that compare one way with another."""

import math

import numpy as np
import pandas as pd

from analysis.parameters import PARAMETERS, STOP_RULES

PLAIN_RULES = STOP_RULES[:5]
"""Rules that stay as they are while they run; ``tests/model/test_changing.py`` has the others."""
CHANGING_RULES = STOP_RULES[5:]

_EMPTY = {
    "streams": lambda draw, n: draw.integers(1, 9, n),
    "pass_limit": lambda draw, n: draw.integers(1, 40, n),
    "blackout_target_ms": lambda draw, n: draw.uniform(0, 2000, n),
    "adapter_limit_gbps": lambda draw, n: draw.uniform(0.5, 20, n),
    "send_moderation_us": lambda draw, n: draw.uniform(0, 300, n),
    "last_target_ms": lambda draw, n: draw.uniform(0, 4000, n),
    "target_steps": lambda draw, n: draw.integers(0, 12, n),
    "target_step_s": lambda draw, n: 10 ** draw.uniform(-2, 2, n),
    "give_up_after_s": lambda draw, n: np.where(draw.random(n) < 0.7, np.nan, 10 ** draw.uniform(-1, 4, n)),
}
"""Where values left to a preset lie when they are given."""


def anywhere(rows: int, seed: int) -> pd.DataFrame:
    """So many scenarios with a value for every parameter, a decade about its default, zeros among them."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({name: _values(PARAMETERS[name], draw, rows) for name in PARAMETERS})
    return table.assign(dirty_pages_per_s=10 ** draw.uniform(1, 5.7, rows))


def _values(p, draw, n):
    if p.choices:
        return draw.choice(np.array(p.choices, object), n)
    if isinstance(p.default, float) and math.isnan(p.default):
        return np.where(draw.random(n) < 0.5, np.nan, _EMPTY[p.name](draw, n))
    if p.unit == "0-1" and p.high <= 2:
        values = draw.uniform(p.low, min(p.high, 1), n)
    elif p.default == 0:
        values = np.where(draw.random(n) < 0.5, 0, 10 ** draw.uniform(-1, 3, n))
    else:
        values = p.default * 10 ** draw.uniform(-1.2, 1.2, n)
    values = np.maximum(np.round(values), 1) if p.whole else values
    values = np.clip(values, max(p.low, p.least), min(p.high, p.most))
    return np.where(draw.random(n) < 0.1, 0, values) if p.least and p.low == 0 else values
