"""Names for the arrays that travel through the package, so that an annotation says what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
"""Quantities, in the unit that the name says."""
Reals: TypeAlias = NDArray[np.floating[Any]]
"""The same where single precision will do: all float64 or all float32."""
Bools: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.intp]
"""Numbers of rows."""
Counts: TypeAlias = NDArray[np.integer[Any] | np.floating[Any]]
"""Whole numbers, of whatever type the work left them in."""
Codes: TypeAlias = NDArray[np.integer[Any]]
"""Places in a list of names."""
Numbers: TypeAlias = float | Sequence[float] | NDArray[np.floating[Any] | np.integer[Any]]
"""What a law takes: one number, or some that broadcast with the others."""
Columns: TypeAlias = dict[str, NDArray[Any]]
"""Parameters or outcomes by name, one value a row: numbers are float64, names are objects."""
