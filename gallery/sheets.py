"""The figures of every notebook in thirty situations on contact sheets: `make gallery`.

What is at the edges of the parameters is rarely drawn and so rarely seen: an idle guest, a migration that
never ends, a link of 0.1 Gbit/s. The situations stand in ``situations.yml``. Each notebook runs in those
that set one of its parameters, like any report (what is up to date is not run again), into
``reports/gallery/``; its figures then come, nine a sheet, each under its situation, onto
``reports/gallery/sheets/NOTEBOOK-1.png``. A figure that is the same as without any situation, such as
one of measurements alone, is left out. ``NOTEBOOK.md`` beside them holds what
each report says.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import yaml
from PIL import Image, ImageDraw, ImageFont

from analysis.batch import inputs, pool, run, uptodate
from analysis.batch.execution import Run
from analysis.batch.progress import shown
from analysis.pages import files, index, parts

SITUATIONS = Path(__file__).with_name("situations.yml")
OUT = Path("reports/gallery")
PLAIN = "as it stands"
"""The name of the run that no situation changes."""
COLUMNS, ROWS, WIDTH_PX, GAP_PX, NAME_PX = 3, 3, 830, 24, 34


class Picture(NamedTuple):
    """One figure: the run it is from, its number within that, and the picture."""

    situation: str
    number: int
    image: Image.Image


# --- the runs -------------------------------------------------------------------------


def situations() -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What is set everywhere, and the parameters of each situation by its name."""
    content = yaml.safe_load(SITUATIONS.read_text(encoding="utf-8"))
    return content["everywhere"], {str(name): given for name, given in content["situations"].items()}


def runs_of(notebook: Path, only: Sequence[str] = ()) -> list[Run]:
    """The runs of a notebook: as it stands, and in each situation (of those named) that it takes part of."""
    everywhere, named = situations()
    named = {name: named[name] for name in only or named}
    known = inputs.inputs(notebook)
    made = []
    for name, given in {PLAIN: {}, **named}.items():
        mine = {key: value for key, value in given.items() if key in known}
        if not mine and name != PLAIN:
            continue
        all_given = {key: value for key, value in everywhere.items() if key in known} | mine
        checked = {key: inputs.check_value(known[key], value) for key, value in all_given.items()}
        made.append(Run(f"{notebook.stem}--{file_name(name)}", notebook, checked, name))
    return made


def file_name(name: str) -> str:
    """A situation's name as part of a file's."""
    return re.sub(r"[^\w.]+", "-", name)


def execute(runs: Sequence[Run], workers: int | None) -> list[str]:
    """Run what is not up to date; what failed, a line each."""
    found = {record["name"]: record for record in index.records(OUT)}
    tasks = []
    for each in runs:
        source = each.notebook.read_bytes()
        task = pool.Task(each, source, uptodate.digest(source, each.parameters))
        if each.name not in found or not uptodate.holds(found[each.name], task.digest):
            tasks.append(task)
    failed = []
    with shown() as progress:
        progress.tell(f"{len(tasks)} of {len(runs)} reports to run")
        progress.begin(len(tasks))
        for number, outcome in enumerate(run.execute_all(tasks, OUT, workers, None, progress), 1):
            line = run.told(outcome)
            progress.done(outcome.run.name, f"[{number}/{len(tasks)}] {line}")
            failed += [line] if outcome.failure else []
    run.gather(OUT)
    return failed


# --- their figures --------------------------------------------------------------------


def pictures(made: Run) -> Iterator[Picture]:
    """The figures of an executed run in order; what a browser has to draw comes from its page."""
    notebook = executed(made)
    found = [output for output in parts.outputs(notebook) if parts.is_figure(output)]
    for number, output in enumerate(found, 1):
        if "image/png" in output.data:
            picture = base64.b64decode(output.data["image/png"])
        else:
            picture = photographed(OUT / f"{made.name}.html", ".explorer")
        if picture:
            yield Picture(made.scenario, number, Image.open(io.BytesIO(picture)).convert("RGB"))


def executed(made: Run) -> nbformat.NotebookNode:
    """The executed notebook of a run."""
    return nbformat.read(OUT / index.EXECUTED / f"{made.name}.ipynb", as_version=4)


def photographed(page: Path, part: str) -> bytes:
    """A part of a page as a browser shows it; nothing, and a word of it, where there is no browser."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        print(f"{page.name}: no Chromium, so its picture is left out", file=sys.stderr)
        return b""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1100, "height": 900})
        opened.goto(page.resolve().as_uri())
        taken: bytes = opened.locator(part).first.screenshot()
        browser.close()
    return taken


def told_apart(runs: Sequence[Run]) -> list[Picture]:
    """The figures of a notebook's runs, without those that are the same as where nothing is set."""
    plain = list(pictures(runs[0]))
    same = {digest(picture.image) for picture in plain}
    rest = [picture for each in runs[1:] for picture in pictures(each) if digest(picture.image) not in same]
    return plain + rest


def digest(image: Image.Image) -> str:
    """A checksum of the pixels."""
    return hashlib.sha256(image.tobytes()).hexdigest()


# --- the sheets -----------------------------------------------------------------------


def write_sheets(notebook: str, found: Sequence[Picture]) -> list[Path]:
    """The contact sheets of a notebook."""
    folder = OUT / "sheets"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{notebook}-*.png"):
        old.unlink()
    made = []
    for first in range(0, len(found), COLUMNS * ROWS):
        path = folder / f"{notebook}-{len(made) + 1}.png"
        sheet(found[first : first + COLUMNS * ROWS]).save(path)
        made.append(path)
    return made


def sheet(found: Sequence[Picture]) -> Image.Image:
    """Some figures in rows, each scaled to one width under the name of its situation."""
    images = [scaled(picture.image) for picture in found]
    rows = [range(i, min(i + COLUMNS, len(found))) for i in range(0, len(found), COLUMNS)]
    heights = [max(images[i].height for i in row) + NAME_PX + GAP_PX for row in rows]
    page = Image.new("RGB", (COLUMNS * (WIDTH_PX + GAP_PX) + GAP_PX, sum(heights) + GAP_PX), "#c9ced6")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    top = GAP_PX
    for row, height in zip(rows, heights, strict=True):
        for column, i in enumerate(row):
            left = GAP_PX + column * (WIDTH_PX + GAP_PX)
            pen.text((left, top), f"{found[i].situation} ({found[i].number})", "#1d2430", font)
            page.paste(images[i], (left, top + NAME_PX))
        top += height
    return page


def scaled(image: Image.Image) -> Image.Image:
    """A figure at the width it has on a sheet."""
    return image.resize((WIDTH_PX, round(image.height * WIDTH_PX / image.width)), Image.Resampling.LANCZOS)


def sentences(runs: Sequence[Run]) -> str:
    """What the reports of a notebook say: takeaway, key numbers and the titles of their figures."""
    lines = [f"# {runs[0].notebook.stem}", ""]
    for each in runs:
        notebook = executed(each)
        said = parts.takeaway_output(notebook)
        numbers = said.metadata["study"].get("numbers", []) if said else []
        figures = filter(parts.is_figure, parts.outputs(notebook))
        alts = [about.get("alt", "") for figure in figures for about in figure.metadata.values()]
        lines += [f"## {each.scenario}", "", parts.takeaway(notebook), ""]
        lines += [f"- {name}: {value}" for name, value in numbers]
        lines += [f"- figure: {alt}" for alt in alts if alt] + [""]
    return "\n".join(lines)


def main() -> None:
    """Run the situations, lay out their figures, and say where they are; exit code 1 if a run failed."""
    parser = argparse.ArgumentParser(prog="make gallery", description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="*", help="all that a situation changes if none is named")
    parser.add_argument("--workers", type=int, help="notebooks run at a time; one per core if not given")
    parser.add_argument("--only", nargs="+", choices=situations()[1], metavar="SITUATION", default=())
    options = parser.parse_args()
    chosen = [runs_of(path, options.only) for path in run.find(options.notebooks)]
    chosen = [runs for runs in chosen if len(runs) > 1]
    failed = execute([each for runs in chosen for each in runs], options.workers)
    for runs in chosen:
        files.write(OUT / "sheets" / f"{runs[0].notebook.stem}.md", sentences(runs))
        for path in write_sheets(runs[0].notebook.stem, told_apart(runs)):
            print(path)
    sys.exit("\n".join(failed) if failed else 0)


if __name__ == "__main__":
    main()
