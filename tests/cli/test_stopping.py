"""Commands that are stopped from outside say so in a sentence: a signal, a full disk."""

import errno
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.cli import predicted, stopping
from analysis.errors import WorkError

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
WAITING = """
import os, signal, sys
from analysis.cli import stopping
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup make test` switches it off
{listen}
try:
    os.kill(os.getpid(), signal.{name})
    signal.pause()
except KeyboardInterrupt:
    sys.exit(77)
"""


@posix
@pytest.mark.parametrize(
    ("listen", "code"), [("stopping.early()", 130), ("stopping.early(); stopping.listen()", 77)]
)
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_stops_as_ctrl_c_does(name, listen, code):
    """While a program loads it ends at once, with a sentence; at work it ends in order."""
    done = subprocess.run(
        [sys.executable, "-c", WAITING.format(name=name, listen=listen)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    assert done.stderr == ("error: stopped\n" if code == 130 else "")


@posix
def test_a_signal_that_was_switched_off_stays_so():
    """`nohup python -m analysis ...` outlives its terminal."""
    code = (
        "import os, signal; from analysis.cli import stopping; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    )
    code += "stopping.early(); stopping.listen(); os.kill(os.getpid(), signal.SIGHUP); print('alive')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "alive\n"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "rows/part"),
            "error: the disk is full ('rows/part')",
        ),
        (OSError(errno.EIO, "Input/output error"), "error: the disk failed; what is done is kept"),
        (WorkError("the workers keep ending"), "error: the workers keep ending"),
    ],
)
def test_a_fault_of_the_machine_is_one_sentence(monkeypatch, error, sentence):
    """A full disk is nobody's mistake and no fault of the program: exit code 1, no traceback."""

    def fails(*_):
        raise error

    monkeypatch.setattr(predicted, "predicted", fails)
    done = CliRunner().invoke(main, ["predict"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1


def test_faults_of_the_program_keep_their_traceback():
    """Only faults of the machine are told in words."""
    assert stopping.sentence(OSError(errno.EBADF, "Bad file descriptor")) is None


LOST = """
import ctypes, os, signal, sys, time, weakref
from analysis.cli import stopping

signal.signal(signal.SIGINT, signal.default_int_handler)  # `make test &` switches it off
stopping.early()
stopping.listen()


class Ending:
    def __del__(self):
        hit()


def hit(*_):
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
    time.sleep(0.001)


try:
    {where}
    time.sleep(20)
    print("the signal was lost")
except KeyboardInterrupt:
    print("stopped")
"""


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "where",
    [
        pytest.param("ctypes.CFUNCTYPE(None)(hit)()", id="machine code calls back"),
        pytest.param("Ending()", id="an object ends"),
        pytest.param("it = set(); at = weakref.ref(it, hit); del it", id="a weak reference"),
    ],
)
def test_a_signal_where_nothing_can_be_raised_is_not_lost(repository, name, where):
    """What is raised there Python prints and drops: the signal comes again, and nothing is said."""
    code = LOST.format(where=where)
    done = subprocess.run(
        [sys.executable, "-c", code, name], capture_output=True, text=True, cwd=repository, timeout=60
    )
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_other_faults_of_ending_objects_are_still_told(repository):
    """What is no signal goes where it went before."""
    code = "from analysis.cli import stopping\nstopping.listen(); stopping.listen()\n"
    code += "class Ending:\n    def __del__(self): raise ValueError('of its own')\nEnding()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repository)
    assert done.stderr.count("ValueError: of its own") == 1
