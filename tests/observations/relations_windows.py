"""Relations of performance counters and of events."""

import re
from dataclasses import replace

from tests.observations import forms
from tests.observations.relations import NAMES, PLAIN_NAMES, answer, migration, number, read, relation

# --- counters --------------------------------------------------------------------------------------


def pdh_pair(rng, folder, change, m=None, **how):
    """The answer of a recording of counters, and after ``change`` of its cells, a list a row."""
    text = forms.pdh(m or migration(rng), text=False)
    rows = [re.findall(r'"([^"]*)"', line) for line in text.split("\r\n") if line]
    changed = "\r\n".join(",".join(f'"{c}"' for c in row) for row in change(rows)) + "\r\n"
    return answer(read(folder, text)), answer(read(folder, changed, **how))


@relation
def columns_in_another_order_change_nothing(rng, folder):
    def change(rows):
        places = list(range(1, len(rows[0])))
        rng.shuffle(places)
        return [[row[0], *(row[i] for i in places)] for row in rows]

    return pdh_pair(rng, folder, change)


@relation
def other_counters_change_nothing(rng, folder):
    names = [r"\\HV01\Processor(_Total)\% Processor Time", r"\\HV01\Memory\Available Bytes"]
    names += [
        r"\\HV01\Hyper-V VM Live Migration(web:VM Live Migration)\Something New",
        r"\\HV01\System\Threads",
    ]

    def change(rows):
        at, name = rng.randint(1, len(rows[0])), rng.choice(names)
        return [
            [*r[:at], name if i == 0 else f"{rng.random() * 1e6:.6f}", *r[at:]] for i, r in enumerate(rows)
        ]

    return pdh_pair(rng, folder, change)


@relation
def the_sum_of_all_machines_changes_nothing(rng, folder):
    def change(rows):
        of_vm = [i for i, name in enumerate(rows[0]) if ":VM Live Migration)" in name]
        more = [[row[i] for i in of_vm] for row in rows]
        more[0] = [re.sub(r"\(.*\)", "(_Total)", name) for name in more[0]]
        return [[*row, *extra] for row, extra in zip(rows, more, strict=True)]

    return pdh_pair(rng, folder, change)


@relation
def one_card_in_two_sets_changes_nothing(rng, folder):
    m = migration(rng)
    text = forms.pdh(m, text=False)
    rows = [re.findall(r'"([^"]*)"', line) for line in text.split("\r\n") if line]
    twice = [[*row, row[-1].replace("Adapter", "Interface")] for row in rows]
    changed = "\r\n".join(",".join(f'"{c}"' for c in row) for row in twice)
    return tuple(read(folder, t).migrations.discarded_received_packets.tolist() for t in (text, changed))


@relation
def a_clock_that_is_shifted_changes_no_duration(rng, folder):
    hour, day = rng.randint(0, 23), rng.randint(1, 28)

    def change(rows):
        shifted = f"05/{day:02}/2027 {hour:02}:"
        return [[r[0].replace("09/22/2026 21:", shifted), *r[1:]] for r in rows]

    return pdh_pair(rng, folder, change)


@relation
def another_host_and_zone_change_nothing(rng, folder):
    zone = rng.choice(["", " (W. Europe Standard Time)(-60)", " (UTC)(0)"])

    def change(rows):
        head = [name.replace("HV01", "NODE-7").replace("4.0)", f"4.0){zone}") for name in rows[0]]
        return [head, *rows[1:]]

    return pdh_pair(rng, folder, change)


@relation
def the_header_again_changes_nothing(rng, folder):
    def change(rows):
        at = rng.randint(1, len(rows))
        return [*rows[:at], rows[0], *rows[at:]]

    return pdh_pair(rng, folder, change)


@relation
def decimal_commas_change_nothing(rng, folder):
    m = migration(rng)
    return tuple(
        answer(read(folder, t.replace('","', f'"{mark}"')))
        for t, mark in ((forms.pdh(m), ","), (forms.pdh(m, comma=True), rng.choice(";\t,")))
    )


@relation
def names_in_german_change_nothing(rng, folder):
    m = migration(rng)
    german = read(folder, forms.pdh(m, german=True), names=forms.GERMAN)
    return answer(read(folder, forms.pdh(m))), answer(german)


@relation
def another_machine_in_the_same_file_changes_nothing(rng, folder):
    first, second = migration(rng, "web"), migration(rng, "db")
    alone = [answer(read(folder, forms.pdh(m)))[0][0] for m in (first, second)]
    both = answer(read(folder, forms.pdh(first, second)))[0]
    return sorted(alone, key=str), sorted(both, key=str)


@relation
def a_slower_clock_makes_every_duration_longer(rng, folder):
    factor = rng.randint(2, 5)

    def slower(match):
        at = (60 * int(match[1]) + int(match[2]) - 42 * 60) * factor
        return f" 21:{42 + at // 60:02}:{at % 60:02}.250"

    text = forms.pdh(migration(rng), text=False)
    slow = read(folder, re.sub(r" 21:(\d\d):(\d\d)\.250", slower, text)).migrations
    once = read(folder, text).migrations
    return [factor * v for v in once.measured_total_s], slow.measured_total_s.tolist()


@relation
def more_bytes_make_a_larger_stream(rng, folder):
    factor = rng.choice([2, 3, 10])

    def change(rows):
        sums = [i for i, n in enumerate(rows[0]) if "Bytes Sent" in n]
        return [rows[0]] + [
            [f"{factor * float(c):.6f}" if i in sums and c.strip() else c for i, c in enumerate(row)]
            for row in rows[1:]
        ]

    before, after = pdh_pair(rng, folder, change)
    return [round(factor * row[-1], 6) for row in before[0]], [round(row[-1], 6) for row in after[0]]


@relation
def a_row_without_values_is_a_gap(rng, folder):
    m = replace(migration(rng), pass_s=(3, 4), dirtied=(500, 60))

    def change(rows):
        at = 3 + rng.randint(4, 6)
        return [[r[0], *([" "] * (len(r) - 1))] if i == at else r for i, r in enumerate(rows)]

    return pdh_pair(rng, folder, change, m)


@relation
def given_up_and_begun_anew_are_two(rng, folder):
    m = replace(migration(rng), pass_s=(6, 3, 2), dirtied=(900, 400, 70))
    rows = forms.pdh(m, text=False).strip("\r\n").split("\r\n")
    second = rng.randint(4, 2 + sum(m.pass_s))
    later = [row.replace(forms.stamp(i), forms.stamp(i + second - 2)) for i, row in enumerate(rows[1:])]
    found = read(folder, "\r\n".join([rows[0], *rows[1 : 1 + second], *later[2:], ""])).migrations
    whole = read(folder, forms.pdh(m)).migrations
    right = [("given up", None), ("completed", number(whole.measured_total_s[0]))]
    return right, [(r.status, number(r.measured_total_s)) for r in found.itertuples()]


# --- events ----------------------------------------------------------------------------------------


def csv_pair(rng, folder, change, m=None):
    """The answer of events as CSV, and after ``change`` of their text."""
    text = forms.events_csv(m or migration(rng))
    return answer(read(folder, text)), answer(read(folder, change(text)))


def shuffled_rows(rng, text):
    """Rows of a table in another order, its head first."""
    lines = text.strip("\r\n").split("\r\n")
    rest = lines[2:]
    rng.shuffle(rest)
    return "\r\n".join([*lines[:2], *rest, ""])


@relation
def events_in_another_order_change_nothing(rng, folder):
    return csv_pair(rng, folder, lambda text: shuffled_rows(rng, text))


@relation
def any_name_of_the_machine_changes_nothing(rng, folder):
    m = migration(rng, "web")
    other = replace(m, vm=rng.choice(NAMES))
    form = rng.choice([forms.events_csv, forms.events_clixml, forms.events_xml])
    return answer(read(folder, form(m))), answer(read(folder, form(other)))


WRITTEN = (
    lambda s: f"{s:.2f} seconds",
    lambda s: f"{s:.3f} seconds",
    lambda s: f"{s * 1000:.0f} ms",
    lambda s: f"{s * 1000:,.0f} ms".replace(",", "'"),
    lambda s: f"{s * 1000:,.0f} ms".replace(",", "\N{RIGHT SINGLE QUOTATION MARK}"),
    lambda s: f"{s * 1000:,.0f} milliseconds".replace(",", "\N{NARROW NO-BREAK SPACE}"),
    lambda s: f"{s:.6e} s",
    lambda s: f"{s:.2f} Sekunden".replace(".", ","),
    lambda s: f"00:{int(s) // 60:02}:{s % 60:05.2f} seconds",
    lambda s: f"{int(s) // 60} min {s % 60:.2f} s",
    lambda s: f"{int(s) // 60} minutes and {s % 60:.2f} seconds",
)


@relation
def the_writing_of_a_duration_changes_nothing(rng, folder):
    m = replace(migration(rng), pass_s=(rng.randint(61, 900),), dirtied=(70,))
    form = rng.choice(WRITTEN)
    brown = float(sum(m.pass_s))
    return csv_pair(rng, folder, lambda t: t.replace(f"{brown:.2f} seconds", form(brown)), m)


@relation
def a_duration_in_two_ways_is_never_taken(rng, folder):
    m = migration(rng)
    brown = sum(m.pass_s)
    odd = rng.choice(
        ["1,234 ms", "1.234 ms", f"{brown} to {brown + 1} s", f"{brown}-{brown + 1} s", "1 011 s"]
    )
    odd = rng.choice([odd, f"1 heure {brown} s", f"2 x {brown} s {brown} s", f"~{brown} s"])
    text = forms.events_csv(m).replace(f"{brown:.2f} seconds", odd)
    found = read(folder, text)
    return (True, True), (
        found.migrations.measured_brownout_s.isna().all(),
        any("event 22508" in note for note in found.notes),
    )


@relation
def foreign_events_change_nothing(rng, folder):
    foreign = '"9/22/2026 9:42:{:02} PM","{}","web|x","took 77 seconds, 5 dirty pages"'

    def change(text):
        lines = text.strip("\r\n").split("\r\n")
        for _ in range(rng.randint(1, 4)):
            row = foreign.format(rng.randint(0, 59), rng.choice([1, 7036, 18500, 22510, 21501]))
            lines.insert(rng.randint(2, len(lines)), row)
        return "\r\n".join([*lines, ""])

    return csv_pair(rng, folder, change)


@relation
def paths_and_identifiers_in_a_message_change_nothing(rng, folder):
    odd = rng.choice([r" C:\VMs\7 s\disk.vhdx", " {0B1F6A7C-1111-2222-3333-444455556666}", r" \\n\v 5 ms\x",
                      " https://host/5s/12ms", " 0x80070005", " '33 seconds'", " node-5"])  # fmt: skip
    return csv_pair(rng, folder, lambda text: text.replace("transferred in", f"transferred{odd} in"))


@relation
def a_shifted_clock_changes_nothing_of_events(rng, folder):
    day, hour = rng.randint(1, 28), rng.randint(1, 11)
    return csv_pair(rng, folder, lambda t: t.replace("9/22/2026 9:", f"3/{day}/2027 {hour}:"))


@relation
def another_time_zone_changes_nothing_of_events(rng, folder):
    m, zone = migration(rng), rng.choice(["+02:00", "-07:00", "+05:30", "Z"])
    text = forms.events_clixml(m)
    return answer(read(folder, text)), answer(read(folder, text.replace("+02:00", zone)))


@relation
def more_columns_change_nothing_of_events(rng, folder):
    def change(text):
        lines = text.strip("\r\n").split("\r\n")
        more = rng.choice(["5 s", "Information", "12 ms", "a;b"])
        return "\r\n".join([lines[0], lines[1] + ',"Level"', *(f'{x},"{more}"' for x in lines[2:]), ""])

    return csv_pair(rng, folder, change)


@relation
def quotes_that_are_not_needed_change_nothing(rng, folder):
    def change(text):
        return re.sub(r'"([^",\r\n|]+)"(?=[,\r])', lambda x: x[1] if rng.random() < 0.5 else x[0], text)

    return csv_pair(rng, folder, change)


@relation
def a_failure_apart_changes_nothing_of_the_success(rng, folder):
    m = migration(rng)
    at = rng.choice([f"9:{rng.randint(10, 40)}:00", f"9:{rng.randint(44, 59)}:00"])
    row = f'"9/22/2026 {at} PM","21024","{m.vm}|{forms.VM_ID}","\'{m.vm}\' failed."\r\n'
    text = forms.events_csv(m)
    found = answer(read(folder, text + row))[0]
    failed = ("", "failed", None, None, None, None)
    return sorted([failed, *answer(read(folder, text))[0]], key=str), sorted(found, key=str)


@relation
def two_migrations_of_a_machine_are_two(rng, folder):
    vm = rng.choice(PLAIN_NAMES)
    first, second = migration(rng, vm), migration(rng, vm)
    minute = rng.randint(44, 59)
    later = forms.events_csv(second).replace(" 9:42:", f" 9:{minute}:").split("\r\n", 2)[2]
    text = forms.events_csv(first)
    alone = answer(read(folder, text))[0] + answer(read(folder, forms.events_csv(second)))[0]
    return alone, answer(read(folder, shuffled_rows(rng, text + later)))[0]


@relation
def two_machines_at_once_are_two(rng, folder):
    first, second = migration(rng, "web"), migration(rng, "db 2")
    other = forms.events_csv(second).replace("0B1F6A7C-1111", "AAAABBBB-2222").split("\r\n", 2)[2]
    text = forms.events_csv(first)
    alone = answer(read(folder, text))[0] + answer(read(folder, forms.events_csv(second)))[0]
    mixed = answer(read(folder, shuffled_rows(rng, text + other)))[0]
    return sorted(alone, key=str), sorted(mixed, key=str)


@relation
def all_forms_of_events_tell_the_same(rng, folder):
    m = migration(rng)
    texts = (forms.events_csv(m), rng.choice([forms.events_xml, forms.events_clixml])(m))
    return tuple(answer(read(folder, t), names=True) for t in texts)


@relation
def events_and_counters_of_one_migration_are_one(rng, folder):
    m = migration(rng)
    brown = sum(m.pass_s)
    begun = 42 * 60 + 2
    text = forms.events_csv(m)
    for second in (30, 31, 32):
        at = begun + brown + second - 30
        text = text.replace(f"9:42:{second} PM", f"9:{at // 60}:{at % 60:02} PM")
    zone = rng.choice(["9:", "7:", "11:"])
    text = text.replace("2026 9:", f"2026 {zone}")
    found = read(folder, *rng.sample([text, forms.pdh(m)], 2))
    (row,) = found.migrations.itertuples() if len(found.migrations) == 1 else (None,)
    shown = row and (row.status, row.measured_brownout_s, row.measured_blackout_s)
    return ("completed", brown, m.pause_s), shown
