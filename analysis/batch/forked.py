"""Kernels that need not import what the last one imported: forks of a process that has (``zygote``).

Half of a short notebook's time goes into starting Python and importing pandas, matplotlib and scipy. The
zygote imports them once; each kernel is a fork of it: it starts from the same memory, and leaves nothing
behind for the next. On Linux only; where forking fails, a kernel is started in the ordinary way.
"""

import ast
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar, cast

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

# Whole families whose import only defines things: nothing of a notebook's outcome depends on when it happens.
FAMILIES = ("analysis", "matplotlib", "numpy", "pandas", "scipy", "seaborn")
# What a kernel sets when it starts, for matplotlib to find when it is imported.
INLINE = "module://matplotlib_inline.backend_inline"
Started = TypeVar("Started")
# Up to so many notebooks a kernel each is as quick as waiting for the zygote.
FEW = 2


@contextmanager
def manager(sources: Sequence[bytes]) -> Iterator[type[AsyncKernelManager]]:
    """A class of kernel managers that fork for the notebooks given, or start kernels in the ordinary way.

    The ordinary way is taken where forking would gain nothing. Either ends what is left of its kernels.
    """
    with closing(Ordinary()) as ordinary:
        own = {"ordinary": ordinary, "folder": tempfile.gettempdir()}
        if sys.platform != "linux" or len(sources) <= FEW or os.environ.get(ORDINARY):
            yield type("OrdinaryKernelManager", (_Ordinary,), own)
            return
        zygote = Zygote(imported(sources))
        try:
            yield type("ForkedKernelManager", (_Manager,), own | {"zygote": zygote})
        finally:
            ordinary.close()  # first: from now on nothing takes the place of the zygote
            zygote.close()


ORDINARY = "MIGRATION_STUDY_ORDINARY_KERNELS"
"""Set this in the environment to have every kernel started in the ordinary way."""
OVER = "the batch has ended: it starts no kernel any more"
"""Told to a thread that still would: its kernel would write into the batch's folder, removed by then."""


class Ordinary:
    """Processes of kernels that were not forked; none is started, and none is left, when it is closed."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._closed = False

    async def started(self, start: Callable[[], Awaitable[Started]], by: "_Kept") -> Started:
        """What ``start`` returns, which starts the process of a manager; RuntimeError once it is closed.

        Closing waits for a start under way, which takes a few milliseconds and no turn of another's.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError(OVER)
            done = await start()
            self._processes.append(by.provisioner.process)
        return done

    def close(self) -> None:
        """End all that are still there; from now on none is started."""
        with self._lock:
            self._closed = True
        for process in self._processes:
            _end(process)


class _Kept:
    """A manager of a kernel, of jupyter_client's, which leaves nothing outside the batch's folder.

    Nor when a thread comes to its kernel after the batch has ended, its folder is gone, and the usual
    place for what is temporary is another's.
    """

    ordinary: Ordinary
    folder: str
    connection_file: Any
    provisioner: Any

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.connection_file = os.path.join(self.folder, f"kernel-{uuid.uuid4()}.json")


class _Ordinary(_Kept, AsyncKernelManager):
    """A manager that keeps the kernel's process in mind."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        start = partial(super()._async_launch_kernel, kernel_cmd, **kw)
        await self.ordinary.started(start, self)

    _launch_kernel = _async_launch_kernel


def _end(process: subprocess.Popen[bytes]) -> None:
    """End an ordinary kernel's process that is still there, with all that it started."""
    if process.poll() is not None:
        return
    if sys.platform != "win32":  # it leads a group of its own
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


class _Manager(_Kept, AsyncKernelManager):
    """A manager that has the kernel forked."""

    zygote: "Zygote"

    async def _async_pre_start_kernel(self, **kw: Any) -> tuple[list[str], dict[str, Any]]:
        if self.provisioner is None:
            self.kernel_id = self.kernel_id or str(id(self))
            spec = self.kernel_spec
            self.provisioner = Provisioner(kernel_id=self.kernel_id, kernel_spec=spec, parent=self)
        return await super()._async_pre_start_kernel(**kw)

    pre_start_kernel = _async_pre_start_kernel


class Provisioner(LocalProvisioner):
    """jupyter_client's way to a process, by a fork of the zygote, or the ordinary one if that fails."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel whose command line is given."""
        if cmd[:3] == [sys.executable, "-m", "ipykernel_launcher"]:
            zygote = cast(_Manager, self.parent).zygote
            folder = str(kwargs.get("cwd") or os.getcwd())
            with suppress(OSError, ValueError):  # the zygote is gone
                pid = zygote.fork(cmd[3:], dict(kwargs["env"]), folder)
                self.process = Forked(pid)  # type: ignore[assignment] # all that is used of a Popen
                self.pid = self.pgid = pid
                return self.connection_info
        manager = cast(_Manager, self.parent)
        return await manager.ordinary.started(partial(super().launch_kernel, cmd, **kwargs), manager)


def imported(sources: Iterable[bytes]) -> list[str]:
    """The modules, of the families above, that some notebooks (the content of their files) import."""
    cells = (cell for source in set(sources) for cell in json.loads(source)["cells"])
    code = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    names = sorted({name for source in code for name in _imports(source)})
    return [name for name in names if name.partition(".")[0] in FAMILIES]


def _imports(source: str) -> list[str]:
    """Every module that a cell's import statements may mean; none if the cell is not plain Python."""
    try:
        statements = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return []
    names = [alias.name for s in statements if isinstance(s, ast.Import) for alias in s.names]
    for s in statements:
        if isinstance(s, ast.ImportFrom) and s.module and not s.level:
            names += [s.module, *(f"{s.module}.{alias.name}" for alias in s.names)]
    return names


class Zygote:
    """The driver's end of a zygote: starts it, asks it for kernels, ends it."""

    def __init__(self, modules: Iterable[str]) -> None:
        environment = os.environ | {"MPLBACKEND": INLINE}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "analysis.batch.zygote", *modules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None  # a pipe, as asked for
        assert self._process.stdout is not None  # the same
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._lock = threading.Lock()

    def fork(self, arguments: list[str], environment: dict[str, str], folder: str) -> int:
        """Start a kernel with the arguments of its command line; return its process number."""
        request = {"arguments": arguments, "environment": environment, "folder": folder}
        with self._lock:
            self._requests.write(json.dumps(request) + "\n")
            self._requests.flush()
            return int(self._answers.readline())

    def close(self) -> None:
        """End the zygote and what is left of its kernels."""
        for pipe in (self._requests, self._answers):
            with suppress(BrokenPipeError):
                pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Forked:
    """A kernel's process as jupyter_client wants it: what it uses of :class:`subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """None while the process is there."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Called when the process has ended: the zygote has waited for it."""
        return 0

    def send_signal(self, number: int) -> None:
        """Send a signal, if the process is still there."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)
