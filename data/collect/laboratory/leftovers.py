"""What is made for a while carries the process's number, by which what killed ones left is found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from data.collect.tcp_stalls import run

NAMESPACES = f"lab{os.getpid()}"
"""What the names of this laboratory's namespaces begin with."""


def folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for a while."""
    return tempfile.TemporaryDirectory(prefix=f"laboratory-{os.getpid()}-")


def of_killed(names: list[str], pattern: str, processes: Path = Path("/proc")) -> list[str]:
    """Of some names those whose number, the pattern's group, is that of no running process."""
    found = [(name, re.fullmatch(pattern, name)) for name in names]
    return [name for name, match in found if match and not (processes / match[1]).exists()]


def tidy() -> None:
    """Remove what laboratories that were killed left behind; nothing else."""
    for name in of_killed(spaces(), r"lab(\d+)-(?:[ab]|try)"):
        run("ip", "netns", "del", name)
    kept = Path(tempfile.gettempdir())
    for name in of_killed([each.name for each in kept.glob("laboratory-*")], r"laboratory-(\d+)-\w+"):
        shutil.rmtree(kept / name)


def own() -> None:
    """Remove this laboratory's namespaces: a signal can come while one is made, before it is noted."""
    for name in spaces():
        if name.startswith(f"{NAMESPACES}-"):
            run("ip", "netns", "del", name)


def spaces() -> list[str]:
    """The names of all network namespaces."""
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    return [line.split()[0] for line in listed.splitlines() if line.strip()]
