"""The parts of the report on a reader's own migrations: each shows its picture, or says what it lacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from IPython.display import Markdown

from analysis.figures import key_numbers, own_migrations
from analysis.figures.evidence import show_table
from analysis.figures.language import display, display_takeaway, duration, each_row, number, show
from analysis.observations.explain import Explained, explained
from analysis.observations.record import Record
from analysis.studies.hosts import own
from analysis.studies.hosts.told import Told
from analysis.studies.validation.migrations import compare

NOT_MODELLED = "Nothing is modelled of this migration, so nothing is said of it here."
TO_ADD = (
    "add **{add}** to the command, with the machine's own GiB (in JupyterLab: memory_gib in the cell of "
    "parameters)"
)


def show_recorded(told: Told) -> None:
    """Tables of what the files hold and of the notes on it."""
    kind = f"What the files hold: {told.found.kind}"
    show_table(own_migrations.recorded_table(told.found), kind)
    show_table(own_migrations.note_table(told.found, told.fitted), "Notes on what was read")


LINES = 200
"""Lines of the files that are shown one by one."""


def show_explained(found: Record, files: Sequence[str]) -> None:
    """The lines of the files with what each was taken for; lines in a row that tell nothing are one."""
    told = list(explained(found, files))
    show_table(explained_table(told[:LINES]), "The files line by line, and what each was taken for")
    if len(told) > LINES:
        _say(f"{len(told) - LINES:,} more are left out; `python -m analysis observe --explain` tells all.")


def explained_table(told: Sequence[Explained]) -> pd.DataFrame:
    """Lines as readable cells: which, its text as far as it fits, and what was taken from it."""
    rows = [
        {
            "line": str(one.line) if one.line == one.last_line else f"{one.line} to {one.last_line}",
            "text": one.text if len(one.text) <= CLIPPED else f"{one.text[:CLIPPED]} ...",
            "taken for": one.taken or "nothing",
        }
        for one in told
    ]
    return pd.DataFrame(rows, index=pd.Index([one.file for one in told], name="file"))


CLIPPED = 70
"""Signs of a line that are shown."""


def show_passes(told: Told) -> None:
    """The picture of the passes; where nothing is modelled, the looks as a table; else a sentence."""
    if not told.lacks:
        own_migrations.show_passes(told.found, told.key, told.fitted)
        return
    looks = told.found.passes
    looks = looks[looks.migration == told.key] if told.key else looks
    if looks.empty:
        _say(f"No pass of {told.key or 'any migration'} is recorded in these files, so none is drawn.")
        return
    show_table(looks_table(looks.head(LOOKS)), f"Looks at the dirty pages of {told.key or 'all'}")
    _say("The picture of the passes needs what is lacking below.")


LOOKS = 40
"""Looks that are shown as a table."""


def looks_table(looks: pd.DataFrame) -> pd.DataFrame:
    """Looks at the dirty pages as readable cells: when, how long until the next, and how many were dirty."""
    rows = [
        {
            "pass": number(look.pass_number),
            "at [s]": _cell(look.time_s),
            "until the next [s]": _cell(look.duration_s),
            "dirty pages": _cell(look.dirtied_pages),
        }
        for look in each_row(looks)
    ]
    return pd.DataFrame(rows, index=pd.Index(looks.migration, name="migration"))


def _cell(value: float) -> str:
    return f"{value:,.6g}" if value == value else "not told"


def show_model(told: Told) -> None:
    """The calibrated host and the model beside what was measured; or what is lacking for it, in full."""
    if told.lacks:
        _say(f"{lacking(told)}.")
        return
    compared = compare(told.fitted.migrations, told.fitted.host)
    show_table(own_migrations.host_table(told.fitted.host), f"The model, {told.fitted.how}")
    show_table(own_migrations.beside_table(compared), "The model beside what was measured")
    own_migrations.show_by_pass(told.found, told.key, told.fitted, compared)


def lacking(told: Told) -> str:
    """Why nothing is modelled, and the option to add where one is enough; without a full stop."""
    why = "; ".join(told.lacks)
    text = f"The model says nothing of it yet: {why}"
    return text + (f". What to do: {TO_ADD.format(add=told.add)}" if told.add else "")


def show_bound(told: Told) -> pd.DataFrame:
    """What bound the migration, as a table; empty where nothing is modelled. Returns what was drawn."""
    if told.lacks:
        _say(NOT_MODELLED)
        return pd.DataFrame()
    bound = own.bound(told.scenario, told.fitted.host)
    show_table(own_migrations.bound_table(bound), f"What bound migration {told.key}")
    return bound


def show_help(told: Told) -> pd.DataFrame:
    """What would have helped, as a picture; empty where nothing is modelled. Returns what was computed."""
    if told.lacks:
        _say(NOT_MODELLED)
        return pd.DataFrame()
    helped = own.would_help(told.scenario, told.fitted.host)
    show(own_migrations.would_help(helped))
    return helped


def show_answer(told: Told, bound: pd.DataFrame, helped: pd.DataFrame) -> None:
    """The takeaway with its numbers: modelled, or as far as the files tell."""
    if told.lacks:
        display_takeaway(f"{_measured(told)} {lacking(told)}.", _numbers(told))
        return
    row = told.scenario.set_index("migration").iloc[0]
    answer = own_migrations.takeaway(row, bound, helped, told.fitted)
    display_takeaway(answer, key_numbers.own(row, helped))


def _measured(told: Told) -> str:
    """What was measured of the migration, in a sentence."""
    row = told.row
    if row is None:
        return "The files hold **no migration**."
    total, pause = row.measured_total_s, row.get("measured_blackout_s", np.nan)
    if not total > 0:
        return f"The files do not tell **how long {told.key} took**."
    frozen = f"; the machine was frozen for **{duration(pause)}** of it" if pause >= 0 else ""
    return f"The migration {told.key} took **{duration(total)}**{frozen}."


def _numbers(told: Told) -> dict[str, str]:
    """Two to four numbers of what was recorded."""
    rows, row = told.found.migrations, told.row
    numbers = {}
    if row is not None and row.measured_total_s > 0:
        numbers["measured, in all"] = duration(row.measured_total_s)
        if (pause := row.get("measured_blackout_s", np.nan)) >= 0:
            numbers["measured blackout"] = duration(pause)
    looks = _counted(len(told.found.passes), "look")
    return numbers | {"in these files": _counted(len(rows), "migration"), "at the dirty pages": looks}


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _say(sentence: str) -> None:
    display(Markdown(sentence))
