"""Predicted beside measured: the errors of the model on real migrations.

Relative errors are |predicted - measured| / measured; bias is the mean of the signed ones.
Downtimes are compared in milliseconds, because a relative error explodes near zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import UserError
from analysis.model.migration import passes
from analysis.observations.files import read_observed
from analysis.observations.lab import STOP_RULES
from analysis.studies.hosts.counting import as_counted
from analysis.studies.hosts.host import Host
from analysis.studies.hosts.prediction import ENDLESS, coverage, predict, unmeasured

COVERED_METHODS = ("precopy", "xbzrle", "compress", "multifd-zstd", "multifd-zlib", *STOP_RULES)
"""Methods of the laboratory that the model describes; xbzrle, which sends less of a page that it sent before,
is predicted as plain pre-copy."""
PLAIN_LINK_GBPS = 1.5
"""Above this line rate the laboratory's host, and not the link, was the ceiling."""
VERDICTS = ("converged", "forced", "never")
_VERDICT_OF = {"pass_limit": "forced", "sent_limit": "forced", "endless": "never", "cancelled": "never"} | {
    "time_up": "forced",
    "post_copy": "forced",
}


def covered(observed: pd.DataFrame) -> pd.Series:
    """True for migrations by a method that the model describes."""
    return observed.method.isin(COVERED_METHODS)


def plain(observed: pd.DataFrame) -> pd.Series:
    """True for plain pre-copy without other traffic on a link that was the ceiling."""
    slow = observed.bandwidth_gbps <= PLAIN_LINK_GBPS
    return (observed.method == "precopy") & (observed.cross_flows == 0) & slow


def plain_up_to(observed: pd.DataFrame, line_gbps: float) -> pd.DataFrame:
    """The plain migrations on links up to a rate; UserError, with the slowest that there is, if none is."""
    ours = observed[plain(observed)]
    kept = ours[ours.bandwidth_gbps <= line_gbps]
    if kept.empty:
        slowest = f"the slowest is of {ours.bandwidth_gbps.min():g}" if len(ours) else "none is plain"
        raise UserError(f"no plain migration is on a link of up to {line_gbps:g} Gbit/s: {slowest}")
    return kept


def given_throughput(observed: pd.DataFrame) -> pd.DataFrame:
    """The same scenarios on a link whose payload rate is the throughput that was reached.

    The throughput is an outcome of a migration, so this is no prediction: it shows what is
    left of the error when the rate is right.
    """
    exact: dict[str, Any] = {
        "header_bytes": 0.0,
        "frame_overhead_bytes": 0.0,
        "network": "dedicated",
        "stream_limit_gbps": 1e6,
        "stream_limit_spread": 0.0,
        "send_ahead_mib": 0.0,
    }
    return observed.assign(bandwidth_gbps=observed.measured_throughput_gbps, **exact)


def compare(observed: pd.DataFrame, host: Host | None = None, *, draws: int = 64) -> pd.DataFrame:
    """Observed migrations with what the model predicts, its verdict and the errors beside them.

    The prediction is the median of the draws on ``host``, with its intervals (``studies.hosts.prediction``).
    ``predicted_stream_gib`` counts bytes as the method does: QEMU's multifd counts them before
    compression. A migration is cancelled at its ``time_limit_s``, if it has one, so what would take
    longer gets the verdict ``never``.
    """
    table = _on_host(observed, host, draws).join(observed.filter(like="measured_"))
    stream = as_counted(table, table)
    never = table.total_s > table.get("time_limit_s", np.inf)
    verdict = table.stop_reason.map(_VERDICT_OF).fillna("converged").mask(never, "never")
    table = table.assign(
        verdict=verdict, predicted_stream_gib=stream, total_error=table.total_s / table.measured_total_s - 1
    )
    if "measured_stream_gib" in table:
        table["stream_error"] = stream / table.measured_stream_gib - 1
    if "measured_blackout_s" in table:
        table["blackout_error_ms"] = (table.blackout_s - table.measured_blackout_s) * 1000
    return table


def _on_host(observed: pd.DataFrame, host: Host | None, draws: int) -> pd.DataFrame:
    """Predictions of observed migrations; what a bare guest holds is its row's, not that of the host's."""
    rows = unmeasured(observed)
    bare = observed.get("bare_guest", pd.Series(False, index=observed.index)).eq(True)
    parts = [
        predict(part, host, given=("extra_resident_mib",) if of_bare else (), draws=draws)
        for of_bare, part in rows.groupby(bare)
    ]
    return pd.concat(parts).loc[observed.index] if parts else predict(rows, host, draws=draws)


def validate(
    observed: pd.DataFrame | str | Path | Sequence[str | Path], host: Host | None = None
) -> dict[str, Any]:
    """Error figures of the model on measured migrations: a table, or the path of a file (or several).

    Tables are what ``observations.files.read_observed`` returns: parameters by their names, measurements in
    ``measured_`` columns. The figures are those of :func:`error_table`, and the same apart by ``method``
    where there are several.
    """
    table = observed if isinstance(observed, pd.DataFrame) else read_observed(observed)[0]
    compared = compare(table, host)
    figures = error_table(compared)
    if "method" in compared and len(compared.method.unique()) > 1:
        figures["by_method"] = {name: error_table(part) for name, part in compared.groupby("method")}
    return figures


def error_table(compared: pd.DataFrame) -> dict[str, Any]:
    """Error figures of a comparison, in the form that ``validate --json`` prints.

    Times and volumes are those of migrations that were completed; the convergence table has all.
    What was not measured is left out.
    """
    told = "measured_verdict" in compared
    done = compared[compared.measured_verdict != "never"] if told else compared
    figures: dict[str, Any] = {"n": len(compared), "n_completed": len(done)}
    figures["total_s"] = relative_errors(done.total_error)
    if "stream_error" in done:
        figures["transferred_bytes"] = relative_errors(done.stream_error)
    if "blackout_error_ms" in done:
        figures["downtime_ms"] = absolute_errors(done.blackout_error_ms)
    if told:
        figures["convergence"] = convergence(compared)
    # Without a host nothing is uncertain, and there is no interval that could hold anything.
    stated = (done.total_s_high90 > done.total_s_low90).any()
    return figures | {"coverage": coverage(done, "total_s", done.measured_total_s) if stated else {}}


def relative_errors(error: pd.Series[float]) -> dict[str, float | None]:
    """Median and 90th percentile of the size, share within 10 %, and mean of signed relative errors.

    What was not measured has no error, and counts nowhere.
    """
    error = error.dropna()
    size = error.abs()
    return {
        "median_relative_error": _quantile(size, 0.5),
        "p90_relative_error": _quantile(size, 0.9),
        "share_within_10pct": _number((size <= 0.1).mean()),
        "bias": _number(error.mean()),
    }


def absolute_errors(error_ms: pd.Series[float]) -> dict[str, float | None]:
    """Median and 90th percentile of the size of errors in milliseconds."""
    size = error_ms.abs()
    return {
        "median_absolute_error": _quantile(size, 0.5),
        "p90_absolute_error": _quantile(size, 0.9),
    }


def convergence(compared: pd.DataFrame) -> dict[str, Any]:
    """How often the verdict is right, and the counts ``table[measured][predicted]``."""
    compared = compared[compared.measured_verdict.notna()]
    counts = verdict_table(compared)
    return {
        "accuracy": _number((compared.measured_verdict == compared.verdict).mean()),
        "table": {row: {col: int(counts[col][row]) for col in VERDICTS} for row in VERDICTS},
    }


def verdict_table(compared: pd.DataFrame) -> pd.DataFrame:
    """Migrations by measured (rows) and predicted (columns) verdict."""
    counts = pd.crosstab(compared.measured_verdict, compared.verdict)
    return counts.reindex(index=VERDICTS, columns=VERDICTS, fill_value=0)


def _quantile(sizes: pd.Series[float], level: float) -> float | None:
    """A quantile of errors, of which some may be infinite: none lies between a number and infinity."""
    found = float(sizes.clip(upper=ENDLESS).quantile(level))
    return _number(found if found < ENDLESS / 1e6 else np.inf)


def _number(value: float) -> float | None:
    """A figure that JSON can hold: None where there is none (no rows, or an endless prediction)."""
    return float(value) if np.isfinite(value) else None


def compare_passes(observed: pd.DataFrame, measured: pd.DataFrame, host: Host | None = None) -> pd.DataFrame:
    """Dirty pages found at the end of each pass, measured and predicted, for observed migrations.

    One row a pass that both made: ``migration``, ``pass_number``, ``measured_pages``,
    ``predicted_pages``, ``measured_duration_s``, ``predicted_duration_s``, ``error`` (relative).
    Passes in which QEMU found nothing new (the last look before the pause) have no error.
    """
    keys = observed.migration.to_numpy()
    predicted = passes((host or Host()).apply(observed))
    predicted = predicted.assign(migration=keys[predicted.scenario.astype(int)])
    # Synchronisation i ends pass i; its own row tells how long the pass before it took.
    took = measured.assign(pass_number=measured.pass_number + 1)[["migration", "pass_number", "duration_s"]]
    found = measured.drop(columns="duration_s").merge(took, on=["migration", "pass_number"])
    both = found.merge(predicted, on=["migration", "pass_number"], suffixes=("_measured", "_predicted"))
    names = {
        f"{column}_{side}": f"{side}_{short}"
        for side in ("measured", "predicted")
        for column, short in (("dirtied_pages", "pages"), ("duration_s", "duration_s"))
    }
    table = both.rename(columns=names)[["migration", "pass_number", *names.values()]]
    return table.assign(
        error=table.predicted_pages / table.measured_pages.where(table.measured_pages > 0) - 1
    )


def longest(compared: pd.DataFrame, count: int) -> pd.DataFrame:
    """Migrations with the most passes, each write pattern in its turn, at most ``count`` of them."""
    ordered = compared.sort_values("passes", ascending=False)
    turn = ordered.groupby("write_pattern").cumcount()
    return ordered.assign(turn=turn).sort_values(["turn", "write_pattern"]).head(count)


def load_explains(compared: pd.DataFrame) -> pd.DataFrame:
    """What the host's load at the start explains of the error of time, of all and of compressing methods.

    Rank correlation (Spearman) of ``host_load`` with the log of measured over predicted total time, its
    p-value, and the share of the variance that a straight line over the load takes away.
    """
    done = compared[compared.measured_verdict != "never"]
    parts = {"all methods": done, "compressing methods": done[done.transport == "compression"]}
    return pd.DataFrame({name: _load_row(part) for name, part in parts.items()}).T


def _load_row(part: pd.DataFrame) -> dict[str, str]:
    load, residual = part.host_load.astype(float), np.log(part.measured_total_s / part.total_s)
    from scipy import stats  # slow to load, and no verb of the command line comes here

    rank = stats.spearmanr(load, residual)
    share = np.corrcoef(load, residual)[0, 1] ** 2
    return {
        "migrations": str(len(part)),
        "rank correlation": f"{rank.statistic:.2f}",
        "p-value": f"{rank.pvalue:.2f}",
        "variance explained": f"{share:.0%}",
    }
