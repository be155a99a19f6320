"""A binary event log as Windows keeps it, for the tests: header, chunk, records, templates, checksums.

After the format that libevtx documents ("Windows XML Event Log (EVTX) format"); nothing comes from a host.
Each event is an instance of a template, and its user data are binary XML inside it with a template of their
own, as in the logs of Hyper-V. Only what the format asks for is written: one chunk, no shared strings.
"""

import struct
import uuid
import zlib
from datetime import UTC, datetime

HEADER, CHUNK, RECORDS = 4096, 65536, 512
FRAGMENT, END = b"\x0f\x01\x01\x00", b"\x00"
OPEN, CLOSE_START, CLOSE_EMPTY, CLOSE, VALUE, ATTRIBUTE, TEMPLATE, SUBSTITUTION = 1, 2, 3, 4, 5, 6, 0x0C, 0x0D
MORE = 0x40
STRING, UINT16, UINT32, GUID, FILETIME, BINARY_XML = 0x01, 0x06, 0x08, 0x0F, 0x11, 0x21
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
SPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
VIRTUALIZATION = "http://www.microsoft.com/Windows/Virtualization/Events"


class Sub:
    """A place in a template that each record fills: the number and type of its value."""

    def __init__(self, number, kind):
        self.number, self.kind = number, kind


def utf16(text):
    """Characters of a text, without a mark."""
    return text.encode("utf-16-le")


def name(text, at):
    """A name at a place of the chunk: the place of the name itself, which follows at once."""
    digest = 0
    for character in text:
        digest = (digest * 65599 + ord(character)) & 0xFFFFFFFF
    return struct.pack("<IIHH", at + 4, 0, digest & 0xFFFF, len(text)) + utf16(text) + b"\0\0"


def content(value, at):
    """A text, a substitution, or elements inside an element."""
    if isinstance(value, Sub):
        return struct.pack("<BHB", SUBSTITUTION, value.number, value.kind)
    if isinstance(value, str):
        return struct.pack("<BBH", VALUE, STRING, len(value)) + utf16(value)
    written = b""
    for inner in value:
        written += element(*inner, at=at + len(written))
    return written


def element(tag, attributes, inside, at):
    """An element at a place of the chunk, with what is inside."""
    body = name(tag, at + 7)
    if attributes:
        body += attribute_list(attributes, at + 7 + len(body))
    body += bytes([CLOSE_START]) + content(inside, at + 7 + len(body) + 1) + bytes([CLOSE])
    return struct.pack("<BHI", OPEN | (MORE if attributes else 0), 0xFFFF, len(body)) + body


def attribute_list(attributes, at):
    """Attributes behind their size."""
    written = b""
    for place, (key, value) in enumerate(attributes, 1):
        token = ATTRIBUTE | (MORE if place < len(attributes) else 0)
        start = at + 4 + len(written)
        written += bytes([token]) + name(key, start + 1)
        written += content(value, at + 4 + len(written))
    return struct.pack("<I", len(written)) + written


def instance(tree, values, at):
    """Binary XML with one instance of a template that is defined right there."""
    place = at + len(FRAGMENT) + 10
    inner = place + 24
    definition = FRAGMENT + element(*tree, at=inner + len(FRAGMENT)) + END
    head = struct.pack("<BBII", TEMPLATE, 1, 1, place)
    written = (
        FRAGMENT + head + struct.pack("<I16sI", 0, uuid.UUID(int=at).bytes_le, len(definition)) + definition
    )
    data_at = at + len(written) + 4 + 4 * len(values)
    data = []
    for kind, value in values:
        data.append(raw(kind, value, data_at + sum(map(len, data))))
    sizes = b"".join(struct.pack("<HBB", len(d), kind, 0) for d, (kind, _) in zip(data, values, strict=True))
    return written + struct.pack("<I", len(values)) + sizes + b"".join(data) + END


def raw(kind, value, at):
    """The bytes of a value that a record fills in."""
    if kind == STRING:
        return utf16(value)
    if kind == GUID:
        return uuid.UUID(value).bytes_le
    if kind == BINARY_XML:
        return instance(*value, at)
    return struct.pack({UINT16: "<H", UINT32: "<I", FILETIME: "<Q"}[kind], value)


def filetime(moment):
    """Tenths of a microsecond since 1601."""
    return int((moment - EPOCH).total_seconds() * 10_000_000)


EVENT = ("Event", [("xmlns", SPACE)], [
    ("System", [], [
        ("Provider", [("Name", "Microsoft-Windows-Hyper-V-Worker")], []),
        ("EventID", [], Sub(0, UINT16)),
        ("TimeCreated", [("SystemTime", Sub(1, FILETIME))], []),
        ("Computer", [], Sub(2, STRING)),
    ]),
    ("UserData", [], Sub(3, BINARY_XML)),
])  # fmt: skip


def record(number, event_id, moment, properties, at):
    """One record: its header, its event as binary XML, and its size again."""
    tags = ("VmName", "VmId", *(f"Parameter{i}" for i in range(1, 9)))
    kinds = [UINT32 if isinstance(p, int) else GUID if i == 1 else STRING for i, p in enumerate(properties)]
    inner = [(tag, [], Sub(i, kind)) for i, (tag, kind) in enumerate(zip(tags, kinds, strict=False))]
    tree = ("VmlEventLog", [("xmlns", VIRTUALIZATION)], inner)
    values = list(zip(kinds, properties, strict=True))
    system = [
        (UINT16, event_id),
        (FILETIME, filetime(moment)),
        (STRING, "HV01"),
        (BINARY_XML, (tree, values)),
    ]
    body = instance(EVENT, system, at + 24)
    size = 24 + len(body) + 4
    size, padding = -(-size // 8) * 8, -size % 8
    head = struct.pack("<4sIQQ", b"**\0\0", size, number, filetime(moment))
    return head + body + bytes(padding) + struct.pack("<I", size)


def chunk(events):
    """The one chunk of a log, with the checksums of its records and of its header."""
    records, last = b"", RECORDS
    for number, (event_id, moment, properties) in enumerate(events, 1):
        last = RECORDS + len(records)
        records += record(number, event_id, moment, properties, last)
    ids = (1, len(events), 1, len(events))
    free = RECORDS + len(records)
    head = struct.pack("<8s4QIIII", b"ElfChnk\0", *ids, 128, last, free, zlib.crc32(records))
    head = head.ljust(124, b"\0")
    tables = bytes(RECORDS - 128)
    head += struct.pack("<I", zlib.crc32(head[:120] + tables)) + tables
    return (head + records).ljust(CHUNK, b"\0")


def log(events):
    """A log of one chunk; ``events``: id, moment and properties (name, ID, others) of each."""
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, len(events) + 1, 128, 1, 3, HEADER, 1).ljust(
        120, b"\0"
    )
    head += struct.pack("<II", 0, zlib.crc32(head))
    return head.ljust(HEADER, b"\0") + chunk(events)
