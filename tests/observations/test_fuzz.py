"""Every reader before files that were damaged at random: a record or one sentence, never anything else.

A few hundred cases in the ordinary run; ``make fuzz`` takes 10,000 a form (``FUZZ_CASES``, ``FUZZ_SEED``).
"""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.observations import (
    counters,
    events,
    kubevirt,
    libvirt,
    monitor,
    openstack,
    powershell,
    qemu,
    recognise,
)
from analysis.observations.logs import reading
from analysis.observations.recognise import read_record
from tests.observations import forms

CASES = int(os.environ.get("FUZZ_CASES", "50"))
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
SMALL = forms.Migration("web", (2, 1), (900, 70), 1, 4096)
OTHER = forms.Migration("db", (1, 1), (300, 20), 1, 2048)

FORMS = {
    "qemu": (qemu.read_qemu, forms.json_lines(forms.qmp(SMALL) + forms.qmp(OTHER, "b"))),
    "libvirt": (libvirt.read_libvirt, forms.domjobinfo(SMALL)),
    "typeperf": (counters.read_counters, forms.pdh(SMALL, OTHER)),
    "relog": (counters.read_counters, forms.pdh(SMALL, zone=" (Zone)(-60)", comma=True, description=True)),
    "Get-Counter": (counters.read_counters, forms.get_counter(SMALL)),
    "Readings": (counters.read_counters, forms.readings(SMALL)),
    "events as CSV": (events.read_events, forms.events_csv(SMALL)),
    "events as XML": (events.read_events, forms.events_xml(SMALL)),
    "events as Clixml": (events.read_events, forms.events_clixml(SMALL)),
}


def example(name):
    """The text of an example of a public form."""
    return (PUBLIC / name).read_text(encoding="utf-8")


def of_log(program):
    """The reader of a program's log."""
    return lambda path: reading.read_log(path, program)


PUBLIC = Path(__file__).parent / "examples" / "forms"
LOGS = {
    "info migrate": (monitor.read_monitor, example("monitor_bare_completed.txt")),
    "info migrate of QEMU 10.1": (monitor.read_monitor, example("monitor_10_1.txt")),
    "Proxmox": (of_log("proxmox"), example("proxmox_task.log")),
    "Proxmox 4": (of_log("proxmox"), example("proxmox_4.log")),
    "Proxmox with disks": (of_log("proxmox"), example("proxmox_disks.log")),
    "nova": (of_log("nova"), example("nova_two_machines.log")),
    "vdsm": (of_log("vdsm"), example("vdsm_two.log")),
    "virt-launcher": (of_log("virt-launcher"), example("virt_launcher_completed.jsonl")),
    "xl": (of_log("xen"), example("xl_verbose.txt")),
    "xend": (of_log("xen"), example("xend.log")),
    "xenopsd": (of_log("xenopsd"), example("xenopsd.log")),
    "KubeVirt as JSON": (kubevirt.read_kubevirt, example("kubevirt_migration.json")),
    "KubeVirt as YAML": (kubevirt.read_kubevirt, example("kubevirt_list.yaml")),
    "server migration show": (openstack.read_openstack, example("server_migration_show.txt")),
    "server migration as JSON": (openstack.read_openstack, example("server_migration.json")),
    "Measure-Command": (powershell.read_powershell, example("measure_command.txt")),
    "events as a list": (events.read_events, example("winevent_format_list.txt")),
    "an own table": (
        lambda path: recognise.read_record(path, accept_units=True),
        example("own_table_units.csv"),
    ),
    "an own table with semicolons": (read_record, example("own_table_semicolons.csv")),
}
FORMS |= LOGS
JUNK = (
    *("", "\0", '"', ",", ";", "\n", "\r", "\r\n", "{", "}", "[", "<", ">", "&", "-1", "1e999", "NaN", "0x1"),
    *("1,5", "é", "\N{BYTE ORDER MARK}", "\ud800", "null", "true", " ", "99999999999999999999", "09/31/2026"),
    *(
        "<!DOCTYPE a>",
        "(PDH-CSV 4.0)",
        "Job type: Completed",
        '{"status": "completed"}',
        "&b;",
        "]]>",
        "\t",
        ":",
    ),
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")


@st.composite
def damage(draw):
    """A few strokes: each a kind, a place as a share of the file, a length, and what is put in."""
    stroke = st.tuples(
        st.sampled_from(["cut", "drop", "put", "double", "swap", "end", "digit", "bytes"]),
        st.floats(0, 1),
        st.integers(1, 200),
        st.sampled_from(JUNK) | st.text(max_size=6),
    )
    return draw(st.lists(stroke, min_size=1, max_size=4)), draw(st.sampled_from(ENCODINGS))


def damaged(text, strokes, encoding):
    """The text after the strokes, as bytes; ``bytes`` strokes fall on the encoded text."""
    for kind, share, length, junk in strokes:
        text = changed(text, kind, int(share * len(text)), length, junk)
    raw = text.encode(encoding, "replace" if encoding != "utf-8" else "surrogatepass")
    for kind, share, length, _ in strokes:
        if kind == "bytes":
            at = int(share * len(raw))
            raw = (
                raw[:at] + bytes((length * (i + 7)) % 256 for i in range(length % 9)) + raw[at + length % 5 :]
            )
    return raw


def changed(text, kind, at, length, junk):
    """The text after one stroke."""
    lines = text.split("\n")
    row = min(text.count("\n", 0, at), len(lines) - 1)
    if kind == "cut":
        return text[:at]
    if kind == "drop":
        return text[:at] + text[at + length :]
    if kind == "put":
        return text[:at] + junk + text[at:]
    if kind == "double":
        return "\n".join([*lines[: row + 1], *lines[row:]])
    if kind == "swap":
        other = length % len(lines)
        lines[row], lines[other] = lines[other], lines[row]
        return "\n".join(lines)
    if kind == "end":
        return "\n".join(lines[:row]) + ("\r" if length % 2 else "\r\n") + "\n".join(lines[row:])
    return text[:at] + str(length % 10) + text[at + 1 :] if kind == "digit" else text


@pytest.mark.parametrize("form", FORMS)
def test_damage_is_told_in_sentences(form, tmp_path):
    """Whatever is done to a file, a reader returns figures that can be, and sentences that name the file."""
    reader, text = FORMS[form]
    path = tmp_path / "recorded"
    few = CASES if "FUZZ_CASES" in os.environ or form not in LOGS else 12

    @seed(SEED)
    @settings(max_examples=few, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(damage())
    def holds(done):
        path.write_bytes(damaged(text, *done))
        for read in (reader, read_record) if done[0][0][2] % 2 else (reader,):
            found, told = attempt(read, path)
            if found is None:
                assert str(path) in told
                assert "\n" not in told
            else:
                sane(found, path)

    holds()


def attempt(read, path):
    """What a reader returns, or None and its sentence."""
    try:
        return read(path), ""
    except UserError as error:
        return None, str(error)


def sane(found, path):
    """Every figure is one that can be, every row says where it comes from, every note is one sentence."""
    lines = path.read_bytes().count(b"\n") + path.read_bytes().count(b"\r") + 1
    for table in (found.migrations, found.passes, found.samples):
        for name in table.columns[[kind.kind in "fi" for kind in table.dtypes]]:
            values = table[name].to_numpy(float)
            assert (np.isnan(values) | ((values >= 0) & np.isfinite(values))).all(), name
        if found.kind != "a table of migrations":
            assert table.source_line.between(1, max(lines, 1)).all()
    for row in found.migrations.itertuples():
        total, pause = row.measured_total_s, getattr(row, "measured_blackout_s", math.nan)
        assert math.isnan(total) or math.isnan(pause) or pause <= total * (1 + 1e-9) + 1e-9
    assert all("\n" not in note and str(path) in note for note in found.notes)


@pytest.mark.parametrize("form", ["qemu", "libvirt", "typeperf", "Get-Counter", "Readings"])
def test_a_truncated_file_never_lies(form, tmp_path):
    """Cut anywhere, what is read agrees with the whole file, and what is not known is not told."""
    reader, text = FORMS[form]
    path = tmp_path / "recorded"
    path.write_text(text, encoding="utf-8", newline="")
    whole = reader(path)
    totals = set(whole.migrations.measured_total_s)
    step = max(1, len(text) // CASES)
    for end in range(step, len(text), step):
        path.write_text(text[:end], encoding="utf-8", newline="")
        found, _ = attempt(reader, path)
        if found is None:
            continue
        assert {t for t in found.migrations.measured_total_s if not math.isnan(t)} <= totals
