"""Logs that were packed when they were rotated: gzip, bzip2 and xz, by their content and not their names."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

PACKERS: tuple[tuple[bytes, str, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", "gzip", gzip.open),
    (b"BZh", "bzip2", bz2.open),
    (b"\xfd7zXZ\0", "xz", lzma.open),
)
MOST = 2 * 2**30
"""Bytes of an unpacked log beyond which a file is taken for a trap."""
AT_ONCE = 2**20


def packer_of(path: Path) -> str:
    """The name of the program that packed a file; empty for one that is not packed."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((name for mark, name, _ in PACKERS if head.startswith(mark)), "")


def unpack(path: Path, packer: str, into: BinaryIO) -> str:
    """Write what a packed file holds; the reason, empty for none, why that ended before its end."""
    opened = next(how for _, name, how in PACKERS if name == packer)
    size = 0
    try:
        with opened(path) as source:
            while part := source.read(AT_ONCE):
                size += len(part)
                if size > MOST:
                    return f"it unpacks to more than {MOST >> 30} GiB"
                into.write(part)
    except EOFError:
        return "it is cut off"
    except (OSError, zlib.error, lzma.LZMAError) as error:
        return f"it is damaged ({' '.join(str(error).split())[:60]})"
    return ""
