"""What this Python must have: told in one sentence where it is missing, before anything of it is imported.

Whoever forgets to activate the environment starts the study with the system's Python, which lacks some of
its packages or all. This module imports nothing but the standard library.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

NEEDED = (
    "click", "defusedxml", "filelock", "ipywidgets", "jinja2", "jsonschema", "latex2mathml", "matplotlib",
    "nbconvert", "nbformat", "numpy", "pandas", "papermill", "PIL", "pint", "pyarrow", "rich", "scipy",
    "seaborn", "threadpoolctl", "yaml",
)  # fmt: skip
"""Modules that the package imports, less those that it does without, or whose lack has its own sentence."""


def missing() -> list[str]:
    """Names of the modules that this Python cannot import."""
    return [name for name in NEEDED if find_spec(name) is None]


def lacks(names: list[str]) -> int:
    """Say on standard error which modules are missing and what helps; the exit code of a user's mistake."""
    lacking = f"this Python ({sys.executable}) lacks the study's packages ({', '.join(names)})"
    helps = "set them up with make setup and activate them: . .venv/bin/activate"
    print(f"error: {lacking}; {helps}", file=sys.stderr)
    return 2
