"""Where things in a figure come to lie, worked out once, and the figure's picture.

Laying a figure out takes as long as drawing it, and IPython's own way does it anew for every picture, draws
it once for the room it takes and again for the picture. Here that is done once: what has to know where
things lie (labels that give way to each other) is put off until they do, and the picture is drawn as placed.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

SHARP = 2
"""Pixels of a picture for each at which it is shown, each way: sharp on fine screens."""
_ONCE_PLACED = "once_placed"


def once_placed(fig: Figure, then: Callable[[], None]) -> None:
    """Do something to a figure as soon as all that is in it has its place.

    It must not need room of its own: places are not worked out again after it.
    """
    # matplotlib has no place for it, and keeps what is written beside its own.
    setattr(fig, _ONCE_PLACED, [*getattr(fig, _ONCE_PLACED, []), then])


def waits(fig: Figure) -> bool:
    """Whether something waits for the places of a figure."""
    return bool(getattr(fig, _ONCE_PLACED, []))


def settle(fig: Figure) -> None:
    """Give all in a figure its place and do what waited for that: once, unless it has changed since."""
    if not fig.stale:
        return
    with _sharp(fig):
        if (engine := fig.get_layout_engine()) is not None:
            engine.execute(fig)
        for then in getattr(fig, _ONCE_PLACED, []):
            then()
    setattr(fig, _ONCE_PLACED, [])
    fig.stale = False


class Picture:
    """A figure as notebooks show it, drawn when it is displayed: a PNG of twice the size it is shown at."""

    def __init__(self, fig: Figure) -> None:
        self.fig = fig

    def __repr__(self) -> str:
        return repr(self.fig)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Data and metadata for IPython: the picture and the size at which to show it, in pixels."""
        data = png(self.fig)
        wide, high = (pixels // SHARP for pixels in struct.unpack(">II", data[16:24]))
        shown: dict[str, Any] = {"image/png": {"width": wide, "height": high}}
        return {"image/png": data, "text/plain": repr(self)}, shown


def png(fig: Figure) -> bytes:
    """The picture of a figure with all in its place, as PNG."""
    settle(fig)
    engine, file = fig.get_layout_engine(), io.BytesIO()
    fig.set_layout_engine("none")  # it is placed
    with _sharp(fig):
        canvas: Any = FigureCanvasAgg(fig)  # which declares no types
        canvas.draw()
    fig.set_layout_engine(engine)
    # Nothing shows through: without the channel of it the file is smaller, and made in half the time.
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(file, "png")
    return file.getvalue()


@contextmanager
def _sharp(fig: Figure) -> Iterator[None]:
    """Letters as wide as they will be in the picture: on coarser pixels their widths differ a little."""
    dpi = fig.dpi
    fig.dpi = SHARP * dpi
    try:
        yield
    finally:
        fig.dpi = dpi
