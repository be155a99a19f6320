"""The laboratory's command: a list of configurations in, tables out.

python3 -m data.collect.laboratory --sample
python3 -m data.collect.laboratory my_list.csv --out measured
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

try:
    import click
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from data.collect.laboratory import needs
    from data.collect.laboratory.configurations import Configuration, read_list
    from data.collect.laboratory.records import Records
    from data.collect.laboratory.run import Done, Stopped, run
except ModuleNotFoundError as _error:
    sys.exit(f"error: there is no Python package {_error.name}; on Debian: "
             "apt-get install python3-click python3-rich python3-yaml")  # fmt: skip

from analysis.errors import UserError

SAMPLE = Path(__file__).with_name("sample.csv")
MISTAKE, FAILED = 2, 1


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("list_", metavar="[LIST]", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("measured"), show_default=True,
              help="Folder for records and tables; work that was stopped goes on there.")  # fmt: skip
@click.option("--sample", is_flag=True, help="Measure the four migrations of sample.csv: some two minutes.")
@click.option("--accelerator", type=click.Choice(["auto", "kvm", "tcg"]), default="auto", show_default=True,
              help="What computes the guests: the processor (kvm) or emulation (tcg).")  # fmt: skip
@click.option("--prefix", default="", help="What the names of the tables begin with.")
@click.option("--check", is_flag=True, help="Say what this machine lacks, and measure nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON, and nothing else.")
def main(
    list_: Path | None, out: Path, sample: bool, accelerator: str, prefix: str, check: bool, as_json: bool
) -> None:
    """Measure live migrations of QEMU: every configuration of LIST (.csv or .yml), a row each."""
    try:
        listed = [] if check and not (sample or list_) else read_list(chosen(list_, sample))
        found = needs.accelerator(accelerator)
        if lacking := needs.missing():
            fail("\n".join(f"error: {each}" for each in lacking), MISTAKE)
        if check:
            click.echo(f"Nothing is missing; guests are computed by {found}." + counted(listed, out))
            return
        sys.exit(measured(listed, out, found, prefix, as_json))
    except UserError as error:
        fail(f"error: {error}", MISTAKE)
    except OSError as error:
        fail(f"error: {error.filename or out}: {error.strerror}; what was measured is kept", FAILED)


def chosen(list_: Path | None, sample: bool) -> Path:
    """The list that is meant; UserError where none is, or two are."""
    if sample == (list_ is not None):
        raise UserError("give a list of configurations, or --sample" + (", not both" if sample else ""))
    return SAMPLE if list_ is None else list_


def counted(listed: list[Configuration], out: Path) -> str:
    """How much of a list is done."""
    if not listed:
        return ""
    had = {record["key"] for record in Records(out).good()} if out.exists() else set()
    done = sum(one.key in had for one in listed)
    return f" The list holds {len(listed)} configurations, {done} of them measured."


def measured(listed: list[Configuration], out: Path, accelerator: str, prefix: str, as_json: bool) -> int:
    """Run the list with progress on the terminal's error output; the exit code."""
    console = Console(stderr=True, quiet=as_json)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    try:
        with Progress(*columns, console=console) as progress:
            done = run(listed, out, accelerator, teller(progress, len(listed)), prefix)
    except Stopped as stopped:
        console.print("Stopped; what was measured is kept, and the same command goes on from there.")
        return 128 + stopped.number
    click.echo(json.dumps(said(done)) if as_json else sentence(done, listed))
    return FAILED if done.left else 0


def teller(progress: Progress, total: int) -> Callable[[Configuration, str], None]:
    """What hears of each row: the bar moves, and attempts that do not count leave a line."""
    task = progress.add_task("", total=total)

    def tell(one: Configuration, what: str) -> None:
        name = f"{one.key} {one.rule}, {one.writes_of_link:.2f} of {one.link_mbit_per_s} Mbit/s"
        if what == "begins":
            progress.update(task, description=name)
        elif what in ("had", "done"):
            progress.advance(task)
        else:
            progress.console.print(f"{name}: does not count, {what}")

    return tell


def said(done: Done) -> dict[str, object]:
    """What was done, for --json."""
    return {"measured": done.measured, "before": done.before, "left": done.left,
            "tables": [str(path) for path in done.tables]}  # fmt: skip


def sentence(done: Done, listed: list[Configuration]) -> str:
    """What was done, for a person: the rows, where they lie, and what is missing."""
    where = f"; {', '.join(str(path) for path in done.tables)}" if done.tables else ""
    text = f"{done.measured + done.before} of {len(listed)} migrations are measured{where}."
    names = {one.key: one for one in listed}
    for key, why in done.left.items():
        text += f"\nNot {key} ({names[key].rule}): {why}."
    return text + ("\nThe same command tries them again." if done.left else "")


def fail(message: str, code: int) -> None:
    """Say what is wrong and end."""
    click.echo(message, err=True)
    sys.exit(code)


if __name__ == "__main__":
    main(prog_name="python -m data.collect.laboratory")
