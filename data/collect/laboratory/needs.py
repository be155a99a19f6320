"""What the laboratory needs of a machine, looked at before anything runs and said in sentences."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from data.collect.laboratory import guest
from data.collect.laboratory.machine import QEMU

PACKAGES = {
    QEMU: "qemu-system-x86",
    "gcc": "gcc",
    "ld": "binutils",
    "ip": "iproute2",
    "tc": "iproute2",
    "setpriv": "util-linux",
    "sysctl": "procps",
}
"""Programs, and the Debian packages that hold them."""


def missing() -> list[str]:
    """What keeps this machine from measuring, a sentence each; empty where nothing does."""
    return [*_of_system(), *_of_programs()] or _of_trial()


def _of_system() -> list[str]:
    """System, processor and user."""
    if sys.platform != "linux":
        return [f"it runs on Linux, and this is {platform.system()}"]
    found = []
    if platform.machine() not in ("x86_64", "AMD64"):
        found.append(f"the guest is built for x86, and this processor is {platform.machine()}")
    if os.geteuid() != 0:
        found.append("it makes network namespaces, which needs root: begin the command with sudo")
    return found


def _of_programs() -> list[str]:
    """Programs that are not there, with the one command that brings them."""
    names = [name for name in PACKAGES if shutil.which(name) is None]
    if not names:
        return []
    command = (
        f"apt-get install --no-install-recommends {' '.join(sorted({PACKAGES[name] for name in names}))}"
    )
    return [f"there is no {', '.join(names)}; on Debian: {command}"]


def _of_trial() -> list[str]:
    """What only a trial tells: whether the compiler builds the guest, and the kernel makes a limited link."""
    found = []
    with tempfile.TemporaryDirectory(prefix="laboratory-") as folder:
        try:
            guest.build(Path(folder))
        except subprocess.CalledProcessError as error:
            found.append(f"gcc does not build the guest: {error.stderr.strip().splitlines()[0]}")
    return [*found, *_of_link()]


def _of_link() -> list[str]:
    """Whether namespaces, a veth pair and a token bucket can be made."""
    name = f"lab{os.getpid()}-try"
    bucket = "root tbf rate 1gbit burst 256kb limit 1mb"
    steps = (
        ("a network namespace", f"ip netns add {name}"),
        ("a veth pair (kernel module veth)", f"ip -n {name} link add try0 type veth peer name try1"),
        ("a token bucket (kernel module sch_tbf)", f"tc -n {name} qdisc add dev try0 {bucket}"),
    )
    try:
        for what, command in steps:
            done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
            if done.returncode:
                return [f"this kernel does not let it make {what}: {done.stderr.strip()}"]
        return []
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def accelerator(wanted: str) -> str:
    """``kvm`` where the processor can, else ``tcg``, software emulation; or what is wanted."""
    if wanted != "auto":
        return wanted
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    able = os.access("/dev/kvm", os.R_OK | os.W_OK) and {"vmx", "svm"} & set(flags)
    return "kvm" if able else "tcg"
