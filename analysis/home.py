"""Where notebooks and data lie: in the folder of the study, or in the package that a wheel installed."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
CARRIED = _PACKAGE / "carried"
"""Where a wheel puts ``notebooks/`` and ``data/`` (pyproject.toml); no such folder in the study itself."""
STUDY = CARRIED if CARRIED.is_dir() else _PACKAGE.parent
"""The folder below which ``notebooks/`` and ``data/`` are found from any working directory."""
