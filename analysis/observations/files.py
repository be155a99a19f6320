"""Measured migrations and passes from files of whatever form the study reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from . import lab, own
from .tables import TableError, header


def read_observed(files: str | Path | Sequence[str | Path]) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Migrations of one or several files, and their passes where a file holds passes (else None).

    Each file has the laboratory's form (``data/migrations.csv``, ``data/passes.csv``) or columns by the
    names of the parameters. Raises TableError where no file holds migrations.
    """
    paths = [files] if isinstance(files, (str, Path)) else list(files)
    of_passes = [path for path in paths if set(lab.PASS_COLUMNS) <= set(header(lab.located(path)))]
    tables = [read_migrations(path) for path in paths if path not in of_passes]
    if not tables:
        raise TableError(f"{paths[0]} holds passes, and no file with their migrations was given")
    found = [lab.read_passes(path) for path in of_passes]
    return pd.concat(tables, ignore_index=True), pd.concat(found, ignore_index=True) if found else None


def read_migrations(path: str | Path) -> pd.DataFrame:
    """Migrations from a file in the laboratory's form or in the names of the parameters."""
    laboratory = set(lab.COLUMNS) <= set(header(lab.located(path)))
    return own.read_own(path) if own.is_own(path) and not laboratory else lab.read_migrations(path)
