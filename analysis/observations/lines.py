"""Text as hosts write it, line by line in bounded memory: UTF-8, UTF-16, a Windows code page.

Line ends may be of any kind and mixed; line numbers are those that an editor shows.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from analysis.observations.record import Notes
from analysis.observations.sources import CODE_PAGE, TableError, encoding_of, readable, separator

LONGEST = 16 * 2**20
"""Characters of a line beyond which a file is no text."""
BLANK = b"\0 \t\r\n\xff\xfe\xef\xbb\xbf"
"""What a file holds that is empty: blanks and marks of encodings."""

Progress = Callable[[int, int], None]
"""Called now and then with bytes read and bytes in all."""


def beginning(path: str | Path, size: int = 65536) -> bytes:
    """The first bytes of a file that are not all blank; TableError where there is no file."""
    with opened(path) as file:
        head = file.read(size)
        while head and not head.strip(BLANK):
            head = file.read(size)
    return head


def opened(path: str | Path) -> BinaryIO:
    """A file, or what came through a pipe, for reading its bytes; TableError where that cannot be."""
    file = readable(path)
    try:
        return file.open("rb")
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}") from None


def read_lines(path: str | Path, notes: Notes, progress: Progress | None = None) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1 on, without their ends; TableError for what is no text."""
    head = beginning(path)
    if not head.strip(BLANK):
        raise TableError(f"{path} is empty")
    encoding = encoding_of(head)
    if encoding == "utf-8" and b"\0" in head.rstrip(b"\0"):
        raise TableError(f"{path} is not text (byte {head.index(0)} is zero)")
    if encoding.startswith("utf-16"):
        notes.add("the text is UTF-16, as PowerShell's > writes it; it was read as that")
    size, number = readable(path).stat().st_size, 0
    how = "surrogateescape" if "8" in encoding else "replace"
    with opened(path) as raw, TextIOWrapper(raw, encoding=encoding, errors=how) as file:
        while text := file.readline(LONGEST):
            number += 1
            if _is_no_text(text, number, notes):
                break
            if progress and number % 4096 == 1:
                # What is written to the file meanwhile is read too, and is no part of the size.
                progress(min(raw.tell(), size), size)
            yield number, _mended(text, number, notes).rstrip("\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if progress:
        progress(size, size)


def _is_no_text(text: str, number: int, notes: Notes) -> bool:
    """True, with a note, where text ends: at zeros, as a write leaves them that was broken off."""
    if not text.strip("\0\r\n") and "\0" in text:
        notes.add("writing was broken off: from here on there are only zeros", number)
        return True
    if len(text) >= LONGEST:
        told = f"a line of more than {LONGEST >> 20} MiB is no text"
        notes.add(f"{told}; what stands before was read", number)
        return True
    return False


def _mended(text: str, number: int, notes: Notes) -> str:
    """Bytes that are no UTF-8 as characters of the code page, with a note."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        notes.add(f"bytes that are not UTF-8 were read as {CODE_PAGE}", number, f"bytes read as {CODE_PAGE}")
        return text.encode("utf-8", "surrogateescape").decode(CODE_PAGE, "replace")
    if "\N{REPLACEMENT CHARACTER}" in text:
        notes.add(
            "there are bytes that are no characters of its encoding", number, "bytes that are no characters"
        )
    return text


def read_cells(
    path: str | Path, notes: Notes, progress: Progress | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Rows of a CSV file with the number of their first line; the separator is what its first row shows.

    Lines before the header that are blank or begin with ``#`` are left out. A row whose quotes do not close
    is told and left out.
    """
    lines = (item for item in read_lines(path, notes, progress))
    at = _Numbered(lines)
    first = next((text for text in at if text.strip() and not text.startswith("#")), "")
    reader = csv.reader(at.again(first), delimiter=separator(first), strict=True)
    while True:
        begin = at.number + 1 if reader.line_num else at.number
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            why = "the file ends inside quotes" if "end of data" in str(error) else str(error)
            notes.add(f"a row was left out: {why}", begin, "a row was left out")
            reader = csv.reader(at, delimiter=separator(first), strict=True)
            begin = at.number
            continue
        if any(cell.strip() for cell in row):
            yield begin, row


class _Numbered:
    """Lines with the number of the last one taken; ``again`` puts one line back at the front."""

    def __init__(self, lines: Iterator[tuple[int, str]]):
        self.lines, self.number = lines, 0
        self.first: str | None = None

    def again(self, text: str) -> _Numbered:
        self.first = text
        return self

    def __iter__(self) -> _Numbered:
        return self

    def __next__(self) -> str:
        if self.first is not None:
            text, self.first = self.first, None
            return text + "\n"
        self.number, text = next(self.lines)
        return text + "\n"
