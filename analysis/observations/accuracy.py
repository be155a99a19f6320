"""What papers claim for the accuracy of their models."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.observations.lab import DATA, located
from analysis.observations.tables import read_table

COLUMNS = dict.fromkeys(("study", "year", "model", "target", "claimed_accuracy_or_gain", "setting"), "text")


def read_claims(path: str | Path = DATA / "published_accuracy.csv") -> pd.DataFrame:
    """Claims of accuracy, one row each, with study, year, model, target, claim and setting."""
    raw = read_table(located(path), COLUMNS)
    return raw[list(COLUMNS)].rename(columns={"claimed_accuracy_or_gain": "claim"})
