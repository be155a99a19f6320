"""What a calibration could not decide: said in sentences, so that no figure of it is taken for known."""

from __future__ import annotations

import pandas as pd

from analysis.parameters import PARAMETERS
from analysis.studies.hosts.host import Estimate, Host

WIDE = 10.0
"""An interval whose ends differ by this factor says nothing of its quantity."""


def undecided(observed: pd.DataFrame, host: Host) -> list[str]:
    """A sentence for each quantity of a host that the rows it was fitted to do not decide.

    ``observed``: those rows. Ends of intervals further apart than :data:`WIDE` are no knowledge, and neither
    is a set-up where no total time has it in it.
    """
    told = []
    if "without_setup" in observed and observed.without_setup.eq(True).all():
        told.append(
            "setup_s is not decided by these rows: every total is brownout and blackout, without set-up; "
            f"it stays at its default, {PARAMETERS['setup_s'].default:g} s"
        )
    wide = [e for e in (*host.parameters, *host.scales) if not e.low > 0 or e.high > WIDE * e.low]
    if wide:
        names = ", ".join(_interval(e, scale=e in host.scales) for e in wide)
        told.append(
            f"the fit is not decided by these rows: {names}; predictions on this host carry that width"
        )
    return told


def _interval(estimate: Estimate, *, scale: bool) -> str:
    of = f" ({estimate.of})" if estimate.of else ""
    word = "factor on " if scale else ""
    return f"{word}{estimate.name}{of} from {estimate.low:.3g} to {estimate.high:.3g} (90 %)"
