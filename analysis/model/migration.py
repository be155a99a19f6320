"""The whole migration: scenarios in, durations of both phases out.

Phase one (brownout) lasts as long as the passes. Phase two (blackout) sends what is still dirty
and the machine's state over the same link and does a fixed amount of hand-off work:

    blackout = (residual * (page + header) + state) / rate + hand-off
    total    = set-up + brownout + blackout

(Microsoft, network I/O performance: both phases are ruled by the speed of the transfer.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .. import parameters
from . import compression, dirtying, link
from .precopy import REASONS, Precopy, Rules
from .precopy import precopy as run_precopy
from .units import GBIT, GIB, MIB, PAGE_BYTES, PAGES_PER_GIB


class Rates(NamedTuple):
    """How fast one migration goes: see :func:`rates`."""

    goodput_gbps: np.ndarray
    memory_rate_gib_per_s: np.ndarray
    pages_per_s: np.ndarray
    ratio: np.ndarray
    efficiency: np.ndarray
    limited_by: np.ndarray


def migrate(scenarios: pd.DataFrame | None = None, /, **given: Any) -> pd.DataFrame:
    """Durations and volumes of live migrations.

    Parameters
    ----------
    scenarios : DataFrame, optional
        One row a migration, one column a parameter (names and units: ``analysis.PARAMETERS``).
        Columns that are no parameters (labels, measurements) are carried along.
    **given
        Parameters by name: scalars or arrays that broadcast with each other; with a DataFrame,
        scalars or one value a row. What is not given takes its default.

    Returns
    -------
    DataFrame
        The given columns and, beside them, the outcomes of ``analysis.parameters.OUTCOMES``.
        Arrays of several dimensions become rows in C order. A migration that would never end
        has infinite ``brownout_s``, ``total_s`` and volumes, and ``stop_reason`` "endless".

    Raises
    ------
    ParameterError
        For an unknown name given as a keyword, or a value outside its range.

    Examples
    --------
    >>> migrate(bandwidth_gbps=[1, 10], dirty_pages_per_s=0)[["passes", "total_s"]].round(1)
       passes  total_s
    0       1    132.8
    1       1     15.3
    """
    frame, columns = _columns(scenarios, given)
    rate, ended = _evaluate(columns)
    return frame.assign(**_outcomes(columns, rate, ended))


def passes(scenarios: pd.DataFrame | None = None, /, **given: Any) -> pd.DataFrame:
    """The passes of each migration, one row a pass; arguments as for :func:`migrate`.

    Columns: ``scenario`` (row number of the input), ``pass_number`` from 1, ``start_s`` (since
    the migration began, set-up included), ``duration_s``, ``sent_pages``, ``dirtied_pages``
    (distinct pages found dirty at the end of the pass) and ``remaining_pages`` (to be sent next).
    """
    _, columns = _columns(scenarios, given)
    _, ended = _evaluate(columns, history=True)
    log = ended.history
    order = np.lexsort((log.number, log.row))
    start = log.start_s + columns["setup_s"][log.row.astype(int)]
    table = {"scenario": log.row, "pass_number": log.number, "start_s": start, "duration_s": log.duration_s}
    table |= {
        "sent_pages": log.sent_pages,
        "dirtied_pages": log.dirtied_pages,
        "remaining_pages": log.remaining_pages,
    }
    return pd.DataFrame(table).iloc[order].reset_index(drop=True)


def _columns(
    scenarios: pd.DataFrame | None, given: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The frame to answer with, and every parameter as a checked array with one value a row."""
    checked = parameters.check(given)
    if scenarios is None:
        values = np.broadcast_arrays(*checked.values()) if checked else []
        frame = pd.DataFrame(
            {name: value.ravel() for name, value in zip(checked, values, strict=True)},
            index=None if checked else range(1),
        )
    else:
        frame = scenarios.assign(**checked)
    known = parameters.check(
        {name: frame[name].to_numpy() for name in frame if name in parameters.PARAMETERS}
    )
    return frame, {
        name: known.get(name, np.full(len(frame), value)) for name, value in parameters.defaults().items()
    }


def _evaluate(p: dict[str, np.ndarray], *, history: bool = False) -> tuple[Rates, Precopy]:
    rate = rates(p)
    resident = p["memory_gib"] * p["resident_share"] * PAGES_PER_GIB
    working_set = np.minimum(p["working_set_gib"], p["memory_gib"]) * PAGES_PER_GIB
    shape = (p["hot_page_share"], p["hot_write_share"], p["zipf_exponent"])
    classes = dirtying.write_classes(p["write_pattern"], p["dirty_pages_per_s"], working_set, *shape)
    rules = Rules.of(p["stop_rule"], p["pass_limit"], p["blackout_target_ms"])
    return rate, run_precopy(resident, rate.pages_per_s, classes, rules, history=history)


def rates(p: dict[str, np.ndarray]) -> Rates:
    """Link and memory rates for columns of parameters, and the ceiling that binds."""
    link_rate = link.goodput(p)
    compresses = p["transport"] == "compression"
    cpu = (p["compression_ratio"], p["compress_gib_per_s_per_core"], p["spare_cores"])
    gib_per_s = link_rate.gbps * GBIT / 8 / GIB
    compressed, ratio = compression.compressed_rate(gib_per_s, *cpu)
    stream_rate = np.where(compresses, compressed, gib_per_s)
    held = compresses & compression.compressor_binds(gib_per_s, *cpu)
    memory_rate = stream_rate * PAGE_BYTES / (PAGE_BYTES + p["page_header_bytes"])
    return Rates(
        link_rate.gbps,
        memory_rate,
        memory_rate * PAGES_PER_GIB,
        np.where(compresses, ratio, 1.0),
        link.framing_efficiency(p["mtu_bytes"], p["header_bytes"], p["frame_overhead_bytes"]),
        np.where(held, "spare_cores", link_rate.limited_by),
    )


def _outcomes(p: dict[str, np.ndarray], rate: Rates, ended: Precopy) -> dict[str, np.ndarray]:
    """Durations and volumes from the rates and the end of pre-copy."""
    stream_bytes_per_s = rate.goodput_gbps * GBIT / 8
    blackout = (
        ended.residual_pages / rate.pages_per_s
        + p["state_mib"] * MIB / stream_bytes_per_s
        + p["handoff_ms"] / 1000
    )
    pages = ended.sent_pages + ended.residual_pages
    stream = (pages * (PAGE_BYTES + p["page_header_bytes"]) / rate.ratio + p["state_mib"] * MIB) / GIB
    return {
        "goodput_gbps": rate.goodput_gbps,
        "memory_rate_gib_per_s": rate.memory_rate_gib_per_s,
        "limited_by": rate.limited_by,
        "passes": ended.passes.astype(int),
        "stop_reason": np.array(REASONS, dtype=object)[ended.reason],
        "converged": ended.converged,
        "residual_pages": ended.residual_pages,
        "brownout_s": ended.duration_s,
        "blackout_s": blackout,
        "total_s": p["setup_s"] + ended.duration_s + blackout,
        "memory_sent_gib": pages / PAGES_PER_GIB,
        "stream_gib": stream,
        "wire_gib": stream / rate.efficiency,
    }
