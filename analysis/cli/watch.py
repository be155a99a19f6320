"""The verb ``watch``: a migration that is running, on one line that moves, or as events."""

from __future__ import annotations

import math
import os
import re
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from analysis.cli.given import Finite
from analysis.cli.options import Quantity, parameter_options
from analysis.cli.verbs import Verb, fail

if TYPE_CHECKING:
    from analysis.observations.following import Followed
    from analysis.observations.record import Record
    from analysis.studies.running.levers import Lever
    from analysis.studies.running.outlook import Outlook
    from analysis.studies.running.watching import Seen, Watch

EVERY_S = 10.0
"""How often a line is written where nobody watches a terminal, besides one a pass."""
SILENT_S = 15.0
"""So long without news is told, and told again."""
YOUNG_BYTES = 4096
"""Of so little a source may not be known for what it is yet: a line cut off, or a log that has just begun."""
PATIENCE, LONGEST_S = 3.0, 10.0
"""A record is not read again before so many times as long has passed as reading it took, at most so long."""
NOT_TOLD = "what remains is not told"
BINDS = {
    "link": "the link",
    "writes": "the guest writes nearly as fast as the link carries",
    "pass_limit": "the limit on passes",
    "first_pass": "nothing yet: only the end of the first pass tells how much is written",
}


class Sampled(Quantity):
    """Dirty memory a second as virsh tells it: a bare number is of MiB/s."""

    def __init__(self) -> None:
        super().__init__("dirty_pages_per_s")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Pages a second; a usage error with the parameter's own sentence if it is no such number."""
        bare = re.fullmatch(r"\s*[\d.]+\s*", str(value))
        return super().convert(f"{value}MiB/s" if bare else value, param, ctx)


@click.command(cls=Verb)
@click.argument("source", required=False)
@click.option("--command", metavar="'COMMAND'", help="Run it again and again: 'virsh domjobinfo web'.")
@click.option("--interval", "interval_s", type=Finite(0.01, 86400, "s"), default=1.0, show_default=True,
              metavar="S", help="Seconds between two looks.")  # fmt: skip
@click.option("--migration", default="", metavar="NAME", help="Which one, where several are told; else the "
              "one that began last.")  # fmt: skip
@click.option("--name", "names", multiple=True, metavar="LOCAL=ENGLISH", help="English name of a counter "
              "on a Windows in another language; may be given several times.")  # fmt: skip
@click.option(
    "--host", "host_file", type=click.Path(path_type=Path), help="A calibrated host (see calibrate)."
)
@click.option("--dirty-sample", type=Sampled(), metavar="MIB/S", help="What QEMU's "
              "calc-dirty-rate (virsh domdirtyrate-calc) said of a second, such as 28MiB/s.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write events as JSON, one a line.")
@parameter_options
def watch(
    source: str | None,
    command: str | None,
    interval_s: float,
    migration: str,
    names: tuple[str, ...],
    host_file: Path | None,
    dirty_sample: float | None,
    as_json: bool,
    **options: str | None,
) -> int:
    """Follow a migration that is running: when it ends, whether it converges, and what would help.

    SOURCE is a file that grows (counters, QMP, domjobinfo, a log), QEMU's QMP socket, or - for standard
    input; what it is, the content tells. Parameters say what is known of the machine and of the rule that
    ends pre-copy. Ends with the migration, with the record that observe gives.
    """
    from analysis.cli.observed import local_names
    from analysis.errors import UserError
    from analysis.studies.hosts.host import load_host
    from analysis.studies.running.watching import Watch

    if (source is None) == (command is None):
        raise UserError("give one source: a file, a QMP socket, - for standard input, or --command 'COMMAND'")
    host = load_host(host_file) if host_file else None
    watched = Watch(_given(options), host, migration, dirty_sample)
    reading = Reading(watched, local_names(names))
    with tempfile.TemporaryDirectory() as folder, _teller(as_json) as teller:
        news = _source(source, command, Path(folder), interval_s)
        return _follow(news, reading, teller, interval_s)


def _given(options: dict[str, str | None]) -> dict[str, Any]:
    """Parameters by name, each of one value."""
    from analysis.cli.options import scenarios
    from analysis.errors import UserError

    columns = scenarios(options)
    for name, values in columns.items():
        if len(values) > 1:
            raise UserError(f"{name} has {len(values)} values; watch follows one migration and takes one")
    return {name: values[0] for name, values in columns.items()}


def _source(source: str | None, command: str | None, folder: Path, interval_s: float) -> Followed:
    """The source by its kind; what is not a file is kept in one of the folder, by a name that says whose."""
    from analysis.observations import following

    if command is not None:
        name = re.sub(r"\W+", "-", command).strip("-")[-40:] or "command"
        return following.follow_command(command, folder / name, interval_s)
    if source == "-":
        return following.follow_stdin(sys.stdin.buffer, folder / "standard-input")
    path = Path(str(source))
    if following.is_socket(path):
        return following.follow_qmp(path, folder / path.stem, interval_s)
    return following.follow_file(path, interval_s)


class Reading:
    """Reads what a source has told so far; ``names``: English names of counters by the local ones."""

    def __init__(self, watched: Watch, names: dict[str, str]) -> None:
        from analysis.cli.observed import observed

        self.watched, self.names, self.observed = watched, names, observed
        self._missed = False

    def now(self, path: Path, *, last: bool = False) -> Seen | None:
        """What it tells now; None where it tells of no migration yet; the ``last`` time that is an error."""
        from analysis.errors import UserError
        from analysis.observations.recognise import recognise
        from analysis.observations.tables import TableError

        if not path.stat().st_size:
            return None
        try:
            recognise(path)
        except TableError:
            if last or path.stat().st_size >= YOUNG_BYTES:
                raise
            return None
        try:
            found = self.observed([path], names=self.names)
        except TableError:
            if last:
                raise
            return None
        if self._lacks_it(found):
            return None
        if found.samples.empty and "status" not in found.migrations:
            raise UserError(f"{path} is {found.kind}: it tells of none that is running; observe reads it")
        seen = self.watched.see(replace(found, notes=self._plain(path, found.notes),
                                        sources=self._plain(path, found.sources)))  # fmt: skip
        return seen if seen.migration else None

    def _lacks_it(self, found: Record) -> bool:
        """Whether the migration that is asked for is not among those told; the first time that is said."""
        asked, told = self.watched.migration, [str(one) for one in found.migrations["migration"]]
        if not asked or asked in told:
            return False
        if told and not self._missed:
            self._missed = True
            last = ", ".join(told[-5:])
            click.echo(
                f"note: no migration {asked!r} so far, which is waited for; there are {last}", err=True
            )
        return True

    @staticmethod
    def _plain(path: Path, sentences: list[str]) -> list[str]:
        """Sentences without the folder of what is followed."""
        return [said.replace(f"{path.parent}{os.sep}", "") for said in sentences]


def _follow(news: Followed, reading: Reading, teller: Teller, interval_s: float) -> int:
    """Read and tell until the migration or its source ends."""
    from analysis.observations.tables import TableError

    seen: Seen | None = None
    path: Path | None = None
    due, silence = 0.0, Silence()
    size: int | None = 0
    try:
        for path in news:
            begun = time.monotonic()
            if begun < due or size_of(path) in (size, None):
                silence.tell(path, seen, teller)
                continue
            size, silence = size_of(path), Silence()
            seen = reading.now(path) or seen
            if seen:
                teller.show(seen)
                if seen.ended:
                    break
            spent = time.monotonic() - begun
            due = begun + spent + min(max(PATIENCE * spent, interval_s / 2), LONGEST_S)
        if seen and path is not None and size_of(path) is None:
            teller.aside(f"{path} is gone: what it told until then")
        elif path is not None and (seen is None or size_of(path) != size):
            seen = reading.now(path, last=True) or seen
    except KeyboardInterrupt:
        if seen:
            teller.end(seen)
        return fail("stopped; the migration goes on", 130)
    if seen is None:
        raise TableError("the source ended, and told of no migration")
    teller.end(seen)
    return 0


def size_of(path: Path) -> int | None:
    """Bytes of a file; None where it is gone."""
    return path.stat().st_size if path.exists() else None


class Silence:
    """Says now and then, beside what is told, that a source has nothing new."""

    def __init__(self) -> None:
        self.since = self.told = time.monotonic()

    def tell(self, path: Path, seen: Seen | None, teller: Teller) -> None:
        """One sentence each :data:`SILENT_S`; TableError where what does not grow is nothing that is read."""
        from analysis.observations.recognise import recognise

        now = time.monotonic()
        if now - self.told < SILENT_S:
            return
        self.told = now
        if not seen and size_of(path):
            recognise(path)
        of = f"; {seen.migration} is {seen.status}" if seen else ", and of no migration yet"
        teller.aside(f"{path.name} tells nothing new for {span(now - self.since)}{of}")


class Teller(Protocol):
    """Who says what is seen."""

    def show(self, seen: Seen) -> None:
        """Say what is seen now."""

    def aside(self, sentence: str) -> None:
        """Say something of the source, beside what is told of the migration."""

    def end(self, seen: Seen) -> None:
        """Say how it ended."""


@contextmanager
def _teller(as_json: bool) -> Iterator[Teller]:
    """Events, a moving line on a terminal, or lines."""
    if as_json:
        yield _Events()
    elif not sys.stdout.isatty():
        yield _Lines()
    else:
        from rich.console import Console
        from rich.live import Live

        console = Console(highlight=False)
        with Live(console=console, transient=True, auto_refresh=False) as live:
            yield _Moving(live)


class _Events:
    """One JSON object a line: ``begin``, ``outlook`` after each look, ``end`` with the record."""

    def __init__(self) -> None:
        self.begun = ""
        self.at = -1.0

    def show(self, seen: Seen) -> None:
        if seen.migration != self.begun:
            self.begun = seen.migration
            from analysis.cli.written import VERSION

            self._say("begin", version=VERSION, migration=seen.migration, kind=seen.record.kind)
        if seen.outlook and seen.outlook.time_s != self.at:
            self.at = seen.outlook.time_s
            self._say("outlook", migration=seen.migration, **seen.outlook.figures())

    def aside(self, sentence: str) -> None:
        click.echo(sentence, err=True)

    def end(self, seen: Seen) -> None:
        from analysis.cli.observed import observed_figures

        self._say("end", migration=seen.migration, status=seen.status, record=observed_figures(seen.record))

    def _say(self, event: str, **figures: Any) -> None:
        from analysis.cli.written import as_line

        click.echo(as_line({"event": event, **figures}))


class _Lines:
    """Lines: one when a pass begins and one now and then."""

    def __init__(self) -> None:
        self.begun, self.number, self.told_s = "", 0, -math.inf

    def show(self, seen: Seen) -> None:
        self.head(seen)
        if not seen.outlook:
            return
        due = time.monotonic() - self.told_s >= EVERY_S
        if due or seen.outlook.pass_number != self.number:
            self.number, self.told_s = seen.outlook.pass_number, time.monotonic()
            for line in lines(seen.outlook):
                click.echo(line)

    def head(self, seen: Seen) -> None:
        """What the source was taken for, once a migration."""
        if seen.migration != self.begun:
            self.begun = seen.migration
            click.echo(f"{seen.migration}, told by {seen.record.kind}")

    def aside(self, sentence: str) -> None:
        click.echo(sentence, err=True)

    def end(self, seen: Seen) -> None:
        from analysis.cli.observed import observed_text

        click.echo(ended(seen))
        click.echo(observed_text(seen.record))


class _Moving(_Lines):
    """On a terminal: a line that moves, and below it what would help."""

    def __init__(self, live: Any) -> None:
        super().__init__()
        self.live = live

    def show(self, seen: Seen) -> None:
        from rich.text import Text

        self.head(seen)
        if seen.outlook:
            width = self.live.console.width
            told = "\n".join(folded(line, width) for line in lines(seen.outlook))
            self.live.update(Text(told, no_wrap=True), refresh=True)

    def aside(self, sentence: str) -> None:
        self.live.console.print(sentence, markup=False)

    def end(self, seen: Seen) -> None:
        self.live.stop()
        super().end(seen)


def lines(now: Outlook) -> list[str]:
    """The outlook for a person: one line, and another where something would help."""
    dirty = f", {now.dirty_pages_per_s:,.0f} dirty pages/s" if math.isfinite(now.dirty_pages_per_s) else ""
    parts = [
        f"{now.progress:4.0%}",
        f"pass {now.pass_number}, {size(now.remaining_gib)} left" if now.pass_number else NOT_TOLD,
        f"{now.link_gbps:.3g} Gbit/s{dirty}",
        _when(now),
        f"converges {now.converge_chance:.0%}",
    ]
    if math.isfinite(now.blackout_s):
        parts.append(f"frozen {span(now.blackout_s)} (up to {span(now.blackout_high90_s)})")
    made = [" | ".join([*parts, f"binds: {BINDS[now.binds]}"])]
    if now.levers:
        made.append("     would help now: " + "; ".join(map(lever, now.levers)))
    return made


def folded(line: str, width: int) -> str:
    """A line broken between its parts, so that no terminal cuts one off; the rest stands indented."""
    between = " | " if " | " in line else "; "
    made: list[str] = []
    for part in line.split(between):
        if made and len(made[-1] + between + part) <= width:
            made[-1] += between + part
        else:
            made.append(f"     {part}" if made else part)
    return "\n".join(textwrap.fill(one, width, subsequent_indent=" " * 7) for one in made)


def _when(now: Outlook) -> str:
    if not math.isfinite(now.end_s):
        return "does not end by itself"
    low, high = (now.intervals[n] - now.time_s for n in ("low90", "high90"))
    return f"ends in {span(now.left_s)} ({span(low)} to {span(high)})"


def lever(one: Lever) -> str:
    """One thing to do now, and what it brings."""
    froze = f"frozen {span(one.blackout_s)}"
    if one.name == "raise_limit":
        return f"a downtime limit of {one.value:g} ms ({froze})"
    if one.name == "throttle":
        return f"slowing the guest by {one.value:.0%} ({froze})"
    if one.name == "pause":
        return f"pausing it ({froze})"
    return "cancelling: it does not converge, and nothing here would make it"


def span(seconds: float) -> str:
    """A time as a person reads it."""
    if not math.isfinite(seconds):
        return "ever"
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def size(gib: float) -> str:
    """An amount of memory as a person reads it."""
    return f"{gib:.3g} GiB" if gib >= 1 else f"{gib * 1024:.0f} MiB"


def ended(seen: Seen) -> str:
    """How the migration ended, in one line."""
    rows: Record = seen.record
    row = rows.migrations[rows.migrations.migration == seen.migration].iloc[-1]
    known = [
        f"{what} {span(row[name])}"
        for name, what in (("measured_total_s", "after"), ("measured_blackout_s", "frozen"))
        if row[name] == row[name]
    ]
    return f"{seen.migration}: {', '.join([seen.status or 'its end was not told', *known])}"
