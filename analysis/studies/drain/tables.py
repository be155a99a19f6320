"""The numbers that the simulation works on: moves, links and nodes as arrays, and how each move stands.

Tuples of arrays, so that one text runs as Python and, compiled, for clusters of thousands of machines. Rates
of links are line rates [Gbit/s]: what a move takes of one is its payload over its transport's efficiency.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from analysis.arrays import Bools, Floats

Ints = NDArray[Any]
"""Whole numbers: places in other arrays, counts, codes."""

QUEUED, PREPARING, PASSES, LATE, RESIDUAL, STATE, HANDOFF, DONE, CANCELLED = range(9)
"""Stages of a move. ``LATE``: a pass limit that acts late; pages go on being sent until the pause."""
PLAIN, SPILLS, WAITS, IN_TURN = range(4)
"""How a move compresses: not at all, or what its pages do while the compressor is busy."""
NEVER, CANCEL, PAUSE = range(3)
"""What a system does with a migration that takes too long: nothing, gives it up, pauses the guest."""
GAVE_UP = 8
"""Code of the reason "the system's time was up" (a test holds it to ``laws.passes.REASONS``)."""


class Moves(NamedTuple):
    """What stays of each move, a number each.

    ``source``, ``destination``: nodes; ``group``: -1 for none. ``wait_s``: set-up and what
    the system does beside it; ``serial_s``: what the source's manager does for one move after the other.
    ``ceiling_gbps``, ``paused_gbps``: line rate it can use in the passes and in phase two. ``payload``: share
    of the line that is payload. ``page_gib_s``: pages per GiB of stream. ``alone_s``: time of the whole move
    without sharing. ``live``: whether the limits count it.
    """

    source: Ints
    destination: Ints
    group: Ints
    live: Bools
    memory_gib: Floats
    serial_s: Floats
    wait_s: Floats
    handoff_s: Floats
    ceiling_gbps: Floats
    paused_gbps: Floats
    payload: Floats
    compresses: Ints
    ratio: Floats
    core_gib_s: Floats
    cores: Floats
    page_gib_s: Floats
    content: Floats
    zero: Floats
    top: Floats
    ahead: Floats
    state_gib: Floats
    pass_limit: Floats
    target_s: Floats
    target_ends: Bools
    few_pages: Floats
    sent_limit: Floats
    look_s: Floats
    late_s: Floats
    head_start_s: Floats
    give_up_s: Floats
    give_up_how: Ints
    alone_s: Floats


class Wide(NamedTuple):
    """Tables of more than a number a move, and the cluster.

    What changes: ``free_gib``, ``present``, ``waiting``, ``peak``. ``links`` (moves, 4): those that a move
    crosses, -1 for none. ``writes``, ``sizes``, ``cyclic``, ``waiting`` (moves, classes): its guest's pages,
    and the share of each class that waits to be sent. ``line_gbps``, and ``peak``, the most that
    was taken: a link. ``free_gib``, ``out_limit``, ``in_limit``: a node. ``present``
    (groups, nodes): how many of a group a node has.
    """

    links: Ints
    writes: Floats
    sizes: Floats
    cyclic: Bools
    waiting: Floats
    line_gbps: Floats
    peak: Floats
    free_gib: Floats
    out_limit: Ints
    in_limit: Ints
    present: Ints


class Nodes(NamedTuple):
    """Links and nodes before the first move: see :class:`Wide`."""

    line_gbps: Floats
    free_gib: Floats
    out_limit: Ints
    in_limit: Ints
    present: Ints
    cluster_limit: int = 2**31


class Policy(NamedTuple):
    """How a queue is worked off.

    ``barrier``: batches that wait for their slowest, ``gap_s`` between them. ``room``: share of its ceiling
    that a move must find free on its links before it starts: 0 for none, 1 to send each at its full rate.
    """

    barrier: bool = False
    gap_s: float = 0.0
    room: float = 0.0


class Course(NamedTuple):
    """How each move stands, and in the end how it went; changed in place.

    ``left``: pages or GiB of the stage still to be carried, at ``gbps`` (line rate) since ``since_s``, so
    that the stage ends at ``next_s``. ``remaining``: pages dirty when the pass began; ``send``: those that it
    sends.
    """

    stage: Ints
    left: Floats
    pace: Floats
    gbps: Floats
    since_s: Floats
    next_s: Floats
    begun_s: Floats
    remaining: Floats
    send: Floats
    sent: Floats
    unscanned: Floats
    passes: Ints
    reason: Ints
    elapsed_s: Floats
    start_s: Floats
    carry_s: Floats
    pause_s: Floats
    end_s: Floats
    residual: Floats
    converged: Bools
    held: Bools
    shared_s: Floats
    wire_gbit: Floats
