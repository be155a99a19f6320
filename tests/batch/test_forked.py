"""Forked kernels: the same report as an ordinary one gives, nothing shared, nothing left over."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import nbformat
import pytest

from analysis.batch import forked, grid, run
from analysis.batch.progress import Lines
from analysis.pages import parts
from tests.small_notebooks import save, without_time
from tests.soak import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

STATEFUL = [
    ("md", "# What is left over?\n\nDoes one notebook see another?"),
    ("parameters", "n: int = 1  # which [1]"),
    ("code", "import os, random\nimport numpy as np\nimport pandas as pd"),
    ("code", "print(hasattr(pd, 'mine'), 'mine' in os.environ)\npd.mine, os.environ['mine'] = n, 'x'"),
    ("code", "print(os.getpid(), random.random(), np.random.random())"),
    ("code", "import subprocess\nprint(subprocess.run(['true']).returncode, os.getpgid(0) == os.getpid())"),
]
FIGURE = [
    ("md", "# How steep?\n\nIs a forked kernel's picture the same?"),
    ("parameters", "n: int = 1  # slope [1]"),
    ("code", "import matplotlib.pyplot as plt\nfrom analysis.figures.language import show"),
    ("code", "fig, ax = plt.subplots()\nax.plot([0, n])\nshow(fig, 'a line')\nprint(sorted(globals())[-5:])"),
    ("code", "plt.plot([n, 0])\nplt.show()"),
    ("code", "plt.plot([0, 2 * n]);"),
    ("code", "from analysis.observations.lab import read_migrations\nlen(read_migrations())"),
]
SHORT = [
    ("md", "# Does it run?\n\nIs a kernel there?"),
    ("parameters", "n: int = 1  # which [1]"),
    ("code", "print(n)"),
]
THREE = grid.parse({"cross": {"n": [1, 2, 3]}})
LAST = grid.parse({"cross": {"n": [3]}})
QUIET = Lines(lambda line: None)


def printed(path):
    """The lines that an executed notebook printed."""
    outputs = parts.outputs(nbformat.read(path, as_version=4))
    return "".join(o.text for o in outputs if o.get("name") == "stdout").splitlines()


@pytest.mark.slow
def test_nothing_passes_from_one_notebook_to_the_next(tmp_path):
    """Each fork starts clean: modules, environment, random numbers, a process group of its own."""
    notebook = save(STATEFUL, tmp_path / "s.ipynb")
    run.report([notebook], {}, tmp_path / "out", workers=1, progress=QUIET, scenarios=THREE)
    lines = [printed(path) for path in sorted((tmp_path / "out" / "executed").glob("*.ipynb"))]
    assert [first for first, _, _ in lines] == ["False False"] * 3
    assert len({number for _, second, _ in lines for number in second.split()}) == 9
    assert [third for _, _, third in lines] == ["0 True"] * 3


@pytest.mark.slow
def test_forked_kernel_gives_the_same_report(tmp_path, monkeypatch):
    """To the byte, but for the time stamp, a forked kernel's report is that of an ordinary kernel.

    Shown by the study, by ``plt.show()`` or left open by a cell, each of its pictures is there.
    """
    notebook = save(FIGURE, tmp_path / "f.ipynb")
    monkeypatch.setattr(forked, "FEW", 0)
    run.report([notebook], {}, tmp_path / "forked", progress=QUIET, scenarios=LAST)
    monkeypatch.setenv(forked.ORDINARY, "yes")
    run.report([notebook], {}, tmp_path / "ordinary", progress=QUIET, scenarios=LAST)
    pages = [without_time(tmp_path / kind / "f--n=3.html") for kind in ("forked", "ordinary")]
    assert pages[0] == pages[1]
    assert "data/migrations.csv" in pages[0]
    assert pages[0].count("<img") == 3


def test_kernels_end_with_their_zygote():
    """When the driver closes the zygote, however busy its kernels are, they end."""
    zygote = forked.Zygote([])
    connection = ["-f", "/nonexistent/never-written.json"]
    pid = zygote.fork(connection, dict(os.environ), os.getcwd())
    kernel = forked.Forked(pid)
    assert pid > 0
    zygote.close()
    end = time.monotonic() + 5
    while kernel.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert kernel.poll() == 0


def test_kernels_end_with_a_zygote_that_is_killed(tmp_path):
    """Killed, a zygote can end nothing: its kernels see that it is gone."""
    zygote = forked.Zygote([])
    kernel = forked.Forked(zygote.fork(["-f", str(tmp_path / "c.json")], dict(os.environ), str(tmp_path)))
    end = time.monotonic() + 20
    while not (tmp_path / "c.json").exists() and time.monotonic() < end:
        time.sleep(0.02)
    zygote._process.kill()
    zygote.close()
    while kernel.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert kernel.poll() == 0


def test_kernels_end_where_nobody_reads_the_answer(tmp_path):
    """A driver that is killed while it waits for a kernel reads no answer: the kernel ends all the same."""
    arguments = ["-f", str(tmp_path / "c.json")]
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": str(tmp_path)}
    reader, writer = os.pipe()
    zygote = subprocess.Popen(
        [sys.executable, "-m", "analysis.batch.zygote"], stdin=subprocess.PIPE, stdout=writer,
        stderr=subprocess.PIPE, env={**os.environ, processes.MARK: str(tmp_path)},
    )  # fmt: skip
    os.close(reader)
    os.close(writer)
    said = zygote.communicate(json.dumps(request).encode() + b"\n", timeout=60)[1]
    assert b"Traceback" not in said
    assert processes.left(str(tmp_path), 5.0) == {}


def test_zygote_that_is_gone_is_no_loss(tmp_path, monkeypatch):
    """If the zygote does not start, kernels are started in the ordinary way."""
    monkeypatch.setattr(forked.Zygote, "fork", lambda *_: int(""))
    notebook = save(SHORT, tmp_path / "s.ipynb")
    outcomes = run.report([notebook], {}, tmp_path / "out", progress=QUIET, scenarios=THREE)
    assert [outcome.failure for outcome in outcomes] == [None] * 3
    executed = sorted((tmp_path / "out" / "executed").glob("*.ipynb"))
    assert [printed(path) for path in executed] == [["1"], ["2"], ["3"]]


def test_modules_are_those_that_the_cells_import(tmp_path):
    """The zygote imports what the notebooks do, of the families whose import does nothing else."""
    code = "import numpy as np\nfrom analysis.figures import curves\nimport requests\nfrom scipy import stats"
    notebook = save([("md", "# T"), ("code", code), ("code", "%magic")], tmp_path / "m.ipynb")
    assert forked.imported([notebook.read_bytes()]) == [
        "analysis.figures",
        "analysis.figures.curves",
        "numpy",
        "scipy",
        "scipy.stats",
    ]


def test_a_batch_that_has_ended_starts_no_kernel(monkeypatch, tmp_path):
    """A thread that was about to when the batch was stopped: the kernel would outlive the batch's folder."""

    def refused(*_):
        raise ValueError("I/O operation on closed file")

    def started(*_, **__):
        pytest.fail("a kernel was started")

    monkeypatch.setattr(forked.LocalProvisioner, "launch_kernel", started)
    monkeypatch.setattr(forked.AsyncKernelManager, "_async_launch_kernel", started)
    provisioner = in_place_of_the_zygote(refused, tmp_path)
    provisioner.parent.ordinary.close()
    with pytest.raises(RuntimeError, match="the batch has ended"):
        asyncio.run(provisioner.launch_kernel([sys.executable, "-m", "ipykernel_launcher"], env={}))
    with forked.manager([]) as ordinary:
        pass
    with pytest.raises(RuntimeError, match="the batch has ended"):
        asyncio.run(ordinary()._async_launch_kernel(["python"]))


def in_place_of_the_zygote(fork, folder):
    """What starts a kernel where forking it fails."""
    own = {"zygote": SimpleNamespace(fork=fork), "ordinary": forked.Ordinary(), "folder": str(folder)}
    parent = type("ForkedKernelManager", (forked._Manager,), own)()
    return forked.Provisioner(kernel_id="1", kernel_spec=parent.kernel_spec, parent=parent)


@pytest.mark.parametrize("late", [False, True])
def test_a_kernel_in_place_of_a_forked_one_ends_with_the_batch(monkeypatch, tmp_path, late):
    """It would make the batch's folder anew, removed by then; a start that is under way is waited for."""

    def gone(*_):
        raise BrokenPipeError

    async def sleeping(self, cmd, **_):
        if late:
            ending.start()
            time.sleep(0.1)
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
        )
        return {}

    monkeypatch.setattr(forked.LocalProvisioner, "launch_kernel", sleeping)
    provisioner = in_place_of_the_zygote(gone, tmp_path)
    provisioner.parent.provisioner = provisioner
    ending = threading.Thread(target=provisioner.parent.ordinary.close)
    asyncio.run(provisioner.launch_kernel([sys.executable, "-m", "ipykernel_launcher"], env={}))
    if not late:
        assert provisioner.process.poll() is None
        ending.start()
    ending.join()
    assert provisioner.process.poll() == -signal.SIGKILL


def test_a_kernel_that_comes_after_the_batch_writes_nowhere(tmp_path, monkeypatch):
    """The file of its connection goes where the batch had its own, or not at all."""
    place, others = tmp_path / "batch", tmp_path / "others"
    place.mkdir()
    others.mkdir()
    monkeypatch.setattr(forked.tempfile, "tempdir", str(place))
    with forked.manager([]) as ordinary:
        kernel = ordinary()
        kernel.write_connection_file()
        assert [path.suffix for path in place.iterdir()] == [".json"]
        kernel.cleanup_connection_file()
    place.rmdir()
    monkeypatch.setattr(forked.tempfile, "tempdir", str(others))
    with pytest.raises(FileNotFoundError):
        ordinary().write_connection_file()
    assert not list(others.iterdir())
