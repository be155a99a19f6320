"""The kernel that makes the passes of large tables: the outcomes of the laws, whatever is asked."""

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analysis.model import engine
from analysis.model.dirtying import write_classes
from analysis.model.laws.passes import PASS_LIMIT, REASONS
from analysis.model.precopy import Guest, SteadyLink, precopy, taken
from analysis.model.stop_rules import Rules
from analysis.parameters import ParameterError
from benchmarks.saturating import saturating

SEED = 20261123
needs_numba = pytest.mark.skipif(engine.find_spec("numba") is None, reason="Numba is not installed")
PATTERNS = ["uniform", "hotcold", "sequential"]


def drawn(rows, rules, *, pattern="uniform", seed=SEED, idle=False, ahead=False, single=False):
    """Guests, links and rules of random rows: passes from one to the limit, every way to stop."""
    draw = np.random.default_rng(seed)
    content = np.exp(draw.uniform(np.log(2), np.log(2e7), rows))
    zero = content * draw.choice([0, 0.1, 3], rows)
    rate = np.exp(draw.uniform(np.log(1e3), np.log(3e6), rows))
    size = content * draw.uniform(0.001, 1.2, rows)
    writes = rate * np.exp(draw.uniform(np.log(0.01), np.log(3), rows))
    quiet = draw.random(rows) < 0.05
    writes[quiet], size[draw.random(rows) < 0.05] = 0, 0
    chosen = draw.choice(pattern, rows) if isinstance(pattern, list) else pattern
    shape = (draw.uniform(0, 1, rows), draw.uniform(0, 1, rows), 1.0)
    rest = (writes * 0.05, size * 0.1) if idle else (0.0, 0.0)
    classes = write_classes(np.broadcast_to(chosen, rows), writes, size, *shape, *rest)
    guest = Guest(content, zero, content * draw.choice([0, 0.02], rows), classes)
    link = SteadyLink(rate, content * draw.choice([0, 0.01, 2, -0.5], rows) if ahead else np.zeros(rows))
    names = draw.choice(rules, rows) if isinstance(rules, list) else np.broadcast_to(rules, rows)
    limit = draw.choice([np.nan, 1, 2, 3, 7, 30], rows)
    target_ms = draw.choice([np.nan, 10, 300, 2000], rows)
    return guest, link, {"stop_rule": names, "pass_limit": limit, "blackout_target_ms": target_ms}


def by_kernel(guest, link, rule, threads=1):
    """What the kernel makes of rows, and those that it leaves."""
    return engine.precopy(guest, link, Rules.of(*rule.values()), threads)


def agree(guest, link, rule, least_left=0):
    """The kernel's outcomes of all rows that it does not leave are those of the laws; the rows left."""
    made, left = by_kernel(guest, link, rule)
    assert len(left) >= least_left
    kept = np.setdiff1d(np.arange(len(guest.content)), left)
    same(taken(made, kept), taken(precopy(guest, link, rule), kept), guest)
    return left


def same(one, other, guest, rtol=1e-9):
    """Outcomes equal to rounding; whole pages are what a reader sees, so residuals to a millionth of one."""
    np.testing.assert_array_equal(one.passes, other.passes)
    np.testing.assert_array_equal(one.reason, other.reason)
    np.testing.assert_array_equal(one.converged, other.converged)
    for name in ("residual_pages", "duration_s", "sent_pages"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=1e-6)


@pytest.mark.thorough
@needs_numba
@pytest.mark.parametrize("rule", ["hyperv", "xen", "qemu", ["hyperv", "qemu", "hyperv_2008r2"]])
def test_the_kernel_gives_what_the_laws_give(rule):
    """Whole passes, guarded ones and looks during a pass, on a table of three patterns: the same outcomes.

    Tables of one kind (rule, number of classes, what is needed) are of one kernel, which takes seconds to
    compile: so the guests of xen have three classes here, as those of the next test.
    """
    left = agree(*drawn(3000, rule, pattern=PATTERNS, ahead=True, idle=rule == "xen"))
    assert (len(left) > 0) == ("qemu" in rule)


@needs_numba
def test_rows_of_all_rules_patterns_and_links_keep_their_order():
    """Mixed rules, three classes, links that carry nothing or everything: each row gets its own outcomes."""
    guest, link, rule = drawn(2000, ["hyperv", "xen"], pattern=PATTERNS, idle=True, ahead=True)
    link.pages_per_s[::50], link.pages_per_s[1::70] = 0, np.inf
    left = agree(guest, link, rule)
    assert set(left) == {*range(0, 2000, 50), *range(1, 2000, 70)}


@needs_numba
def test_threads_and_chunks_change_nothing():
    """200,000 rows in chunks on two threads: bit for bit what one thread gives."""
    rows = drawn(200_000, "hyperv", pattern=PATTERNS, ahead=True)
    one, two = (by_kernel(*rows, threads)[0] for threads in (1, 2))
    for a, b in zip(one[:-1], two[:-1], strict=True):
        np.testing.assert_array_equal(a, b)


@needs_numba
@pytest.mark.parametrize("rows", [1, 7, 4095, 4096, 4097])
def test_any_number_of_rows_is_made_whole(rows):
    """Fewer rows than a block, just a block, one more: none is forgotten.

    The first row needs all that any does, so that all tables are of the kernel that is compiled already.
    """
    guest, link, rule = drawn(4097, "hyperv", pattern=PATTERNS, ahead=True)
    outgrown = guest.classes.sizes.sum(axis=1) > guest.content + guest.zero
    first = (outgrown & guest.classes.cyclic.any(axis=1) & (link.ahead != 0)).argmax()
    at = np.append(first, np.delete(np.arange(4097), first))[:rows]
    some = {name: np.broadcast_to(column, 4097)[at] for name, column in rule.items()}
    assert not len(agree(taken(guest, at), taken(link, at), some))


def test_all_ways_to_stop_are_among_the_random_rows():
    """The comparisons above would prove little if no row stopped for some reason that a plain rule has."""
    reasons = precopy(*drawn(3000, ["hyperv", "xen", "qemu"])).reason
    assert {REASONS[code] for code in np.unique(reasons)} == {*REASONS} - {
        "post_copy",
        "cancelled",
        "time_up",
    }
    assert PASS_LIMIT in reasons


@needs_numba
def test_saturating_by_hand():
    """1000 pages at 100 a second, 50 writes a second on 100 pages: 100 (1 - exp(-5)), and so on."""
    left, sent, law = 1000.0, 0.0, []
    while left > 1 or not law:
        sent, left = sent + left, 100 * -math.expm1(-50 * left / (100 * 100))
        law.append(left)
    out = saturating(1000, 100, 50, 100, 0.01, 30)
    assert out.passes == len(law) == 8
    assert out.downtime_s == pytest.approx(law[-1] / 100, rel=1e-14)
    assert out.total_s == pytest.approx((sent + law[-1]) / 100, rel=1e-14)
    assert out.sent_pages == pytest.approx(sent + law[-1], rel=1e-14)
    assert bool(out.converged)


@needs_numba
def test_any_shapes_broadcast():
    """A column, a row, a cube's face and scalars: each point has what it has alone."""
    memory, rate = np.geomspace(1e4, 1e7, 5)[:, None, None], np.geomspace(1e3, 1e6, 4)[:, None]
    target = np.geomspace(0.01, 1, 3)
    out = saturating(memory, memory / 4, rate.T[0, 1], rate, target, 30)
    assert out.total_s.shape == (5, 4, 3)
    alone = saturating(memory[2, 0, 0], memory[2, 0, 0] / 4, rate[1, 0], rate[3, 0], target[1], 30)
    for whole, point in zip(out, alone, strict=True):
        assert whole[2, 3, 1] == point
    assert saturating(np.zeros((0, 3)), 1, 1, 1, 1, 5).passes.shape == (0, 3)


def test_saturating_takes_a_finite_limit():
    """Nothing but the limit ends a row that does not converge."""
    with pytest.raises(ValueError, match="pass_limit must be finite"):
        saturating(1000, 1000, 5000, 100, 0.01, [30, np.inf])


def yardstick(rows, dtype=float):
    """Random scenarios as in the speed yardstick: R, W, d, b in pages, T in seconds."""
    draw = np.random.default_rng(SEED)
    memory = np.exp(draw.uniform(0, np.log(256), rows)) * 2**18
    rate = np.exp(draw.uniform(0, np.log(100), rows)) * 1e9 / 8 / 4096
    writes = rate * np.exp(draw.uniform(np.log(0.01), np.log(1.5), rows))
    target = np.exp(draw.uniform(np.log(0.01), 0, rows))
    return [a.astype(dtype) for a in (memory, memory * draw.uniform(0.01, 0.5, rows), writes, rate, target)]


@needs_numba
def test_double_precision_holds_twelve_digits():
    """20,000 random scenarios: total time within 1e-12 of a recurrence with the C library's expm1."""
    given = yardstick(20_000)
    out = saturating(*given, 30)
    total, passes = by_loop(*given)
    np.testing.assert_array_equal(out.passes, passes)
    np.testing.assert_allclose(out.total_s, total, rtol=1e-12)
    again = saturating(*given, 30, out=out)
    assert np.shares_memory(again.total_s, out.total_s)
    np.testing.assert_allclose(again.total_s, total, rtol=1e-12)


@needs_numba
def test_single_precision_holds_five_digits():
    """The same in float32: within 1e-5 where as many passes are made; few stop by rounding."""
    given = yardstick(20_000, np.float32)
    out = saturating(*given, 30)
    total, passes = by_loop(*(a.astype(float) for a in given))
    same_passes = out.passes == passes
    assert out.total_s.dtype == np.float32
    assert np.mean(~same_passes) < 1e-3
    np.testing.assert_allclose(out.total_s[same_passes], total[same_passes], rtol=1e-5)


def by_loop(memory, working_set, writes, rate, target_s, limit=30):
    """The recurrence in plain Python, a scenario at a time: total seconds and passes."""
    totals, numbers = [], []
    for m, w, d, b, t in zip(
        *(a.tolist() for a in (memory, working_set, writes, rate, target_s)), strict=True
    ):
        left, sent, number = m, 0.0, 0
        while number == 0 or (number < limit and left > b * t and left >= 1):
            sent, left, number = sent + left, w * -math.expm1(-d * left / (b * w)), number + 1
        totals.append((sent + left) / b)
        numbers.append(number)
    return np.array(totals), np.array(numbers)


@needs_numba
@pytest.mark.parametrize(("dtype", "digits"), [(np.float64, 4e-15), (np.float32, 2e-7)])
def test_saturation_keeps_its_digits_from_the_smallest_to_the_largest(dtype, digits):
    """1 - exp(-x) over forty decades against the C library's: no cancellation at small x, 1 at large x."""
    from numba import vectorize

    from analysis.model.exponential import saturation

    x = np.concatenate([[0], np.geomspace(1e-30, 1e9, 40_001)]).astype(dtype)
    found = vectorize(nopython=True)(lambda value: saturation(value))(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, -np.expm1(-x.astype(float)), rtol=digits)


def test_small_tables_do_without_the_compiler():
    """A fresh program that migrates a few rows loads no Numba; a large table is worth it."""
    code = (
        "import sys; from analysis import migrate; migrate(bandwidth_gbps=[1, 10]);"
        "from analysis.model import engine; print('numba' in sys.modules, engine.way_for(10**6).name)"
    )
    own = {name: value for name, value in os.environ.items() if name != "MIGRATION_STUDY_KERNEL"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=own)
    expected = "compiled" if engine.find_spec("numba") else "laws"
    assert done.stdout.split() == ["False", expected]


def test_a_way_is_named_by_the_environment(monkeypatch):
    """Each of the ways for tables of any length, an earlier name for the laws, and no other."""
    for name in engine.WAYS:
        monkeypatch.setenv("MIGRATION_STUDY_KERNEL", name)
        assert {engine.way_for(rows).name for rows in (1, 10**6)} == {name}
    monkeypatch.setenv("MIGRATION_STUDY_KERNEL", "numpy")
    assert engine.way_for(10**6).name == "laws"
    monkeypatch.setenv("MIGRATION_STUDY_KERNEL", "plane")
    with pytest.raises(ParameterError, match=r"'plane'.*compiled, laws, plain; did you mean 'plain'"):
        engine.way_for(10)


@needs_numba
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_lanes_move_as_by_their_numbers(dtype):
    """Lanes that go on come to the front in order, those that then stop go back to their places."""
    from analysis.model import lanes

    draw = np.random.default_rng(SEED)
    near, far, stopped, _ = lanes.scratch_of(dtype, 1)
    changed, moved = lanes.fields_of(None, None, False, False, 1)
    n, left = 1001, draw.random(1001).astype(dtype)
    near[lanes.LEFT : lanes.LEFT + n], near[lanes.GOES : lanes.GOES + n] = left, draw.random(n) < 0.4
    lanes.end_here(near, n)
    going = np.flatnonzero(near[lanes.GOES : lanes.GOES + n])

    assert lanes.keep(near, far, n, moved) == len(going)
    np.testing.assert_array_equal(far[lanes.LEFT :][: len(going)], left[going])

    far[lanes.LEFT :][: len(going)] += 1
    far[lanes.GOES :][: len(going) : 3] = 0
    lanes.put_back(far, stopped, near, len(going), changed)
    left[going[::3]] += 1
    np.testing.assert_array_equal(near[lanes.LEFT :][:n], left)


@needs_numba
def test_the_kernel_on_disk_is_known_by_all_its_files(tmp_path, monkeypatch):
    """Machine code is kept by a digest that changes with a file the kernel only imports."""
    from analysis.model import compiled, jit

    shutil.copytree(Path(jit.__file__).parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    digest = jit.digest(*compiled.KERNEL)
    assert digest in [cell.cell_contents for cell in compiled.run.py_func.__closure__]
    with (tmp_path / "lanes.py").open("a") as file:
        file.write("# another version\n")
    assert jit.digest(*compiled.KERNEL) != digest
