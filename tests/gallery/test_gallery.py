"""The gallery: thirty situations that notebooks can be in, and sheets on which every figure is found."""

import importlib.util

import numpy as np
import pytest
from PIL import Image

from analysis.batch import run


@pytest.fixture(scope="module")
def sheets():
    """gallery/sheets.py, which is a script beside the package."""
    from pathlib import Path

    path = Path(__file__).parents[2] / "gallery" / "sheets.py"
    spec = importlib.util.spec_from_file_location("sheets", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def planned(sheets):
    """The runs of every notebook; a value that a notebook does not take is refused here."""
    return {path.stem: sheets.runs_of(path) for path in run.find([])}


def test_thirty_situations_each_change_a_notebook(sheets, planned):
    """There are thirty, each with a parameter that some notebook has, and with what the gallery promises."""
    _, named = sheets.situations()
    reached = {one.scenario for runs in planned.values() for one in runs}
    assert len(named) == 30
    assert reached == {sheets.PLAIN, *named}
    assert {"idle", "never ending", "one pass", "tiny machine", "24 TiB", "a host file"} <= reached


def test_a_notebook_takes_what_it_has(planned):
    """Notebook 02 has no stop rule, so QEMU's is no situation of it; of 03 it is, and each run has a name."""
    assert "QEMU" not in {one.scenario for one in planned["02-buffers"]}
    qemu = next(one for one in planned["03-dirty-rate"] if one.scenario == "QEMU")
    assert qemu.parameters == {"stop_rule": "qemu"}
    names = [one.name for runs in planned.values() for one in runs]
    assert len(set(names)) == len(names)


def test_every_figure_is_on_a_sheet(sheets):
    """Four figures of different shapes: two rows, each figure at the common width where its own colour is."""
    colours = ["#ff0000", "#00ff00", "#0000ff", "#ffff00"]
    found = [
        sheets.Picture("idle", n, Image.new("RGB", (1660, 400 + 200 * n), colour))
        for n, colour in enumerate(colours)
    ]
    page = np.asarray(sheets.sheet(found))
    for picture, colour in zip(found, colours, strict=True):
        shown = (page == np.array(Image.new("RGB", (1, 1), colour))[0, 0]).all(axis=2)
        assert shown.sum() == sheets.WIDTH_PX * picture.image.height // 2


def test_a_figure_that_no_situation_changes_is_shown_once(sheets, monkeypatch):
    """Of three runs with one figure each, of which two are the same to the pixel, two are shown."""
    images = {"as it stands": "#111111", "idle": "#111111", "QEMU": "#222222"}
    runs = [sheets.Run(name, None, {}, name) for name in images]
    made = {name: Image.new("RGB", (4, 4), colour) for name, colour in images.items()}
    monkeypatch.setattr(sheets, "pictures", lambda one: [sheets.Picture(one.name, 1, made[one.name])])
    assert [picture.situation for picture in sheets.told_apart(runs)] == ["as it stands", "QEMU"]
