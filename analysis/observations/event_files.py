"""The events of a log file, whoever wrote it: .evtx, Export-Csv, Export-Clixml, Format-List, XML.

Whatever the form, an event has an id, a time, the machine, its properties as text, its message, and its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from zlib import crc32

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from analysis.observations.counter_files import Clock
from analysis.observations.event_lists import is_list, read_list
from analysis.observations.lines import Progress, beginning, opened, read_cells, read_lines
from analysis.observations.record import Notes
from analysis.observations.sources import encoding_of, readable
from analysis.observations.tables import TableError

LINE = "{line}"
GUID = re.compile(r"\{?[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")
MACHINE = {"vmname": "vm", "vmid": "vm_id"}
DEEPEST = 200
"""Elements inside each other beyond which an XML file is no log."""


@dataclass(frozen=True)
class Event:
    """One event of a log; ``time_s`` since 1970 on the log's clock, None where it has none."""

    id: int
    time_s: float | None
    vm: str
    vm_id: str
    properties: tuple[str, ...]
    message: str
    line: int


def read_event_file(path: str | Path, notes: Notes, progress: Progress | None = None) -> Iterator[Event]:
    """All events of a log file; what is no event is told and left out."""
    head = beginning(path)
    if head.startswith(b"ElfFile\0"):
        return _evtx(path, notes)
    first = next((text for _, text in read_lines(path, Notes(path)) if text.strip()), "")
    if first.lstrip("\N{BYTE ORDER MARK} \t").startswith("<"):
        return _xml(path, notes, progress)
    if is_list(head.decode(encoding_of(head), "replace")):
        return _list(path, notes, progress)
    return _csv(path, notes, progress)


def event(
    number: object,
    stamp: str,
    properties: Sequence[str],
    message: str,
    line: int,
    notes: Notes,
    clock: Clock,
    named: dict[str, str] | None = None,
) -> Event | None:
    """An event from its texts; None, with a note, where the id is no number."""
    text = str(number).strip()
    if not re.fullmatch(r"\d{1,9}", text):
        notes.add(
            f"the id {text[:40]!r} is not a number; the event is left out", line, "an id is not a number"
        )
        return None
    at = clock.read(stamp) if stamp.strip() else None
    if at is None:
        notes.add(f"{stamp.strip()[:40]!r} is not a time", line, "an event has no time")
    named = named or {}
    guid = next((p for p in properties if GUID.fullmatch(p.strip())), "") or _guid_in(message)
    vm = named.get("vm", "") or _name_before(properties, guid) or _name_quoted(message)
    return Event(
        int(text),
        at,
        vm,
        (named.get("vm_id", "") or guid).strip("{}").upper(),
        tuple(properties),
        message,
        line,
    )


def _guid_in(message: str) -> str:
    """The machine's ID, which messages end in: ``(Virtual machine ID ...)``."""
    found = GUID.findall(message)
    return found[-1] if found else ""


def _name_before(properties: Sequence[str], guid: str) -> str:
    """The machine's name: the property before its ID, as 20415 has them."""
    place = list(properties).index(guid) if guid in properties else -1
    return properties[place - 1].strip() if place > 0 else ""


_QUOTED = re.compile(
    r"(?:virtual machine|live migration of|migration operation for)"
    '\\s+["\N{LEFT DOUBLE QUOTATION MARK}]([^"\N{RIGHT DOUBLE QUOTATION MARK}\n]{1,100})'
    '["\N{RIGHT DOUBLE QUOTATION MARK}]',
    re.IGNORECASE,
)


def _name_quoted(message: str) -> str:
    """The machine's name where a message has it in quotation marks behind the words that say so."""
    match = _QUOTED.search(message)
    return match[1].strip() if match else ""


class IsoClock(Clock):
    """Stamps of XML: ISO 8601 with up to nine digits of a second, as UTC where a zone is given."""

    def read(self, text: str) -> float | None:
        """Seconds since 1970; None for what is no stamp."""
        short = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
        try:
            stamp = datetime.fromisoformat(short)
            zone = stamp.utcoffset()
        except ValueError:
            return None
        seconds = (stamp.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds()
        return seconds - (zone.total_seconds() if zone else 0.0)


# --- Export-Csv ---------------------------------------------------------------------------


def _csv(path: str | Path, notes: Notes, progress: Progress | None) -> Iterator[Event]:
    cells = read_cells(path, notes, progress)
    _, head = next(cells, (0, []))
    places: dict[str, int] = {}
    for i, name in enumerate(head):
        key = name.strip().lower().replace(" ", "")
        if key in places:
            notes.add(f"the column {name.strip()[:40]!r} stands twice; the first is read")
        places.setdefault(key, i)
    places["id"] = places.get("id", places.get("eventid", -1))
    if places["id"] < 0:
        raise TableError(f"{path} is no list of events: it has no column Id")
    clock = Clock(notes)
    for line, row in cells:
        if len(row) != len(head):
            notes.add(f"the row has {len(row)} cells, the header {len(head)}; it is left out", line,
                      "a row has another number of cells than the header")  # fmt: skip
            continue
        cell = {name: row[i] for name, i in places.items()}
        told = event(cell["id"], cell.get("timecreated", ""), _listed(cell.get("properties", "")),
                     cell.get("message", ""), line, notes, clock)  # fmt: skip
        if told:
            yield told


def _listed(text: str) -> list[str]:
    """Properties that were joined by |; Export-Csv by itself writes only the name of their type."""
    return [] if text.startswith("System.") or not text.strip() else text.split("|")


def _list(path: str | Path, notes: Notes, progress: Progress | None) -> Iterator[Event]:
    """Events of Format-List."""
    clock = Clock(notes)
    for line, cell in read_list(path, notes, progress):
        number = cell.get("id", cell.get("eventid", ""))
        told = event(number, cell.get("timecreated", ""), (), cell.get("message", ""), line, notes, clock)
        if told:
            yield told


# --- XML ------------------------------------------------------------------------------------


class TooDeepError(ValueError):
    """XML whose elements are nested beyond :data:`DEEPEST`."""


class _Lined(TreeBuilder):
    """A tree whose elements know their line."""

    parser: Any = None
    depth = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        """Begin an element."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise TooDeepError("its elements are nested too deeply")
        return super().start(
            tag.rpartition("}")[2], {**attrs, LINE: str(self.parser.parser.CurrentLineNumber)}
        )

    def end(self, tag: str) -> Element:
        """End an element; what is an event is handed on, and forgotten."""
        self.depth -= 1
        element = super().end(tag.rpartition("}")[2])
        if element.tag == "Event" or (element.tag == "Obj" and element.find("Props/*[@N='Id']") is not None):
            self.ready.append(element)
        return element

    def __init__(self) -> None:
        super().__init__()
        self.ready: list[Element] = []


def _xml(path: str | Path, notes: Notes, progress: Progress | None) -> Iterator[Event]:
    """Events of XML, with or without one element around them all (wevtutil writes them without)."""
    tree = _Lined()
    tree.parser = parser = DefusedXMLParser(target=tree, forbid_dtd=True)
    clock = IsoClock()
    opened = False
    try:
        for _, text in read_lines(path, notes, progress):
            if not opened:
                text = _without_head(text)
                opened = bool(text.strip())
                if text.lstrip().startswith("<!"):
                    raise TableError(f"{path} declares entities or a document type, which a log never does")
                text = "<all>" + text if opened else ""
            parser.feed(text + "\n")
            while tree.ready:
                yield from _event_of(tree.ready.pop(0), notes, clock)
    except DefusedXmlException as error:
        raise TableError(
            f"{path} declares entities or a document type, which a log never does ({type(error).__name__})"
        ) from None
    except (ParseError, TooDeepError) as error:
        line = error.position[0] if isinstance(error, ParseError) else parser.parser.CurrentLineNumber
        notes.add(
            f"from here on this is no XML ({str(error).split(':')[0]}); what stands before was read", line
        )
    while tree.ready:
        yield from _event_of(tree.ready.pop(0), notes, clock)
    if tree.depth > 1:
        notes.add("the file ends inside an element; what stands before was read")


def _without_head(text: str) -> str:
    """The first line without ``<?xml ...?>``, whose encoding is no longer true of the text."""
    return re.sub(r"^[\N{BYTE ORDER MARK}\s]*<\?xml[^>]*\?>", "", text)


def _event_of(element: Element, notes: Notes, clock: IsoClock) -> Iterator[Event]:
    parts = _of_log(element) if element.tag == "Event" else _of_object(element)
    line = int(element.get(LINE, "0"))
    element.clear()
    if parts is None:
        return
    number, stamp, properties, message, named = parts
    told = event(number, stamp, properties, message, line, notes, clock, named)
    if told:
        yield told


Parts = tuple[str, str, list[str], str, dict[str, str]]


def _of_log(element: Element) -> Parts:
    """The log's own XML: System, then UserData or EventData."""
    number = element.findtext("System/EventID") or ""
    created = element.find("System/TimeCreated")
    named, properties = {}, []
    for data in (*element.iterfind("UserData/*/*"), *element.iterfind("EventData/*")):
        name, text = (data.get("Name") or data.tag).lower(), (data.text or "").strip()
        properties.append(text)
        if name in MACHINE:
            named[MACHINE[name]] = text
    message = element.findtext("RenderingInfo/Message") or ""
    return number, created.get("SystemTime", "") if created is not None else "", properties, message, named


def _of_object(element: Element) -> Parts | None:
    """Export-Clixml: an object's properties by their names."""
    props = element.find("Props")
    if props is None:
        return None
    texts = {child.get("N"): child.text or "" for child in props}
    if "Id" not in texts:
        return None
    listed = next((child for child in props if child.get("N") == "Properties"), None)
    values = (
        [_unescaped(v.text or "") for v in listed.iter() if v.get("N") == "Value"]
        if listed is not None
        else []
    )
    message = texts.get("Message") or next(
        (child.text or "" for child in element.iterfind("MS/S") if child.get("N") == "Message"), ""
    )
    return texts["Id"], texts.get("TimeCreated", ""), values, _unescaped(message), {}


def _unescaped(text: str) -> str:
    r"""Text as it was before Export-Clixml: ``_x000D_`` is a carriage return."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), text)


# --- .evtx ------------------------------------------------------------------------------------

FILE_HEADER, CHUNK = 4096, 65536
MOST_RECORDS = 10_000_000


def _evtx(path: str | Path, notes: Notes) -> Iterator[Event]:
    """Events of a binary log; their line is the number of their record."""
    try:
        from evtx import PyEvtxParser
    except ImportError:
        raise TableError(
            f"{path} is a binary event log; reading it needs the package evtx: "
            "pip install 'live-migration-study[evtx]'"
        ) from None
    clock = IsoClock()
    for number, xml in _records(PyEvtxParser, path, notes):
        tree = _Lined()
        tree.parser = parser = DefusedXMLParser(target=tree, forbid_dtd=True)
        try:
            parser.feed(_without_head(xml))
            parser.close()
        except (ParseError, DefusedXmlException, TooDeepError):
            notes.add("the record is no event; it is left out", number, "a record is no event")
        for element in tree.ready:
            element.set(LINE, str(number))
            yield from _event_of(element, notes, clock)


def _records(parser: Any, path: str | Path, notes: Notes) -> Iterator[tuple[int, str]]:
    """Number and XML of each record that can be read, also of a last chunk that is cut off."""
    begun, rest = _look_over(path, notes)
    yield from _parsed(parser, str(readable(path)), path, notes)
    if rest:
        notes.add("the log is cut off within its last chunk; the records before that were read")
        yield from _parsed(parser, BytesIO(begun + rest.ljust(CHUNK, b"\0")), path, notes)


def _look_over(path: str | Path, notes: Notes) -> tuple[bytes, bytes]:
    """The header of a log and what there is of a chunk that is cut off; wrong checksums are told.

    The parser takes records as they stand, so a figure that was damaged would be read without a word.
    """
    with opened(path) as file:
        begun, number = file.read(FILE_HEADER), 0
        while len(chunk := file.read(CHUNK)) == CHUNK:
            number += 1
            if chunk.strip(b"\0") and not _is_sound(chunk):
                told = f"the checksum of chunk {number} is wrong, so its figures may be false: it was changed"
                notes.add(f"{told}, or copied while it was written", kind="a checksum is wrong")
    return begun.ljust(FILE_HEADER, b"\0"), chunk


def _is_sound(chunk: bytes) -> bool:
    """True where the checksums of a chunk's header and of its records are right."""
    free, records, header = (int.from_bytes(chunk[at : at + 4], "little") for at in (48, 52, 124))
    whole = crc32(chunk[:120] + chunk[128:512]) == header and 512 <= free <= CHUNK
    return whole and crc32(chunk[512:free]) == records


def _parsed(parser: Any, source: str | BytesIO, path: str | Path, notes: Notes) -> Iterator[tuple[int, str]]:
    """Number and XML of each record; what cannot be read is told."""
    try:
        records = iter(parser(source).records())
    except (RuntimeError, ValueError, OSError) as error:
        raise TableError(f"{path} is no readable event log ({str(error)[:80]})") from None
    number = 0
    while True:
        number += 1
        try:
            found = next(records)
        except StopIteration:
            return
        except (RuntimeError, ValueError, OSError) as error:
            notes.add(f"the record cannot be read ({str(error)[:60]})", number, "a record cannot be read")
            if number > MOST_RECORDS:
                return
            continue
        number = int(found.get("event_record_id", number))
        yield number, found["data"]
