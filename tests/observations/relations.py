"""Changes of a valid recording whose right answer is known: the relations of ``test_metamorphic.py``.

A relation takes a random generator and a folder, writes a random migration and a changed form of it, reads
both and returns two answers that must be equal. Names say what is changed and what must come of it.
"""

import math

import pandas as pd

from analysis.observations.recognise import read_record
from analysis.observations.record import joined
from analysis.observations.repeated import told_once
from tests.observations import forms

RELATIONS = {}
NAMES = ("web", "db 2", "Windows 10 S", "srv-01", "11 ms", "Ubuntu 24.04", "SQL 1,234 s", "a(b)", "Zürich")
PLAIN_NAMES = ("web", "db 2", "srv-01", "Zürich", "node7")


def relation(function):
    """Enter a relation by its name."""
    RELATIONS[function.__name__] = function
    return function


# --- reading and comparing -----------------------------------------------------------------------


def migration(rng, vm=None):
    """A random migration, small enough to be read in milliseconds."""
    count = rng.randint(1, 4)
    return forms.Migration(
        vm or rng.choice(PLAIN_NAMES),
        tuple(rng.randint(1, 5) for _ in range(count)),
        tuple(rng.randint(10, 9000) for _ in range(count)),
        rng.randint(1, 3),
        4 * rng.randint(500, 9000),
        rng.choice([1.0, 1.25, 2.0]),
    )


def read(folder, *texts, encoding="utf-8", **how):
    """What files with these texts hold, as one record."""
    records = []
    for i, text in enumerate(texts):
        path = folder / f"recorded{i}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        records.append(read_record(path, **how))
    return joined(told_once(records))


def number(value):
    """A figure as it is compared: to nine digits, None where it is not told."""
    return None if value is None or pd.isna(value) else float(f"{value:.9g}")


def answer(found, *, names=False, digits=9, streams=True):
    """What must stay: how each migration ended, how long it took, what was sent, and the passes."""
    columns = ["measured_total_s", "measured_brownout_s", "measured_blackout_s"]
    columns += ["measured_stream_gib"] if streams else []
    rows = [
        (r["vm"] if names else "", r["status"], *(number(r[n]) for n in columns))
        for r in found.migrations.to_dict("records")
    ]
    passes = [
        (int(r["pass_number"]), None if pd.isna(r["dirtied_pages"]) else round(r["dirtied_pages"]))
        for r in found.passes.to_dict("records")
    ]
    return [tuple(round(v, digits) if isinstance(v, float) else v for v in row) for row in rows], passes


def lines_of(text):
    """Lines of a text without their ends, and the end."""
    end = "\r\n" if "\r\n" in text else "\n"
    return text.split(end), end


ALL_FORMS = {
    "qemu": lambda m: forms.json_lines(forms.qmp(m)),
    "libvirt": forms.domjobinfo,
    "typeperf": forms.pdh,
    "Get-Counter": forms.get_counter,
    "readings": forms.readings,
    "events as CSV": forms.events_csv,
    "events as XML": forms.events_xml,
    "events as Clixml": forms.events_clixml,
}


def any_form(rng):
    """A random migration in a random form."""
    return rng.choice(list(ALL_FORMS.values()))(migration(rng))


# --- every form ------------------------------------------------------------------------------------


@relation
def line_ends_change_nothing(rng, folder):
    text = any_form(rng)
    ends = rng.choice(["\n", "\r\n", "\r"])
    return answer(read(folder, text)), answer(read(folder, text.replace("\r\n", "\n").replace("\n", ends)))


@relation
def encodings_change_nothing(rng, folder):
    text = any_form(rng)
    encoding = rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    return answer(read(folder, text)), answer(read(folder, text, encoding=encoding))


@relation
def blank_lines_first_change_nothing(rng, folder):
    text = any_form(rng)
    blank = "".join(rng.choice(["\n", "\r\n", "  \n"]) for _ in range(rng.randint(1, 5)))
    return answer(read(folder, text)), answer(read(folder, blank + text))


@relation
def zeros_at_the_end_change_nothing(rng, folder):
    text = any_form(rng)
    return answer(read(folder, text)), answer(read(folder, text.encode() + bytes(rng.randint(64, 5000))))


@relation
def the_same_file_twice_is_one(rng, folder):
    text = any_form(rng)
    return answer(read(folder, text)), answer(read(folder, text, text))


@relation
def a_file_in_two_forms_of_the_same_events_is_one(rng, folder):
    m = migration(rng)
    return answer(read(folder, forms.events_csv(m))), answer(read(folder, forms.events_csv(m) * 2))


def same(right, found):
    """True for two answers that are equal; NaN equals NaN."""
    if isinstance(right, float) and isinstance(found, float):
        return math.isclose(right, found, rel_tol=1e-6, abs_tol=1e-6) or (right != right and found != found)
    if isinstance(right, (list, tuple)) and isinstance(found, (list, tuple)):
        return len(right) == len(found) and all(map(same, right, found))
    return bool(right == found)
