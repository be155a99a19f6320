"""A process that imports once and forks a kernel for each notebook: ``python -m analysis.batch.zygote``.

It reads requests from its standard input, a line of JSON each, and answers with a line: the process number of
the kernel. When its input ends (its driver has ended, however), it ends its kernels and itself. It only
imports, and loads the compiled laws: no notebook runs in it, so that every kernel starts from the same clean
memory.
"""

import gc
import importlib
import json
import os
import random
import signal
import sys
from contextlib import suppress
from typing import Any

ALWAYS = ("ipykernel.kernelapp", "ipykernel.ipkernel", "matplotlib_inline.config")
KERNELS: set[int] = set()


def main(modules: list[str]) -> None:
    """Import, then fork a kernel for each request until the input ends."""
    for module in (*ALWAYS, *modules):
        try:
            importlib.import_module(module)
        except Exception:  # the name of a function, or a module that is not there: the kernel will say it
            continue
    if (model := sys.modules.get("analysis.model.migration")) is not None:
        model.load_compiled()
    gc.freeze()
    signal.signal(signal.SIGCHLD, bury)
    for line in sys.stdin:
        # A kernel must be in the list before it can be buried.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = fork(json.loads(line))
        KERNELS.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        try:
            print(pid, flush=True)
        except BrokenPipeError:  # the driver was killed while it waited for the answer
            break
    # From here on a kernel that ends keeps its number: none can be another process's by now.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for pid in KERNELS:
        end(pid)


def bury(*_: Any) -> None:
    """Wait for kernels that have ended, so that their numbers are free and their driver sees it."""
    with suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            KERNELS.discard(pid)


def fork(request: dict[str, Any]) -> int:
    """Fork a kernel and return its process number."""
    zygote = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            become_kernel(request, zygote)
        finally:
            os._exit(0)
    return pid


def become_kernel(request: dict[str, Any], zygote: int) -> None:
    """In a fork: be what ``python -m ipykernel_launcher`` would be, for as long as the zygote lives."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.environ.clear()
    os.environ.update(request["environment"], JPY_PARENT_PID=str(zygote))
    os.chdir(request["folder"])
    # ipykernel read JPY_PARENT_PID when it was imported, long before this: without the argument no fork would
    # end when its zygote is killed.
    parent = f"--IPKernelApp.parent_handle={zygote}"
    sys.argv = ["ipykernel_launcher", *request["arguments"], parent]
    # Forks would draw the same numbers from the generators that the interpreter and NumPy share out.
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    app = sys.modules["ipykernel.kernelapp"].IPKernelApp.instance()
    app.initialize(sys.argv[1:])
    show_pictures(app.shell)
    app.start()


def show_pictures(shell: Any) -> None:
    """Have a kernel show figures in its cells: where the backend was imported before there was a shell, it
    could not tell it."""
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline is not None and "matplotlib" in sys.modules:
        backend = sys.modules["matplotlib"].get_backend()
        sys.modules["IPython.core.pylabtools"].activate_matplotlib(backend)
        inline.configure_inline_support(shell, backend)


def end(pid: int) -> None:
    """End a kernel that is still there, with all that it started; it may not lead its group yet."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
