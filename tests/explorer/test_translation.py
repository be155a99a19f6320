"""The laws in the reader's browser: what the page's script computes and draws is what Python does."""

import math

import numpy as np
import pytest

from analysis.explorer import compared, curve, engine, followed, picture
from analysis.explorer.literals import Untranslatable, literal
from analysis.explorer.translation import script
from analysis.figures import language
from analysis.model import migration
from analysis.model.laws import one
from analysis.model.laws.scenario import scenarios
from tests import scenarios as drawn

pytestmark = pytest.mark.thorough

ROWS = 2000
"""Scenarios compared here; ``make nightly`` takes 20,000."""


@pytest.fixture(scope="module")
def page(browser):
    """An empty page that has the study's functions."""
    made = browser.new_page()
    made.goto("about:blank")
    made.add_script_tag(
        content=f"{engine.library()}\nwindow.study = study; window.$format = $format; window.$round = $round;"
    )
    made.evaluate("""() => {
        window.revived = (rows) => {
            for (const r of rows) for (const k in r) if (r[k] === null) r[k] = NaN;
            return rows;
        };
        window.told = (x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);
    }""")
    return made


def sent(table):
    """Scenarios as the page gets them; what is left to a preset is null."""
    rows = [vars(p) for p in scenarios(migration.filled(table))]
    return [{name: None if math.isnan(v) else v for name, v in row.items()} for row in rows]


def compare(page, rows, seed):
    """Outcomes of random scenarios in the page and in Python, as two tables."""
    table = drawn.anywhere(rows, seed)
    there = page.evaluate(
        """(rows) => { const lists = study.work();
        return revived(rows).map((p) =>
            Object.values(study.migrated(p, lists)).map((x) => told(Number(x)))); }""",
        sent(table),
    )
    lists = one.work()
    here = [[float(x) for x in one.migrated(p, lists)] for p in scenarios(migration.filled(table))]
    there = [[float(str(x).replace("Infinity", "inf")) for x in row] for row in there]
    return np.array(here), np.array(there)


def test_page_computes_what_the_model_does(page):
    """Over all parameters, transports, patterns and rules every outcome is equal to 1e-9, codes wholly."""
    here, there = compare(page, ROWS, 17)
    np.testing.assert_allclose(there, here, rtol=1e-9)
    exact = [one.Outcome._fields.index(n) for n in ("limited_by", "passes", "stop_reason", "converged")]
    np.testing.assert_array_equal(there[:, exact], here[:, exact])


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10))
def test_page_computes_what_the_model_does_often(page, seed):
    """The same for 20,000 scenarios in all."""
    here, there = compare(page, ROWS, 100 + seed)
    np.testing.assert_allclose(there, here, rtol=1e-9)


def test_page_draws_what_python_draws(page):
    """Picture, its description, the answer and what changed are the same to the byte."""
    table = drawn.anywhere(150, 3)
    there = page.evaluate(
        """(rows) => { const lists = study.work(); return revived(rows).map((p) => {
        const m = study.follow(p, lists);
        const first = study.follow(revived(rows)[0], lists);
        const told = [study.alternative(m), study.answer(m), study.compared(m, first)];
        return [study.picture(m, ""), ...told]; }); }""",
        sent(table),
    )
    lists = one.work()
    made = [followed.follow(p, lists) for p in scenarios(migration.filled(table))]
    drawn_here = [[picture.picture(m, ""), picture.alternative(m), picture.answer(m)] for m in made]
    assert there == [[*each, compared.compared(m, made[0])] for each, m in zip(drawn_here, made, strict=True)]


def test_curve_is_drawn_the_same(page):
    """A curve with an endless part and one that begins at 0, to the byte."""
    cases = [
        ([0.5, 1.0, 4.0, 10.0], [1e9, 400.0, 90.0, 40.0], [3.0, 2.0, 0.5, 0.2], 2, "Line rate [Gbit/s]"),
        ([0.0, 0.25, 0.5], [20.0, 30.0, 50.0], [0.2, 0.2, 0.3], 0, "Other traffic [0 to 1]"),
        ([1.0, 2.0, 3.0], [math.inf, math.inf, 50.0], [0.2, 0.2, 0.3], 2, "Memory [GiB]"),
    ]
    there = page.evaluate(
        "(cases) => cases.map(([v, t, b, i, n]) => study.curve(v, t.map((x) => x ?? Infinity), b, i, n))",
        [[v, [None if math.isinf(x) else x for x in t], b, i, n] for v, t, b, i, n in cases],
    )
    assert there == [curve.curve(*case) for case in cases]


def test_numbers_are_written_the_same(page):
    """Digits, groups of thousands and halves to even, over all sizes that are told."""
    draw = np.random.default_rng(4)
    values = [0.0, 0.5, 1.5, 2.5, 12.5, 0.125, 99.5, 999.5, 1e15, 123456.5, 2.0**-20, 9.9995e-5]
    values += (10 ** draw.uniform(-9, 16, 3000)).tolist() + np.round(
        10 ** draw.uniform(-3, 6, 2000), 1
    ).tolist()
    there = page.evaluate(
        "(v) => v.map((x) => [study.number(x), study.number(x, 2), study.duration(x)])", values
    )
    assert there == [[language.number(v), language.number(v, 2), language.duration(v)] for v in values]
    shapes = [".1f", ",.0f", ".3g", "g", "02d"]
    there = page.evaluate(
        "([v, s]) => v.map((x) => s.map((f) => $format(f === '02d' ? Math.trunc(x) : x, f)))",
        [values[:400], shapes],
    )
    assert there == [[format(int(v) if s == "02d" else v, s) for s in shapes] for v in values[:400]]
    places = page.evaluate("(v) => v.map((x) => [$round(x), $round(x, 2)])", values)
    assert places == [[round(v), round(v, 2)] for v in values]


# --- the translator -------------------------------------------------------------------

LIMIT = (1.0, math.inf)


class Box:
    """Something that has a width."""

    def __init__(self, width):
        self.width = width

    @property
    def wide(self):
        return self.width > LIMIT[0]


def listed(box, names):
    parts = [f"{name}:{i:02d}" for i, name in enumerate(names) if name != "b"]
    parts += ["wide"] if box.wide else []
    return ", ".join(parts), names[-1], {name: len(name) for name in names}


def with_a_try(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return 0


def with_two_loops(xs):
    return [x + y for x in xs for y in xs]


def test_small_python_means_the_same(page):
    """Classes, properties, comprehensions, formatted texts, ends of lists and mappings by name."""
    source = script({"listed": listed, "Box": Box})
    there = page.evaluate(f"() => {{ {source}; return study.listed(new study.Box(2), ['a', 'b', 'cc']); }}")
    assert there == list(listed(Box(2), ["a", "b", "cc"]))


@pytest.mark.parametrize("function", [with_a_try, with_two_loops], ids=lambda f: f.__name__)
def test_what_has_no_translation_is_refused_by_name(function):
    """The function, the line in it and what stands there are told."""
    with pytest.raises(Untranslatable, match=f"{function.__name__}, its line 2: .* has no translation"):
        script({"f": function})


def test_a_changed_law_changes_the_script(monkeypatch):
    """No copy of a law is kept: a constant that changes in Python is another one in the page."""
    before = script({"migrated": one.migrated})
    monkeypatch.setattr("analysis.model.laws.rings.FILL", 0.5)
    assert script({"migrated": one.migrated}) != before


def test_constants_cannot_end_the_script():
    """A text with a closing tag in it stays a text."""
    assert "</" not in literal({"a": "</script><script>"})


def test_script_is_small():
    """At most 100 kB of script in a page, without a library."""
    assert len(engine.engine().encode()) <= 100_000
