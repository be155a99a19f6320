"""The command line: ``python -m analysis VERB`` or ``migration-study VERB``.

A thin face over the package. Each verb imports what it needs when it runs, so that ``--help`` is quick.
Exit code 0; 1 when work failed; 2 for a user's mistake, told in one sentence.
"""

import atexit
import gc
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.cli import needed, stopping

if __name__ == "__main__" or Path(sys.argv[0]).stem == "migration-study":
    stopping.early()
    # At its end Python would look for garbage in all that was loaded, a tenth of a command's time.
    atexit.register(gc.freeze)
# Before click: it may be missing too, where the environment is not activated.
if missing := needed.missing():
    sys.exit(needed.lacks(missing))

import click

from analysis.cli.advise import advise
from analysis.cli.drain import drain
from analysis.cli.given import shown, workers
from analysis.cli.last import last_options
from analysis.cli.observing import observe, units_option
from analysis.cli.options import parameter_options, remarks
from analysis.cli.plan import plan
from analysis.cli.sensitivity import sensitivity
from analysis.cli.verbs import Verbs, fail
from analysis.cli.watch import watch
from analysis.cli.written import as_json as written


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """Predict live migrations of virtual machines: how long, how long frozen, and what limits them."""


main.add_command(advise)


@main.command()
@click.argument("notebooks", nargs=-1)
@click.option(
    "-p", "--parameter", "parameters", nargs=2, multiple=True, metavar="NAME VALUE",
    help="Set a notebook parameter; may be given several times.",
)  # fmt: skip
@click.option(
    "--grid", "grid_file", type=click.Path(path_type=Path), metavar="FILE.yml",
    help="Scenarios by name (scenarios:) and lists to cross (cross:); a report for each.",
)  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("reports"),
              show_default=True, help="Folder for the reports and their index.")  # fmt: skip
@click.option("--workers", type=workers(), help="Notebooks run at a time; one per core if not given.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on the workers of a Dask scheduler.")
@click.option("--force", is_flag=True, help="Run also what is up to date.")
@click.option("--json", "as_json", is_flag=True, help="Write one row per run as JSON to standard output.")
def report(
    notebooks: tuple[str, ...],
    parameters: tuple[tuple[str, str], ...],
    grid_file: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Run NOTEBOOKS (all of notebooks/ if none is named) into HTML reports and an index page.

    What is up to date (same notebook, parameters, data and code) is not run again.
    """
    from analysis.batch import grid, run, temporary

    try:
        scenarios = grid.read(grid_file) if grid_file else None
        outcomes = run.report(notebooks, dict(parameters), scenarios=scenarios, **options)
    except KeyboardInterrupt:
        fail("stopped; the reports finished so far are kept, the same command carries on", 130)
        # Worker threads still wait for their kernels, and kernels end by themselves when this process does.
        # One that was starting a kernel may have made the batch's folder anew.
        temporary.remove_left()
        os._exit(130)
    if as_json:
        import json

        click.echo(json.dumps([outcome.row() for outcome in outcomes], indent=2))
    return int(any(outcome.failure for outcome in outcomes))


main.add_command(observe)
host_option = click.option(
    "--host", "host_file", type=click.Path(path_type=Path), help="A calibrated host (see calibrate)."
)


@main.command()
@click.argument("design", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Folder of the dataset; sweeps/ and the design's name if not given.")  # fmt: skip
@click.option("--workers", type=workers(), help="Processes; one per core if not given.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on the workers of a Dask scheduler.")
@host_option
@click.option("--preset", default="", metavar="WINDOWS", help="Defaults of a Windows Server.")
@click.option("--rows/--no-rows", default=True, help="Write the rows, or only what `reduce` asks for.")
@click.option("--force", is_flag=True, help="Remove a sweep of another design from the folder.")
@click.option("--json", "as_json", is_flag=True, help="Write row count, rate and path as JSON.")
def sweep(design: Path, out: Path | None, host_file: Path | None, as_json: bool, **options: Any) -> None:
    """Evaluate the scenarios of a DESIGN (YAML) into a Parquet dataset, on all cores or a cluster.

    Every combination of listed values, or `rows: N` random scenarios. The same command carries on where it
    was stopped. What a design file holds: analysis/studies/sweeps/designs.py, docs/sweeps.md.
    """
    from analysis.cli.rows import progress_of_rows
    from analysis.cli.swept import swept_figures, swept_text
    from analysis.studies.sweeps import designs
    from analysis.studies.sweeps.sweep import sweep as sweep_design

    folder = out or Path("sweeps") / design.stem
    for line in designs.remarks(designs.read(design)):
        click.echo(line, err=True)
    try:
        with progress_of_rows() as progress:
            swept = sweep_design(design, folder, progress=progress, host_file=host_file or "", **options)
    except KeyboardInterrupt:
        sys.exit(fail("stopped; what is done is kept, the same command carries on", 130))
    click.echo(written(swept_figures(swept)) if as_json else swept_text(swept))


def tell(notes: Iterable[str]) -> None:
    """Write what readers noticed to standard error, so that standard output holds the answer alone."""
    for note in notes:
        click.echo(f"note: {shown(note)}", err=True)


@main.command()
@parameter_options
@host_option
@click.option("--workload", metavar="NAME", help="Workloads that the host was calibrated to, one or several.")
@click.option("--preset", metavar="WINDOWS", help="Defaults of a Windows Server, for example windows_2022.")
@last_options
@click.option("--relearn-ms", default="0", metavar="MS", show_default=True,
              help="Time the network needs to learn where the machine is now.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Write the rows as JSON to standard output.")
def predict(
    as_json: bool,
    host_file: Path | None,
    workload: str | None,
    preset: str | None,
    relearn_ms: str,
    last_total_s: tuple[float, ...],
    last_blackout_s: tuple[float, ...],
    **options: str | None,
) -> None:
    """Predict one migration, or one for each combination of comma-separated values.

    With --host the values that are not given are that host's, and the chance to converge and 50 % and 90 %
    intervals stand beside; --last-time then tells what this very machine took before.
    """
    from analysis.cli.predicted import predicted
    from analysis.cli.predictions import prediction_text

    last = {"last_total_s": last_total_s, "last_blackout_s": last_blackout_s}
    rows = predicted(options, host_file, preset, workload, relearn_ms, last)
    for line in remarks(options):
        click.echo(line, err=True)
    click.echo(written(rows) if as_json else prediction_text(rows))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@host_option
@units_option
@click.option("--json", "as_json", is_flag=True, help="Write the error figures as JSON to standard output.")
def validate(files: tuple[Path, ...], host_file: Path | None, as_json: bool, accept_units: bool) -> None:
    """Set the model beside the measurements in FILES.

    A file has the form of data/migrations.csv, of data/buffers.csv, or columns by the names of the parameters
    with a measured total time, or is what a host recorded, with a table beside it that tells what was known
    of each migration; which one, its content tells.
    """
    from analysis.cli.validated import validated, validation_text

    figures = validated(files, host_file, accept_units=accept_units)
    if as_json:
        click.echo(written(figures))
        return
    tell(figures["notes"])
    click.echo(validation_text(figures))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the host to this file.")
@click.option("--name", default="calibrated", show_default=True, help="What the host is called.")
@click.option("--correct", is_flag=True, help="Also learn what the calibrated model still gets wrong.")
@units_option
@click.option("--json", "as_json", is_flag=True, help="Write the host as JSON to standard output.")
def calibrate(
    files: tuple[Path, ...], out: Path | None, name: str, correct: bool, as_json: bool, accept_units: bool
) -> None:
    """Fit a host to the measured migrations in FILES, with an interval for each estimate."""
    from analysis import writable
    from analysis.cli.calibrated import calibrated, host_table_text, measured
    from analysis.studies.hosts.host import host_content, save_host

    if out:
        writable.file(out)
    found = measured(files, accept_units=accept_units)
    tell(found.notes)
    host = calibrated(found, name, correct=correct)
    tell(host.undecided)
    if out:
        save_host(host, out)
        click.echo(f"{host.migrations} migrations calibrated; the host is in {out}", err=True)
    click.echo(written(host_content(host)) if as_json else host_table_text(host))
    if not out and not as_json:
        click.echo("note: to predict with this host keep it: --out FILE", err=True)
    if out:
        click.echo(f"next: python -m analysis predict --host {out} --memory-gib 16", err=True)


main.add_command(drain)
main.add_command(sensitivity)
main.add_command(plan)
main.add_command(watch)

if __name__ == "__main__":
    main(prog_name="python -m analysis")
