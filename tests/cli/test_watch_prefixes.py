"""The verb watch on sources that are cut off anywhere, as they are while they are written."""

from pathlib import Path

import numpy as np
import pytest

from analysis.cli.watch import YOUNG_BYTES, Reading
from analysis.errors import UserError
from analysis.studies.running.watching import Watch

EXAMPLES = Path(__file__).resolve().parents[1] / "observations" / "examples"
LARGEST = 200_000


def sources():
    """Every example of a recording that is not large."""
    found = [*EXAMPLES.glob("*.*"), *(EXAMPLES / "forms").iterdir()]
    return sorted(p for p in found if p.suffix not in {".md", ".evtx"} and p.stat().st_size < LARGEST)


def attempt(reading, path):
    """What is seen, and the sentence where it is refused."""
    try:
        return reading.now(path), ""
    except UserError as error:
        return None, str(error)


@pytest.mark.nightly
@pytest.mark.parametrize("source", sources(), ids=lambda path: path.name)
def test_a_source_cut_off_anywhere_is_read_or_waited_for(source, tmp_path):
    """Longer and longer beginnings: progress never falls, and what is young is not refused."""
    raw, path = source.read_bytes(), tmp_path / source.name
    reading, before = Reading(Watch({"memory_gib": 8}), {}), {}
    for length in sorted(np.random.default_rng(20261130).integers(1, len(raw) + 1, 6)):
        path.write_bytes(raw[:length])
        seen, refused = attempt(reading, path)
        assert not refused or length >= YOUNG_BYTES or "tells of none that is running" in refused
        if seen and seen.outlook:
            assert seen.outlook.progress >= before.get(seen.migration, 0.0)
            before[seen.migration] = seen.outlook.progress
