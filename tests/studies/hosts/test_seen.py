"""Which migrations a host was calibrated to: marks of measurements, as far as they are kept."""

import numpy as np
import pandas as pd

from analysis.studies.hosts.seen import KEPT, kept, marks, share


def test_beyond_the_last_of_a_full_list_nothing_is_known():
    """Of twice as many migrations as marks are kept those that could be told were all calibrated to."""
    table = pd.DataFrame({"measured_total_s": np.arange(1.0, 2 * KEPT + 1)})
    known = kept(table)
    assert len(known) == KEPT
    assert share(table, known) == 1
    assert 0.4 < share(table, known[:-1]) < 0.6


def test_the_same_measurements_have_the_same_mark():
    """To six digits; another pause is another migration."""
    table = pd.DataFrame({"measured_total_s": [1.0, 1.00000001, 1.0], "measured_blackout_s": [0.1, 0.1, 0.2]})
    one, same, other = marks(table)
    assert one == same != other
    assert len(one) == 8
