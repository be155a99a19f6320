"""Where a table or a recording comes from: a file, a pipe, standard input, or nothing that can be read.

A pipe can be read only once, and readers look at a file more than once; so what comes through it is kept.
"""

from __future__ import annotations

import codecs
import errno
import os
import re
import select
import stat
import tempfile
from functools import cache
from pathlib import Path

from analysis import home
from analysis.errors import UserError
from analysis.observations import packed

ROOT = home.STUDY
"""The study's folder, or what a wheel carried of it."""
PATIENCE_S, AGAIN_S = 5.0, 0.05
"""How long a named pipe may be without a writer, at first and once it was read."""
AT_ONCE = 2**20
KINDS = ((stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"), (stat.S_ISSOCK, "a socket"))


CODE_PAGE = "cp1252"
"""What Windows of Western Europe and America writes where it writes neither UTF-8 nor UTF-16."""
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class TableError(UserError):
    """A table that cannot be read as what it should be; the message is one sentence."""


def located(path: str | Path) -> Path:
    """The path as it is, or, where there is no such file, as seen from the repository's folder.

    So ``data/migrations.csv`` in a notebook is found from any working directory.
    """
    path, inside = Path(path), ROOT / path
    try:
        return inside if inside.exists() and not path.exists() else path
    except (OSError, ValueError):
        return path


def readable(path: str | Path) -> Path:
    """A file that can be opened again and again: ``path`` itself, or what came through it as a pipe.

    Raises TableError with a sentence for what is no file: a folder, a device, a link to itself, a named pipe
    to which nothing writes.
    """
    found = located(path)
    try:
        told = found.stat()
    except (OSError, ValueError) as error:
        raise TableError(_why(path, error)) from None
    if stat.S_ISDIR(told.st_mode):
        raise TableError(f"{path} is a folder, not a file")
    for is_kind, name in KINDS:
        if is_kind(told.st_mode):
            raise TableError(f"{path} is {name}, not a file")
    if not stat.S_ISFIFO(told.st_mode):
        return _unpacked(path, found, (told.st_size, told.st_mtime_ns))
    key = (str(found), told.st_dev, told.st_ino)
    # What comes through it later, from another writer, is another file.
    patience_s = PATIENCE_S if key not in _kept() else AGAIN_S
    content = _copy(path, found, patience_s, again=_kept().get(key) is not None)
    _kept()[key] = content or _kept().get(key)
    kept = _kept()[key]
    if kept is None:
        raise TableError(f"{path} is a named pipe, and nothing writes to it")
    return kept


def _unpacked(path: str | Path, found: Path, mark: tuple[int, int]) -> Path:
    """The file itself, or, where it was packed, what it holds; TableError where that cannot be had whole."""
    try:
        packer = packed.packer_of(found)
    except OSError as error:
        raise TableError(_why(path, error)) from None
    if not packer:
        return found
    key = (str(found), *mark)
    if key not in _kept():
        number, name = tempfile.mkstemp(dir=_folder().name)
        with os.fdopen(number, "wb") as file:
            reason = packed.unpack(found, packer, file)
        if reason:
            os.unlink(name)
            raise TableError(f"{path} is packed with {packer}, and cannot be unpacked: {reason}")
        _kept()[key] = Path(name)
    return _kept()[key] or found


def _why(path: str | Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"there is no file {path}"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return f"{path} is a link that leads to itself"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{path} cannot be read: {reason}"


@cache
def _kept() -> dict[tuple[str, int, int], Path | None]:
    """Copies of what came through pipes or was packed, while this process runs; None where nothing came."""
    return {}


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="migration-study-")


def _copy(path: str | Path, pipe: Path, patience_s: float, *, again: bool) -> Path | None:
    """All that comes through a pipe, as a file; None where nothing comes, or nothing new."""
    try:
        source = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise TableError(_why(path, error)) from None
    try:
        begun = _first_bytes(source, patience_s)
        if begun is None or (again and not begun):
            return None
        os.set_blocking(source, True)
        number, name = tempfile.mkstemp(dir=_folder().name)
        with os.fdopen(number, "wb") as file:
            file.write(begun)
            while part := os.read(source, AT_ONCE):
                file.write(part)
    finally:
        os.close(source)
    return Path(name)


def _first_bytes(source: int, patience_s: float) -> bytes | None:
    """The first bytes that are written to a pipe; none where its writer is done, None where there is none.

    Without a writer a read comes back at once and brings nothing; with one that is slow it says so.
    """
    waiting = select.poll()
    waiting.register(source, select.POLLIN | select.POLLHUP)
    while not waiting.poll(1000 * patience_s):
        try:
            return os.read(source, AT_ONCE) or None
        except BlockingIOError:
            continue
    return os.read(source, AT_ONCE)


def text_of(path: str | Path) -> str:
    """All of a text file that is UTF-8, UTF-16 or of a Windows code page; TableError for any other."""
    return decoded(path)[0]


def decoded(path: str | Path) -> tuple[str, str]:
    """All of a text file, and the encoding that it was read as."""
    try:
        raw = readable(path).read_bytes()
    except OSError as error:
        raise TableError(_why(path, error)) from None
    encoding = encoding_of(raw[:65536])
    try:
        return raw.decode(encoding), encoding
    except UnicodeDecodeError as error:
        if encoding.startswith("utf-8") and not _NO_TEXT.search(raw):
            # What Excel saves as plain "CSV" in Western Europe and America.
            return raw.decode(CODE_PAGE, "replace"), CODE_PAGE
        told = f"{path} is not UTF-8 text (byte {error.start})"
        raise TableError(f"{told}; save it as CSV in UTF-8") from None


_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x81\x8d\x8f\x90\x9d]")
"""Bytes that are no characters of the code page, or none that a text has."""


def separator(header: str) -> str:
    """Comma, semicolon (Export-Csv -UseCulture) or tab, whichever separates the header."""
    outside = "".join(header.split('"')[::2])
    return max(",;\t", key=outside.count)


def encoding_of(head: bytes) -> str:
    """The encoding that a file's first bytes tell, by its mark or by the zeros of UTF-16; else UTF-8."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    if len(head) >= 4 and b"\0" in head[:64]:
        odd, even = head[1:64:2].count(0), head[:64:2].count(0)
        if max(odd, even) > 0.6 * min(len(head), 64) / 2:
            return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"
