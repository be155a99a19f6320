"""How a migration ends in vdsm's log: done, cancelled, failed with its reason; limits set meanwhile."""

from pathlib import Path

import pytest

from analysis.observations.logs.reading import read_log

LOG = Path(__file__).parent / "examples" / "forms" / "vdsm_two.log"
LINES = [line for line in LOG.read_text(encoding="utf-8").splitlines() if "aaaaaaaa" in line][:3]
STAMP = "2026-01-10 12:00:31,000+0200"
WHO = "(migmon/aaaaaaaa) [virt.vm] (vmId='aaaaaaaa-0000-1111-2222-333333333333')"


def read(path, *more):
    """What is told of the machine whose log goes on with these lines."""
    path.write_text(
        "\n".join([*LINES, *(f"{STAMP} INFO  {WHO} {text} (migration:9)" for text in more)]) + "\n"
    )
    record = read_log(path, "vdsm")
    return record.migrations.iloc[0], record.notes


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("migration job: canceled by client", "cancelled", "migration job: canceled by client"),
        (
            "Migration is stuck: Hasn't progressed in 150 seconds.",
            "failed",
            "Migration is stuck: Hasn't progressed in 150 seconds. (migration:9)",
        ),
        (
            "operation aborted: migration out job: cancelled",
            "failed",
            "operation aborted: migration out job: cancelled (migration:9)",
        ),
    ],
)
def test_one_that_is_broken_off_says_why(tmp_path, text, status, reason):
    """In the words of its last line."""
    row, _ = read(tmp_path / "vdsm.log", text)
    assert (row.status, row.reason) == (status, reason)


def test_limits_and_the_end_are_taken(tmp_path):
    """The limit of the pause in force, and how long the whole task took, whose end is known to a second."""
    row, notes = read(
        tmp_path / "vdsm.log", "setting downtime to 250", "migration took 31 seconds to complete"
    )
    assert row.blackout_target_ms == 250
    assert row.status == "completed"
    assert any("the end is known to a second" in note for note in notes)


def test_old_versions_tell_no_bytes(tmp_path):
    """Shares alone are no figures, which is said once."""
    shares = "Migration Progress: 30 seconds elapsed, 40% of data processed, 40% of mem processed"
    _, notes = read(tmp_path / "vdsm.log", shares, shares.replace("30", "40"))
    assert sum("tells shares and no bytes" in note for note in notes) == 1


def test_lines_of_a_machine_that_is_not_migrating_tell_nothing(tmp_path):
    """A limit that is set before any progress belongs to nothing."""
    other = tmp_path / "vdsm.log"
    lines = [
        f"{STAMP} INFO  {WHO.replace('aaaaaaaa', 'cccccccc')} setting downtime to 90 (migration:9)",
        *LINES,
    ]
    other.write_text("\n".join(lines) + "\n")
    record = read_log(other, "vdsm")
    assert len(record.migrations) == 1
    assert "blackout_target_ms" not in record.migrations or record.migrations.blackout_target_ms.isna().all()
