"""Tab completion of the console script."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

SCRIPT = Path(sysconfig.get_path("scripts")) / "migration-study"


@pytest.mark.skipif(not SCRIPT.exists(), reason="not installed here: there is no migration-study")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("migration-study pre", {"predict"}),
        ("migration-study predict --round", {"--round-trip-ms"}),
        ("migration-study predict --receive-b", {"--receive-buffers"}),
    ],
)
def test_the_shell_completes_verbs_and_options(typed, offered):
    """What bash asks the script for at a press of Tab, and what it gets."""
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    asked["_MIGRATION_STUDY_COMPLETE"] = "bash_complete"
    done = subprocess.run([SCRIPT], env=os.environ | asked, capture_output=True, text=True, check=True)
    assert {line.removeprefix("plain,") for line in done.stdout.splitlines()} == offered
