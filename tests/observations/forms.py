"""One synthetic migration, written in every form that is read: what readers should find again.

The forms are those documented in the study's facts; nothing here comes from a real host.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.observations import evtx_log

PAGE = 4096
OBJECT = r"\\HV01\Hyper-V VM Live Migration({vm}:VM Live Migration)"
NUMBER, DIRTY, DARK = "Transfer Pass: Number", "Transfer pass: Dirty Page Count", "Transfer Pass: Is blackout"
BEFORE = "Memory Walker: Bytes Sent for Compression"
AFTER = "Compressor: Compressed Bytes Sent"
POSTED = "TCP Transport: Posted Receive Buffer Count"
LOST = r"\\HV01\Network Adapter(nic 1)\Packets Received Discarded"
GERMAN = {
    "Hyper-V-VM-Livemigration": "Hyper-V VM Live Migration",
    "Durchlauf: Nummer": NUMBER,
    "Durchlauf: Geänderte Seiten": DIRTY,
    "Durchlauf: Ist Blackout": DARK,
    "Vor der Komprimierung": BEFORE,
    "Nach der Komprimierung": AFTER,
    "Bereitgestellte Puffer": POSTED,
}


@dataclass(frozen=True)
class Migration:
    """A migration: seconds and dirty pages of each pass, and totals."""

    vm: str = "web"
    pass_s: tuple[int, ...] = (6, 3, 2)
    dirtied: tuple[int, ...] = (9000, 4000, 700)
    pause_s: int = 1
    memory_pages: int = 65536
    ratio: float = 2.0

    @property
    def total_s(self):
        return sum(self.pass_s) + self.pause_s

    @property
    def sent_pages(self):
        return self.memory_pages + sum(self.dirtied)

    @property
    def stream_bytes(self):
        return int(self.sent_pages * PAGE / self.ratio)


def qmp(migration, key=None):
    """Answers of query-migrate: one at each look at the dirty pages, one at the end."""
    found = (0, *migration.dirtied)
    times = [sum(migration.pass_s[:i]) for i in range(len(found))]
    sent, left, answers = 0, migration.memory_pages, []
    for i, (time_s, dirty) in enumerate(zip(times, found, strict=True)):
        if i:
            sent, left = sent + left, dirty
        answers.append(_answer(migration, "active", time_s, sent, left, i + 1))
    done = _answer(migration, "completed", migration.total_s, migration.sent_pages, 0, len(found))
    answers.append(done | {"downtime": migration.pause_s * 1000})
    tag = {} if key is None else {"migration": key}
    return [tag | {"return": answer} for answer in answers]


def _answer(migration, status, time_s, sent, left, count):
    ram = {"transferred": int(sent * PAGE / migration.ratio), "remaining": left * PAGE, "normal": sent,
           "total": migration.memory_pages * PAGE, "duplicate": 0, "dirty-sync-count": count,
           "page-size": PAGE, "mbps": 8e-6 * migration.stream_bytes / migration.total_s}  # fmt: skip
    return {"status": status, "total-time": time_s * 1000, "setup-time": 0, "ram": ram}


def json_lines(answers):
    """Answers, a line each."""
    return "".join(json.dumps(answer) + "\n" for answer in answers)


def domjobinfo(migration):
    """The text of virsh domjobinfo, again and again."""
    return "\n".join(_job(answer["return"]) for answer in qmp(migration))


def _job(answer):
    ram, kinds = answer["ram"], {"active": "Unbounded", "completed": "Completed"}
    lines = [
        ("Job type:", kinds[answer["status"]], ""),
        ("Operation:", "Outgoing migration", ""),
        ("Time elapsed:", answer["total-time"], "ms"),
        ("Data processed:", f"{ram['transferred'] / 2**20:.3f}", "MiB"),
        ("Memory remaining:", f"{ram['remaining'] / 2**20:.3f}", "MiB"),
        ("Memory total:", f"{ram['total'] / 2**20:.3f}", "MiB"),
        ("Memory bandwidth:", f"{ram['mbps'] * 1e6 / 8 / 2**20:.3f}", "MiB/s"),
        ("Page size:", PAGE, "bytes"),
        ("Iteration:", ram["dirty-sync-count"], ""),
        ("Constant pages:", 0, ""),
        ("Normal pages:", ram["normal"], ""),
        ("Setup time:", 0, "ms"),
    ]
    if "downtime" in answer:
        lines.append(("Total downtime:", answer["downtime"], "ms"))
    return "".join(f"{name:<18}{value:<13}{unit}".rstrip() + "\n" for name, value, unit in lines)


def moments(migration, start=2, step=1):
    """Seconds and the values of the counters; two blank rows before and one after."""
    names, rows = (NUMBER, DIRTY, DARK, BEFORE, AFTER, POSTED), []
    ends = [sum(migration.pass_s[: i + 1]) for i in range(len(migration.pass_s))]
    for second in range(start + migration.total_s + 2):
        t = second - start
        if 0 <= t < migration.total_s:
            number = next((i for i, end in enumerate(ends) if t < end), len(ends))
            share = (t + step) / migration.total_s
            dark = int(t >= ends[-1])
            dirty = migration.dirtied[min(number, len(ends) - 1)]
            before = migration.sent_pages * PAGE * share
            values = (number + 1, dirty, dark, before, before / migration.ratio, 16 - dark)
            rows.append((second, dict(zip(names, values, strict=True))))
        else:
            rows.append((second, dict.fromkeys(names)))
    return rows


def stamp(second):
    """A stamp of PDH-CSV."""
    return f"09/22/2026 21:{42 + second // 60:02}:{second % 60:02}.250"


def pdh(*migrations, zone="", comma=False, german=False, description=False, text=True):
    """PDH-CSV: typeperf without a zone, logman and relog with one."""
    names = (NUMBER, DIRTY, DARK, BEFORE, AFTER, POSTED)
    local = {english: name for name, english in GERMAN.items()}
    heads = [OBJECT.format(vm=m.vm) + "\\" + name for m in migrations for name in names]
    if german:
        for english, name in local.items():
            heads = [head.replace(english, name) for head in heads]
    head = [f"(PDH-CSV 4.0){zone}", *heads, LOST, *(["a description of the set"] if description else [])]
    series = [moments(m, 2 + 3 * i) for i, m in enumerate(migrations)]
    lines = [_quoted(head)]
    for second in range(max(map(len, series))):
        values = [s[second][1][n] if second < len(s) else None for s in series for n in names]
        cells = [" " if v is None else f"{v:.6f}" for v in [*values, 3 + second]]
        lines.append(_quoted([stamp(second), *(c.replace(".", ",") if comma else c for c in cells)]))
    last = ["", "Exiting, please wait...", "The command completed successfully."] if text else []
    return "\r\n".join(["", *lines, *last, ""])


def _quoted(cells):
    return ",".join(f'"{cell}"' for cell in cells)


def get_counter(migration):
    """Get-Counter, its samples through Export-Csv."""
    lines = ["#TYPE Selected.Object", '"TimeStamp","Path","Value"']
    for second, values in moments(migration):
        at = f"9/22/2026 9:{42 + second // 60:02}:{second % 60:02} PM"
        path = OBJECT.format(vm=migration.vm).lower()
        rows = [(f"{path}\\{name.lower()}", value) for name, value in values.items() if value is not None]
        lines += [_quoted([at, name, f"{value:.6f}"]) for name, value in [*rows, (LOST.lower(), 3 + second)]]
    return "\r\n".join([*lines, ""])


def readings(migration, german=False):
    """Get-Counter through Export-Csv as it is: a cell with all paths and values of a stamp."""
    kind = "Microsoft.PowerShell.Commands.GetCounter.PerformanceCounterSample"
    lines = [f"#TYPE {kind}Set"]
    lines.append('"Readings","Timestamp","CounterSamples"')
    for second, values in moments(migration):
        at = f"9/22/2026 9:{42 + second // 60:02}:{second % 60:02} PM"
        at = f"22.09.2026 21:{42 + second // 60:02}:{second % 60:02}" if german else at
        path = OBJECT.format(vm=migration.vm).lower()
        rows = [(f"{path}\\{name.lower()}", value) for name, value in values.items() if value is not None]
        cell = "".join(f"{name} :\n{value:.15G}\n\n" for name, value in [*rows, (LOST.lower(), 3.5 + second)])
        cell = cell.replace(".", ",") if german else cell
        lines.append(
            _quoted([cell, at, "Microsoft.PowerShell.Commands.GetCounter.PerformanceCounterSample[]"])
        )
    return "\r\n".join([*lines, ""])


VM_ID = "0B1F6A7C-1111-2222-3333-444455556666"


def events(migration):
    """Id, properties and message of a migration's events, the earliest first; the texts are invented."""
    brown, pause = sum(migration.pass_s), migration.pause_s
    tail = f"(Virtual machine ID {VM_ID})"
    known = [migration.vm, VM_ID]
    return [
        (22508, known, f"Memory of '{migration.vm}' was transferred in {brown:.2f} seconds. {tail}"),
        (22509, known, f"'{migration.vm}' was paused for {pause * 1000} ms, 700 dirty pages. {tail}"),
        (
            20415,
            [*known, f"{pause:.3f}"],
            f"'{migration.vm}' was moved. Blackout: {pause:.3f} seconds. {tail}",
        ),
    ]


def events_csv(migration):
    """Get-WinEvent through Export-Csv, the latest first, as Get-WinEvent tells them."""
    rows = [
        _quoted([f"9/22/2026 9:42:{30 + i:02} PM", number, "|".join(properties), message])
        for i, (number, properties, message) in enumerate(events(migration))
    ]
    head = "#TYPE Selected.System.Diagnostics\r\n" + _quoted(["TimeCreated", "Id", "Properties", "Message"])
    return "\r\n".join([head, *rows[::-1], ""])


def events_xml(migration):
    """The log's own XML."""
    return "".join(
        ["<?xml version='1.0' encoding='utf-8'?>\n<Events>\n"]
        + [
            f"<Event xmlns='urn:e'><System><EventID>{number}</EventID>"
            f"<TimeCreated SystemTime='2026-09-22T19:42:{30 + i}.1234567Z'/></System>\n"
            f"<UserData><VmlEventLog xmlns='urn:v'><VmName>{p[0]}</VmName><VmId>{p[1]}</VmId></VmlEventLog>"
            f"</UserData><RenderingInfo><Message>{message}</Message></RenderingInfo></Event>\n"
            for i, (number, p, message) in enumerate(events(migration))
        ]
        + ["</Events>\n"]
    )


def events_clixml(migration):
    """Get-WinEvent through Export-Clixml."""
    objects = []
    for i, (number, properties, message) in enumerate(events(migration)):
        values = "".join(f"<Obj><Props><S N='Value'>{p}</S></Props></Obj>" for p in properties)
        objects.append(
            f"<Obj RefId='{i}'>\n<Props><I32 N='Id'>{number}</I32>"
            f"<DT N='TimeCreated'>2026-09-22T21:42:{30 + i}.1234567+02:00</DT>"
            f"<Obj N='Properties'><LST>{values}</LST></Obj></Props>\n"
            f"<MS><S N='Message'>{message}_x000D__x000A_</S></MS></Obj>\n"
        )
    return f"<Objs Version='1.1.0.1' xmlns='urn:p'>\n{''.join(objects)}</Objs>\n"


def events_evtx(migration, vm_id=VM_ID):
    """A binary log, the earliest first: figures with their unit as properties, 20415's a bare number."""
    brown, pause = f"{sum(migration.pass_s):.2f} seconds", f"{migration.pause_s * 1000} ms"
    told = ((22508, brown), (22509, pause), (20415, migration.pause_s * 1000))
    return evtx_log.log([
        (number, datetime(2026, 9, 22, 19, 42, 30 + i, tzinfo=UTC), (migration.vm, vm_id, figure))
        for i, (number, figure) in enumerate(told)
    ])  # fmt: skip
