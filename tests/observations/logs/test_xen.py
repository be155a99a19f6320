"""Rounds of Xen's tools in logs that repeat lines, and whose clock is coarser than the rounds."""

from pathlib import Path

from analysis.observations.logs.reading import read_log

XEND = Path(__file__).parents[1] / "examples" / "forms" / "xend.log"


def rewritten(tmp_path, change):
    """A record of xend's log with its lines changed."""
    path = tmp_path / "xend.log"
    path.write_text("\n".join(change(XEND.read_text(encoding="utf-8").splitlines())), encoding="utf-8")
    return read_log(path, "xen")


def test_a_round_that_is_told_twice_is_counted_once(tmp_path):
    """Two logs put together, or a rotated one: the first round's line three times changes no figure."""
    plain, again = (
        rewritten(tmp_path, lambda lines, n=n: [*lines[:1], *lines[1:2] * n, *lines[2:]]) for n in (1, 3)
    )
    assert again.migrations.measured_brownout_s.tolist() == plain.migrations.measured_brownout_s.tolist()
    assert again.passes.duration_s.tolist() == plain.passes.duration_s.tolist()
    told = [note for note in again.notes if "round 1 is told twice, and counted once" in note]
    assert [note.split("line ")[1][0] for note in told] == ["3", "4"]


def test_rounds_longer_than_the_coarse_clock_end_with_the_last(tmp_path):
    """Begun and ended in one second of the log, with rounds of 1.908 s: no pass takes less than nothing."""
    found = rewritten(tmp_path, lambda lines: [line.replace(":37:15", ":37:11") for line in lines])
    assert (found.passes.duration_s >= 0).all()
    assert found.migrations.measured_total_s.tolist() == [1.908]
