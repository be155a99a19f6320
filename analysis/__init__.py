"""How long a live migration takes, how long the machine is frozen, and which limit binds.

The package in one breath::

    from analysis import migrate
    migrate(memory_gib=16, bandwidth_gbps=[1, 10, 25])

Names are imported when they are first asked for, so that ``import analysis`` costs nothing.
"""

from importlib import import_module
from typing import Any

__all__ = ["PARAMETERS", "__version__", "calibrate", "migrate", "passes", "predict", "sweep", "validate"]

_HOMES = {
    "migrate": "analysis.model.migration",
    "passes": "analysis.model.migration",
    "calibrate": "analysis.studies.hosts.calibration",
    "predict": "analysis.studies.hosts.prediction",
    "sweep": "analysis.studies.sweeps.sweep",
    "validate": "analysis.studies.validation.migrations",
    "PARAMETERS": "analysis.parameters",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module the first time it is used."""
    if name == "__version__":
        # importlib.metadata alone takes longer to import than all the rest of this package.
        return import_module("importlib.metadata").version("live-migration-study")
    if name not in _HOMES:
        raise AttributeError(f"module 'analysis' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the lazy names too, for completion."""
    return sorted([*globals(), *__all__])
