"""What a report depends on, so that only those are made again that could come out otherwise.

Beside each executed notebook lies ``NAME.json``, the record of its run, written last: the digest of notebook,
parameters, code and package versions, and the checksums of the data files it read.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from analysis.batch import reads

PACKAGES = ("numpy", "scipy", "pandas", "matplotlib", "seaborn", "papermill", "nbconvert")


@cache
def versions() -> dict[str, str]:
    """Versions of Python, of this study and of the packages whose numbers and pictures a report holds."""
    found = {"Python": platform.python_version()}
    for package in ("live-migration-study", *PACKAGES):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def code() -> str:
    """Digest of the package: its modules and templates."""
    package, digest = Path(__file__).resolve().parents[1], hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def digest(notebook: bytes, parameters: Mapping[str, Any]) -> str:
    """Digest of all that a run starts from, but for its data files."""
    parts = [hashlib.sha256(notebook).hexdigest(), dict(parameters), code(), versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def holds(record: Mapping[str, Any], current: str) -> bool:
    """Whether the run that left this record would come out the same: it did not fail, nothing has changed."""
    return record["failure"] is None and record["digest"] == current and reads.unchanged(record["data"])
