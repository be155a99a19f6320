"""Pre-copy of machines told in pages, as tables: what :mod:`.laws.passes` makes of each row."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Bools, Codes, Columns, Counts, Floats, Indices, Reals
from analysis.model.by_laws import Passes, as_passes, codes, listed, pays, row_by_row
from analysis.model.dirtying import WriteClasses
from analysis.model.laws.memory import CLASSES
from analysis.model.laws.one import Ended, Made
from analysis.model.laws.passes import AHEAD, CONTENT, CYCLIC, MACHINE, RATE, STEPS, TOP, ZERO
from analysis.parameters import defaults

_OF_RULE = (
    *("stop_rule", "pass_limit", "blackout_target_ms", "last_target_ms", "target_steps", "target_step_s"),
    *("give_up_after_s", "write_processor_share", "memory_gib"),
)
"""Parameters that passes depend on beside the machine's pages and its link."""


class Guest(NamedTuple):
    """The memory of every row [pages] and how it is written.

    ``content``: pages sent as content in the first pass; ``zero``: the others, whose time is the link's
    matter; ``top``: how much of the content lies behind the zero pages in the order of sending.
    """

    content: Floats
    zero: Floats
    top: Floats
    classes: WriteClasses


class SteadyLink(NamedTuple):
    """A link of one rate for each row; infinite is allowed: nothing then takes time.

    The first ``ahead`` pages are taken at once: by the sender's socket and queue, which it does not wait for.
    Below zero the first pass takes so many pages longer, as to tell of its zero pages.
    """

    pages_per_s: Floats
    ahead: Floats


class VaryingLink(NamedTuple):
    """Pages per second that step up and down in time, a row each.

    ``since_s``: (rows, steps) times from which each rate of ``pages_per_s`` holds, the first at or before 0,
    the last for ever. ``ahead`` as of a :class:`SteadyLink`.
    """

    since_s: Floats
    pages_per_s: Floats
    ahead: Floats


class Precopy(NamedTuple):
    """How pre-copy ended, one element per row; ``reason`` indexes :data:`.laws.passes.REASONS`."""

    passes: Counts
    reason: Codes
    converged: Bools
    residual_pages: Reals
    duration_s: Reals
    sent_pages: Reals
    history: Passes | None = None


Outcomes: TypeAlias = tuple[Reals, Reals, Reals, Counts, Codes, Bools]
"""Columns that the kernel writes to: residual pages, duration, pages sent, passes, reason, converged."""
Table = TypeVar("Table", bound=NDArray[Any] | tuple[Any, ...] | None)


def taken(value: Table, rows: Indices | Bools) -> Table:
    """Rows of an array, or of every array in a tuple of arrays (and of tuples of them); None of none."""
    if isinstance(value, np.ndarray):
        return cast(Table, value[rows])
    if value is None:
        return value
    return cast(Table, type(value)(*(taken(part, rows) for part in value)))


def precopy(
    guest: Guest,
    link: SteadyLink | VaryingLink,
    rule: Columns,
    *,
    history: bool = False,
    compiled: bool | None = None,
) -> Precopy:
    """Pre-copy of every row, until its rule stops it; one without end lasts and sends infinitely much.

    ``rule``: columns of the parameters that tell it, ``stop_rule`` at least; what is not given takes its
    default. ``compiled`` as in :mod:`.by_laws`: None for whichever way pays.
    """
    rows = len(guest.content)
    known = defaults()
    asked = {name: np.asarray(rule.get(name, np.array([known[name]]))) for name in _OF_RULE}
    columns = {name: np.broadcast_to(column, rows) for name, column in codes(asked).items()}
    given = _lists(guest, link)
    logs: list[list[Made]] | None = [] if history else None
    if pays(rows) if compiled is None else compiled:
        from analysis.model.rows import PRECOPY, fill

        found = np.empty((len(Ended._fields), rows))
        log = fill(PRECOPY, columns, found, given, history=history)
    else:
        found = row_by_row(columns, given, logs)
        log = listed(logs) if logs is not None else None
    passes, reason, converged, residual, duration, sent = found
    ended = Precopy(passes.astype(int), reason.astype(int), converged > 0, residual, duration, sent)
    return ended._replace(history=as_passes(log)) if history else ended


def _lists(guest: Guest, link: SteadyLink | VaryingLink) -> tuple[Floats, Floats, Floats]:
    """Machines on their links, and writes and sizes of their classes, as the laws take them."""
    steps = link.pages_per_s.shape[1] if isinstance(link, VaryingLink) else 0
    machines = np.zeros((len(guest.content), MACHINE + 2 * steps))
    for place, column in ((CONTENT, guest.content), (ZERO, guest.zero), (TOP, guest.top)):
        machines[:, place] = column
    machines[:, AHEAD], machines[:, CYCLIC] = link.ahead, guest.classes.cyclic.sum(axis=-1)
    if isinstance(link, VaryingLink):
        machines[:, STEPS] = steps
        machines[:, MACHINE::2], machines[:, MACHINE + 1 :: 2] = link.since_s, link.pages_per_s
    else:
        machines[:, RATE] = link.pages_per_s
    assert guest.classes.rates.shape[1] <= CLASSES  # for so many there is room
    # Of their own: Numba compiles anew for arrays that may not be written to.
    classes = [np.array(part, float, order="C") for part in guest.classes[:2]]
    return machines, classes[0], classes[1]
