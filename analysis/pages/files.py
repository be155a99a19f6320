"""Files that are either there in full or not at all, whatever stops the writing."""

import os
from pathlib import Path


def write(path: Path, content: str | bytes) -> Path:
    """Write a file under another name and rename it into place."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        half.write_bytes(data)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return path


def remove_halves(folder: Path) -> None:
    """Remove what a killed run left half written in a folder."""
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)
