"""Relations of tables of one's own."""

import pandas as pd

from analysis.errors import UserError
from analysis.observations.files import read_measured
from tests.observations.relations import number, relation

# --- tables of one's own ---------------------------------------------------------------------------

COLUMNS = ("memory_gib", "bandwidth_gbps", "dirty_pages_per_s", "total_time_s", "downtime_s")


def table(rng):
    """A random table of one's own migrations."""
    rows = [
        [rng.choice([4, 8, 16.5]), rng.choice([1, 2.5, 10]), rng.randint(0, 9000),
         round(rng.uniform(200, 900), 3), round(rng.uniform(0.1, 2), 3)]
        for _ in range(rng.randint(2, 5))
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def measured(folder, *texts):
    """Rows of tables as they are set beside the model, in any order; a sentence where they are refused."""
    paths = []
    for i, text in enumerate(texts):
        paths.append(folder / f"own{i}.csv")
        paths[-1].write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        found = read_measured(paths).migrations
    except UserError as error:
        return str(error)
    names = [*COLUMNS[:3], "measured_total_s", "measured_blackout_s"]
    return sorted(tuple(number(v) for v in row) for row in found[names].to_numpy())


def own_pair(rng, folder, change):
    """Rows of a table, and after ``change`` of the table or its text."""
    rows = table(rng)
    changed = change(rows)
    text = changed if isinstance(changed, (str, bytes)) else changed.to_csv(index=False)
    return measured(folder, rows.to_csv(index=False)), measured(folder, text)


@relation
def rows_in_another_order_change_nothing(rng, folder):
    return own_pair(rng, folder, lambda t: t.sample(frac=1, random_state=rng.randint(0, 2**31)))


@relation
def columns_of_a_table_in_another_order_change_nothing(rng, folder):
    return own_pair(rng, folder, lambda t: t[rng.sample(list(t), len(t.columns))])


@relation
def foreign_columns_change_nothing(rng, folder):
    name = rng.choice(["ticket", "remark", "owner", "group", "cluster", "weekday", "rack_u"])
    return own_pair(rng, folder, lambda t: t.assign(**{name: "5 s, 8192"}))


@relation
def tabs_and_quotes_change_nothing(rng, folder):
    how = rng.choice([{"sep": "\t"}, {"quoting": 1}, {"lineterminator": "\r\n"}, {"lineterminator": "\r"}])
    return own_pair(rng, folder, lambda t: t.to_csv(index=False, **how))


@relation
def encodings_of_a_table_change_nothing(rng, folder):
    encoding = rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    return own_pair(rng, folder, lambda t: t.to_csv(index=False).encode(encoding))


@relation
def blank_lines_of_a_table_change_nothing(rng, folder):
    def change(rows):
        lines = rows.to_csv(index=False).split("\n")
        for _ in range(rng.randint(1, 4)):
            lines.insert(rng.randint(0, len(lines)), "")
        return "\n".join(lines)

    return own_pair(rng, folder, change)


@relation
def the_writing_of_a_number_changes_nothing(rng, folder):
    form = rng.choice([lambda v: f"{v:.9e}", lambda v: f" {v!r} ", lambda v: f"+{v!r}", lambda v: f"{v:.6f}"])
    return own_pair(rng, folder, lambda t: t.map(form))


@relation
def a_table_in_two_files_is_one(rng, folder):
    rows = table(rng)
    at = rng.randint(1, len(rows) - 1)
    parts = (rows[:at].to_csv(index=False), rows[at:].to_csv(index=False))
    if parts[0] == parts[1]:
        parts = (parts[0], "\n" + parts[1])
    return measured(folder, rows.to_csv(index=False)), measured(folder, *parts)


@relation
def a_table_given_twice_is_one(rng, folder):
    text = table(rng).to_csv(index=False)
    return measured(folder, text), measured(folder, *[text] * rng.randint(2, 4))


@relation
def the_studys_names_of_measurements_change_nothing(rng, folder):
    names = {"total_time_s": "measured_total_s", "downtime_s": "measured_blackout_s"}
    some = {k: v for k, v in names.items() if rng.random() < 0.7}
    return own_pair(rng, folder, lambda t: t.rename(columns=some))


@relation
def rows_marked_as_failed_change_nothing(rng, folder):
    words = ["failed", "Failed", "CANCELLED", "given up", "timed out", "aborted", "error"]

    def change(rows):
        bad = rows.sample(1, random_state=1).assign(total_time_s=99999.0, status=rng.choice(words))
        good = rows.assign(status=rng.choice(["completed", "Completed", "success", "OK"]))
        return pd.concat([good, bad]).sample(frac=1, random_state=rng.randint(0, 2**31))

    return own_pair(rng, folder, change)


@relation
def a_column_in_another_unit_is_asked_for(rng, folder):
    other = {
        "memory_gib": ["memory_mb", "memory_mib", "RAM_GB", "MemoryMB", "memory [MiB]", "vm_memory_gb"],
        "bandwidth_gbps": ["bandwidth_mbps", "link_gbps", "LinkSpeedMbps", "link speed (Gbps)", "line_mbit"],
        "dirty_pages_per_s": ["dirty_rate", "dirty_mb_per_s", "write_rate_pages_per_s", "DirtyRate"],
        "total_time_s": ["total_time_ms", "duration_s", "total_time_min", "Total Time (ms)", "elapsed_s"],
        "downtime_s": ["downtime_ms", "blackout_ms", "pause_s", "DowntimeMs", "downtime [ms]"],
    }
    ours = rng.choice(list(other))
    name = rng.choice(other[ours])
    told = measured(folder, table(rng).rename(columns={ours: name}).to_csv(index=False))
    return (True, True), (isinstance(told, str) and repr(name) in told, f"did you mean {ours!r}" in str(told))


@relation
def a_missing_column_is_asked_for(rng, folder):
    name = rng.choice(COLUMNS[:4])
    told = measured(folder, table(rng).drop(columns=name).to_csv(index=False))
    return True, isinstance(told, str) and f"has no column {name}" in told


@relation
def a_figure_that_cannot_be_is_refused_with_its_line(rng, folder):
    rows = table(rng).astype(object)
    name, value = rng.choice(
        [("total_time_s", "-5"), ("total_time_s", "0"), ("total_time_s", "inf"), ("downtime_s", "-0.1"),
         ("downtime_s", "1e9"), ("downtime_s", "inf"), ("memory_gib", "-4"), ("bandwidth_gbps", "0"),
         ("dirty_pages_per_s", "-1"), ("memory_gib", "nan"), ("bandwidth_gbps", "fast")]
    )  # fmt: skip
    at = rng.randint(0, len(rows) - 1)
    rows.loc[at, name] = value
    told = measured(folder, rows.to_csv(index=False))
    return True, isinstance(told, str) and f"line {at + 2}" in told and name in told


@relation
def more_bytes_than_the_link_carries_are_refused(rng, folder):
    rows = table(rng)
    most = rows.bandwidth_gbps * rows.total_time_s * 1e9 / 8
    at = rng.randint(0, len(rows) - 1)
    sent = most * rng.uniform(0.1, 0.9)
    fine = measured(folder, rows.assign(transferred_bytes=sent).to_csv(index=False))
    sent[at] = most[at] * rng.uniform(1.2, 1000)
    told = measured(folder, rows.assign(transferred_bytes=sent).to_csv(index=False))
    return (True, True), (not isinstance(fine, str), isinstance(told, str) and f"line {at + 2}" in told)


@relation
def an_unknown_word_of_status_is_refused_with_its_line(rng, folder):
    rows = table(rng).assign(status="completed")
    at = rng.randint(0, len(rows) - 1)
    rows.loc[at, "status"] = rng.choice(["fertig", "closed", "???", "1", "complet", "not failed"])
    told = measured(folder, rows.to_csv(index=False))
    return True, isinstance(told, str) and f"line {at + 2}" in told and "completed" in told
