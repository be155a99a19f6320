"""How fast and how large the page is that computes: headless Chromium, a change at a time.

python benchmarks/page.py [CHANGES]

A change is a key in the field of the memory. *Figures*: from the key until answer and table stand in the
page; *picture*: until the next frame, with picture and curve, stands; *curve*: 200 points computed and drawn.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from analysis.explorer.calculator import calculator, what_if
from analysis.explorer.engine import engine, library
from analysis.model.laws.scenario import scenarios
from analysis.model.migration import filled
from analysis.studies.grids import grid

CASES: dict[str, dict[str, Any]] = {
    "five passes, uniform writes": {"memory_gib": 64, "dirty_pages_per_s": 150_000, "working_set_gib": 16},
    "twenty passes and more, Zipf": {"memory_gib": 64, "dirty_pages_per_s": 200_000, "working_set_gib": 16,
                                     "stop_rule": "xen", "write_pattern": "zipf"},
    "endless, compressed, shared": {"memory_gib": 256, "dirty_pages_per_s": 1e6, "working_set_gib": 64,
                                    "stop_rule": "qemu", "transport": "compression", "network": "shared"},
}  # fmt: skip
POINTS = 200

_CHANGE = """async (count) => {
  const field = document.querySelector("[data-name=memory_gib]"), took = {figures: [], picture: []};
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  for (let i = 0; i < count; i += 1) {
    field.value = String(32 + i / 4);
    await frame();
    const begun = performance.now();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    took.figures.push(performance.now() - begun);
    await frame();
    took.picture.push(performance.now() - begun);
  }
  return took;
}"""
_CURVE = """([count, stops]) => {
  const lists = study.work(), took = [];
  const p = {...window.case};
  for (let i = 0; i < count; i += 1) {
    const begun = performance.now();
    const ended = stops.map((v) => study.migrated({...p, memory_gib: v + i / 100}, lists));
    const box = document.querySelector("#curve");
    const times = ["total_s", "blackout_s"].map((name) => ended.map((o) => o[name]));
    box.innerHTML = study.curve(stops, ...times, 0, "Memory");
    box.getBoundingClientRect();
    took.push(performance.now() - begun);
  }
  return took;
}"""


def opened(browser: Any, body: str) -> Any:
    """A page in a file of its own with that body."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(f'<!DOCTYPE html><html lang="en"><title>page</title><main>{body}</main></html>')
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(path.as_uri())
    return page


def told(times_ms: list[float]) -> str:
    """Median and the time that nineteen in twenty stay below."""
    ordered = sorted(times_ms)
    return (
        f"{statistics.median(ordered):6.1f} ms, 95 % below {ordered[int(0.95 * (len(ordered) - 1))]:6.1f} ms"
    )


def changes(browser: Any, count: int) -> None:
    """Print how long a change takes to figures and to the picture, in each case."""
    for name, case in CASES.items():
        page = opened(browser, calculator(**case))
        page.evaluate(_CHANGE, 3)
        took = page.evaluate(_CHANGE, count)
        page.close()
        print(f"{name:32} figures {told(took['figures'])}; picture {told(took['picture'])}")


def curves(browser: Any, count: int) -> None:
    """Print how long a curve of 200 points takes in each case, from its first migration to the new layout."""
    for name, case in CASES.items():
        page = opened(browser, f"<div id=curve></div><script>{library()}\nwindow.study = study;</script>")
        rows = [vars(p) for p in scenarios(filled(grid(**case)))]
        page.evaluate(
            "(p) => { for (const k in p) if (p[k] === null) p[k] = NaN; window.case = p; }",
            {k: None if v != v else v for k, v in rows[0].items()},
        )
        values = [float(v) for v in np.geomspace(1, 4096, POINTS)]
        took = page.evaluate(_CURVE, [count, values])
        page.close()
        print(f"{name:32} curve of {POINTS} points {told(took)}")


def kept(folder: Path) -> None:
    """Print how large the reports of a folder are that compute, where there are any."""
    for path in sorted(folder.glob("[0-9][0-9]-*.html")):
        text = path.read_text(encoding="utf-8")
        has = "computes" if 'class="calculator' in text else "does not compute"
        print(f"{path.as_posix():44} {len(text.encode()):9,} bytes, {has}")


def sizes() -> None:
    """Print how many bytes the script and the parts of a page have."""
    parts = {
        "the study's functions in JavaScript": library(),
        "the whole script of a page": engine(),
        "calculator with script, fields and picture": calculator(),
        "what-if panel with script": what_if(["memory_gib", "bandwidth_gbps"], "memory_gib"),
    }
    for name, text in parts.items():
        print(f"{name:44} {len(text.encode()):9,} bytes")


def main(count: int) -> None:
    """Print all figures."""
    from playwright.sync_api import sync_playwright

    sizes()
    kept(Path("reports"))
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("no chromium on the PATH: the page's times are not measured")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        changes(browser, count)
        curves(browser, count)
        browser.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
