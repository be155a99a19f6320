"""Numba's decorators as a reader of types sees them, and names for what compiled functions pass around.

To that reader a compiled function is the function that was written. Numba itself looks at no annotation: it
compiles each function for the types that it is called with, which is how one text serves float64 and float32.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar, cast

import numba
from numba import extending

from analysis.arrays import Floats

Number: TypeAlias = float
"""A quantity of one lane: a float64, or a float32 where its block is of those."""
Block: TypeAlias = Floats
"""Quantities of many lanes in one flat array, float64 or float32; see :mod:`.lanes`."""
Has: TypeAlias = object | None
"""Not None where a table needs something; what it is needed for is left out of the machine code if None."""

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Takes = ParamSpec("_Takes")
_Gives = TypeVar("_Gives")


def compiled(**options: Any) -> Callable[[_Function], _Function]:
    """``numba.njit`` with some options; a division by zero is infinite, as in NumPy."""
    return cast(Callable[[_Function], _Function], numba.njit(error_model="numpy", **options))


def intrinsic(
    gives: type[_Gives],
) -> Callable[[Callable[Concatenate[Any, _Takes], Any]], Callable[_Takes, _Gives]]:
    """``numba.extending.intrinsic``; ``gives`` tells readers what a call of it is in compiled code."""
    return cast(Callable[..., Any], extending.intrinsic)


def digest(*modules: str) -> int:
    """A number that changes with the code of some modules of this folder.

    Numba keeps machine code by the file of the function alone. But what a function encloses is part of what
    it is kept by: so a digest of all files that it calls is enclosed, and code of older ones is not taken.
    """
    files = [Path(__file__).parent / f"{name}.py" for name in modules]
    return int.from_bytes(hashlib.sha256(b"".join(file.read_bytes() for file in files)).digest()[:6], "big")
