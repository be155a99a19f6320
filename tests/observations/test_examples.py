"""Small files of every form, sound and damaged: what is read of each, and what is said.

All of ``examples/`` is written by :func:`written`, from the documented forms: nothing comes from a host.
"""

import math
import re
from itertools import zip_longest
from pathlib import Path

import pytest

from analysis.observations.recognise import read_record
from analysis.observations.tables import TableError
from tests.observations import forms

HERE = Path(__file__).parent

ONE, OTHER = forms.Migration(), forms.Migration("db", (4, 5), (3000, 5000), 2, 40960, 1.25)
ZONE = " (W. Europe Standard Time)(-60)"


def lines_of(text, change):
    """A text with its lines changed by a function."""
    return "\r\n".join(change(text.split("\r\n")))


def backwards(lines):
    """Rows after the eighth one hour earlier."""
    return lines[:10] + [line.replace("2026 21:", "2026 20:") for line in lines[10:]]


def twice(lines):
    """The column of the pass number a second time at the end, with nonsense in it."""
    extra = lines[1].split(",")[1]
    return [lines[0], f"{lines[1]},{extra}", *(f'{line},"7"' if line else line for line in lines[2:-4])]


def written():
    """Every example by its name, as bytes."""
    qmp = forms.json_lines(forms.qmp(ONE))
    texts = {
        "qemu.jsonl": qmp,
        "qemu-truncated.jsonl": qmp[: len(qmp) - 90],
        "qemu-mixed-line-ends.jsonl": qmp.replace("\n", "\r\n", 2).replace("\n", "\r", 1),
        "qemu-interleaved.jsonl": forms.json_lines(
            [x for pair in zip_longest(forms.qmp(ONE, "a"), forms.qmp(OTHER, "b")) for x in pair if x]
        ),
        "qemu-clock-backwards.jsonl": qmp.replace('"total-time": 9000', '"total-time": 5000'),
        "libvirt.txt": forms.domjobinfo(ONE),
        "libvirt-unknown-unit.txt": forms.domjobinfo(ONE).replace(" MiB\n", " Mio\n"),
        "typeperf.csv": forms.pdh(ONE),
        "relog.csv": forms.pdh(ONE, zone=ZONE, text=False, description=True),
        "typeperf-truncated.csv": forms.pdh(ONE)[:1800],
        "typeperf-clock-backwards.csv": lines_of(forms.pdh(ONE), backwards),
        "typeperf-duplicate-header.csv": lines_of(forms.pdh(ONE), twice),
        "typeperf-interleaved.csv": forms.pdh(ONE, OTHER),
        "get-counter.csv": forms.get_counter(ONE),
        "get-counter-readings.csv": forms.readings(ONE),
        "events.csv": forms.events_csv(ONE),
        "events.xml": forms.events_xml(ONE),
        "events.clixml": forms.events_clixml(ONE),
        "events-truncated.xml": forms.events_xml(ONE)[:-160],
        "events-entities.xml": '<?xml version="1.0"?>\n<!DOCTYPE a [<!ENTITY b "c">]>\n<Events>&b;</Events>',
        "events-no-unit.csv": forms.events_csv(ONE).replace(" seconds", "").replace(" ms,", ","),
    }
    encoded = {name: text.encode() for name, text in texts.items()}
    encoded["typeperf-german.csv"] = forms.pdh(ONE, comma=True, german=True).encode("cp1252")
    encoded["typeperf-utf-16.csv"] = forms.pdh(ONE).encode("utf-16")
    encoded["events.evtx"] = forms.events_evtx(ONE)
    encoded["events-truncated.evtx"] = forms.events_evtx(ONE)[: 4096 + 512 + 3400]
    encoded["events-no-header.evtx"] = b"ElfFile\0" + bytes(120)
    return encoded


EXPECTED = {
    "qemu-truncated.jsonl": (math.nan, r"line 5: this is no JSON .*; it is left out"),
    "qemu-mixed-line-ends.jsonl": (12, None),
    "qemu-clock-backwards.jsonl": (
        12,
        r"line 3: the clock goes backwards, from 6 s to 5 s; this sample is left",
    ),
    "libvirt-unknown-unit.txt": (12, r"line 4: data processed = '0.000 +Mio' is not a figure with b, kib"),
    "typeperf-truncated.csv": (math.nan, r"the recording ends before the migration of web"),
    "typeperf-clock-backwards.csv": (
        math.nan,
        r"line 11: the clock goes backwards by 3599 s; how long web took",
    ),
    "typeperf-duplicate-header.csv": (12, r"Transfer Pass: Number' stands twice; the first is read"),
    "typeperf-german.csv": (None, r"there is no counter 'Transfer Pass: Number'.*another language"),
    "typeperf-utf-16.csv": (12, r"the text is UTF-16"),
    "events-truncated.xml": (12, r"the file ends inside an element"),
    "events-truncated.evtx": (12, r"the log is cut off within its last chunk"),
    "events-no-unit.csv": (
        math.nan,
        r"line \d+: event 20415 is not read: its properties hold '1.000' without a unit",
    ),
}
REFUSED = {
    "events-entities.xml": "declares entities or a document type",
    "events-no-header.evtx": "is no readable event log",
}


@pytest.mark.parametrize("name", written())
def test_the_examples_are_what_this_file_writes(name):
    """Each example is kept as a file, byte for byte."""
    assert (HERE / "examples" / name).read_bytes() == written()[name]


@pytest.mark.parametrize("name", sorted(set(written()) - set(EXPECTED) - set(REFUSED)))
def test_sound_examples_are_read(name):
    """Of a sound file everything is read, and every migration has an end."""
    found = read_record(HERE / "examples" / name)
    assert len(found.migrations) == (2 if "interleaved" in name else 1)
    assert found.migrations.measured_total_s.tolist()[0] == pytest.approx(12)


@pytest.mark.parametrize("name", EXPECTED)
def test_damage_is_told_and_the_rest_is_read(name):
    """The total is right or not told, and a sentence with file and line says why."""
    total, sentence = EXPECTED[name]
    found = read_record(HERE / "examples" / name)
    assert found.migrations.measured_total_s.tolist() == pytest.approx(
        [] if total is None else [total], nan_ok=True
    )
    assert sentence is None or any(re.search(sentence, note) for note in found.notes), found.notes


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_at_all_is_one_sentence(name):
    """A bomb of entities and a binary log without records are refused."""
    with pytest.raises(TableError, match=REFUSED[name]):
        read_record(HERE / "examples" / name)


if __name__ == "__main__":
    for example, content in written().items():
        (HERE / "examples" / example).write_bytes(content)
