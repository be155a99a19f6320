"""Distinct pages dirtied in t seconds: laws by hand, limits, measured windows and what holds for all."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.model import dirtying
from analysis.model.laws import memory
from analysis.model.laws.scenario import scenarios
from analysis.model.migration import filled, guest
from analysis.parameters import PARAMETERS

PATTERNS = ("uniform", "sequential", "hotcold", "zipf")

fixed = settings(derandomize=True, deadline=None, max_examples=200)


def distinct(t, pattern, rate, size, hot_page_share=0.1, hot_write_share=0.9, exponent=1.0):
    """u(t) of one pattern through the classes that the passes use."""
    t = np.atleast_1d(np.asarray(t, float))
    one = np.ones(len(t))
    classes = dirtying.write_classes(
        pattern, rate * one, size * one, hot_page_share, hot_write_share, exponent
    )
    return dirtying.distinct_pages(t, classes)


def by_rank(t, rate, size, exponent):
    """The Zipf law itself: every rank its own term."""
    weight = np.arange(1.0, size + 1) ** -exponent
    return -np.expm1(-rate * t * weight / weight.sum()).sum()


# --- laws by hand ---------------------------------------------------------------------


def test_uniform_by_hand():
    """1,000 pages written 1,000 times a second: half of them are dirty after ln 2 s, 1 - 1/e after 1 s."""
    got = distinct([math.log(2), 1.0], "uniform", 1000, 1000)
    np.testing.assert_allclose(got, [500, 632.1205588])


def test_sequential_by_hand():
    """A walk over 1,000 pages at 400 a second: 400 after 1 s, all of them from 2.5 s on."""
    np.testing.assert_allclose(distinct([1, 2.5, 3], "sequential", 400, 1000), [400, 1000, 1000])


def test_hotcold_by_hand():
    """900 of 1,000 writes a second on 100 hot pages, 100 on 900 cold ones, for a tenth of a second.

    Hot: 100 (1 - exp(-900 * 0.1 / 100)) = 100 (1 - exp(-0.9)) = 59.34303
    Cold: 900 (1 - exp(-100 * 0.1 / 900)) = 900 (1 - exp(-1/90)) = 9.94465
    """
    got = distinct(0.1, "hotcold", 1000, 1000)
    assert got == pytest.approx(59.34303 + 9.94465, abs=2e-5)


def test_zipf_of_two_pages_by_hand():
    """Two pages, exponent 1: 2/3 of 3 writes a second on one, 1/3 on the other; 1 s dirties 1.49679.

    (1 - exp(-2)) + (1 - exp(-1)) = 0.864665 + 0.632121
    """
    assert distinct(1.0, "zipf", 3, 2) == pytest.approx(1.496785, abs=1e-6)


# --- measured and exact sums ------------------------------------------------------------


@pytest.mark.parametrize(
    ("period_s", "sampled_mib_per_s"),
    [
        (0.1, 7100),
        (0.2, 4660),
        (0.3, 3280),
        (0.4, 2525),
        (0.5, 2044),
        (0.75, 1341),
        (1, 1052),
        (1.5, 678),
        (2, 507),
    ],
)
def test_uniform_law_is_within_three_per_cent_of_qemus_page_sampling(period_s, sampled_mib_per_s):
    """QEMU commit 34a68001f1: 3,000,000 random writes a second over 1 GiB, seen in windows of 0.1-2 s."""
    pages = distinct(period_s, "uniform", 3_000_000, 2**18)
    assert pages * 4 / 1024 / period_s == pytest.approx(sampled_mib_per_s, rel=0.03)


@pytest.mark.parametrize("exponent", [0, 0.5, 0.8, 1.0, 1.2, 1.5])
@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 20, 1000, 524288])
def test_zipf_classes_are_within_1e_4_of_the_sum_over_ranks(size, exponent):
    """From a thousandth of a write a page to a thousand, for sets of one page to 2 GiB."""
    for writes_per_page in 10.0 ** np.arange(-3, 4):
        t = writes_per_page * size
        got = distinct(t, "zipf", 1.0, size, exponent=exponent)
        assert got == pytest.approx(by_rank(t, 1.0, size, exponent), rel=1e-4)


@pytest.mark.parametrize(
    ("exponent", "writes_per_page"), [(1.2, 0.316), (1.2, 1000), (1.5, 3.16), (1.5, 1000)]
)
def test_zipf_promise_holds_up_to_an_exponent_of_one_and_a_half(exponent, writes_per_page):
    """The docstring promises 1e-4 for exponents up to 1.5: here 16 GiB of pages."""
    t = writes_per_page * 2**22
    got = distinct(t, "zipf", 1.0, 2**22, exponent=exponent)
    assert got == pytest.approx(by_rank(t, 1.0, 2**22, exponent), rel=1e-4)


@pytest.mark.parametrize("exponent", [1.8, 2, 2.5, 3])
@pytest.mark.parametrize("size", [20, 1000, 65536])
def test_zipf_promise_holds_up_to_an_exponent_of_three(size, exponent):
    """The docstring promises 1e-3 for exponents up to 3: here up to 256 MiB and a thousand writes a page."""
    for writes_per_page in 10.0 ** np.arange(-3, 4):
        t = writes_per_page * size
        got = distinct(t, "zipf", 1.0, size, exponent=exponent)
        assert got == pytest.approx(by_rank(t, 1.0, size, exponent), rel=1e-3)


@pytest.mark.parametrize("exponent", [2.5, 3])
def test_zipf_promise_holds_for_many_pages_and_steep_laws(exponent):
    """Steep laws, which ``zipf_exponent`` allows, on 16 GiB of pages: within the 1e-2 that is promised."""
    t = np.array([10, 100, 1000]) * 2.0**22
    got = distinct(t, "zipf", 1.0, 2**22, exponent=exponent)
    np.testing.assert_allclose(got, [by_rank(one, 1.0, 2**22, exponent) for one in t], rtol=1e-2)


# --- limits and special cases -----------------------------------------------------------


@pytest.mark.parametrize("pattern", PATTERNS)
def test_nothing_is_dirtied_without_time_writes_or_pages(pattern):
    """t = 0, rate = 0 and an empty working set each dirty nothing."""
    assert distinct(0.0, pattern, 1000, 1000)[0] == 0
    assert distinct(10.0, pattern, 0, 1000)[0] == 0
    assert distinct(10.0, pattern, 1000, 0)[0] == 0


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_page_is_dirty_in_the_end(pattern):
    """After very many writes u(t) is the working set."""
    assert distinct(1e12, pattern, 1000, 1000)[0] == pytest.approx(1000, rel=1e-12)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_first_writes_all_fall_on_clean_pages(pattern):
    """For a moment u(t) = rate * t: a millionth of a second at 1,000 writes a second dirties 0.001 pages."""
    assert distinct(1e-6, pattern, 1000, 1e6)[0] == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(
    ("pages", "writes"), [(0.3, 0.3), (0.0, 0.9), (1.0, 0.2), (0.5, 0.5)], ids=["even", "none", "all", "half"]
)
def test_hotcold_without_contrast_is_uniform(pages, writes):
    """Equal shares, no hot pages or only hot pages: no write is lost and the uniform law is left."""
    t = [0.1, 1, 10]
    got = distinct(t, "hotcold", 1000, 5000, pages, writes)
    np.testing.assert_allclose(got, distinct(t, "uniform", 1000, 5000), rtol=1e-12)


def test_hot_pages_saturate_first():
    """All writes on a tenth of the pages: the cold nine tenths stay clean for ever."""
    assert distinct(1e9, "hotcold", 1000, 5000, 0.1, 1.0) == pytest.approx(500)


@pytest.mark.parametrize("size", [0.5, 3, 8, 8.5, 100, 1e6])
def test_zipf_without_exponent_is_uniform(size):
    """Exponent 0 writes every page alike."""
    t = [0.01, 1, 100]
    alike = distinct(t, "zipf", 50, size, exponent=0)
    np.testing.assert_allclose(alike, distinct(t, "uniform", 50, size), rtol=1e-12)


@pytest.mark.parametrize("size", [0, 0.25, 1, 15.5, 16, 16.25, 17, 1000, 2**22])
@pytest.mark.parametrize("exponent", [0, 1, 2.5, 3])
def test_zipf_classes_keep_all_writes_and_all_pages(size, exponent):
    """Class rates add up to the rate (nothing to write on without pages), class sizes to the size."""
    rates, sizes, _ = dirtying.write_classes("zipf", 1000.0, float(size), 0.1, 0.9, exponent)
    assert sizes.sum() == pytest.approx(size)
    assert rates.sum() == pytest.approx(1000 if size else 0)
    assert (rates >= 0).all()
    assert (sizes >= 0).all()


# --- vectors, broadcasting, mixtures ----------------------------------------------------


def test_rows_of_mixed_patterns_equal_rows_alone():
    """Padding to the widest pattern changes nothing."""
    patterns = ["uniform", "sequential", "hotcold", "uniform", "zipf"]
    rate, size, t = np.linspace(100, 600, 5), np.linspace(900, 50, 5), np.linspace(0.1, 3, 5)
    alone = [distinct(t[i], name, rate[i], size[i], 0.2, 0.8, 1.1)[0] for i, name in enumerate(patterns)]
    for n in (5, 4):  # with Zipf's classes and without
        classes = dirtying.write_classes(patterns[:n], rate[:n], size[:n], 0.2, 0.8, 1.1)
        np.testing.assert_allclose(dirtying.distinct_pages(t[:n], classes), alone[:n], rtol=1e-14)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_classes_are_those_of_the_law(pattern):
    """What tables take is what the plain law fills in for a migration, an idle guest's writes beside."""
    asked = {"write_pattern": pattern, "dirty_pages_per_s": 900.0, "memory_gib": 4.0}
    asked |= {"idle_dirty_pages_per_s": 50.0, "idle_working_set_mib": 10.0}
    p = next(scenarios(filled(**asked)))
    rates, sizes = [0.0] * memory.CLASSES, [0.0] * memory.CLASSES
    n = memory.fill_classes(p, rates, sizes)
    classes = guest(filled(**asked)).classes
    np.testing.assert_allclose(classes.rates[0], rates[:n], rtol=1e-14)
    np.testing.assert_allclose(classes.sizes[0], sizes[:n], rtol=1e-14)
    assert classes.cyclic[0].tolist() == [pattern == "sequential"] * (n - 1) + [False]


def test_an_idle_guest_is_one_more_class_of_random_writes():
    """Beside every pattern, cyclic ones too: 50 pages a second over 100 pages for a second add 39.35."""
    patterns = list(PATTERNS)
    plain = dirtying.write_classes(patterns, 1000, 500.0, 0.2, 0.8, 1.1)
    idle = dirtying.write_classes(patterns, 1000, 500.0, 0.2, 0.8, 1.1, 50, 100)
    t = np.ones(4)
    added = dirtying.distinct_pages(t, idle) - dirtying.distinct_pages(t, plain)
    np.testing.assert_allclose(added, 100 * (1 - math.exp(-0.5)))


def test_an_idle_guest_of_some_rows_leaves_the_others_alone():
    """Rows without idle writes are what they are alone."""
    rows = dirtying.write_classes(["uniform", "sequential"], 1000, 500.0, 0.2, 0.8, 1.1, [0, 50], [100, 0])
    np.testing.assert_allclose(dirtying.distinct_pages(np.ones(2), rows), [500 * (1 - math.exp(-2)), 500])


# --- what holds for all -----------------------------------------------------------------


@fixed
@given(
    pattern=st.sampled_from(PATTERNS),
    rate=st.floats(0, 1e7),
    size=st.one_of(st.just(0.0), st.floats(0.01, 1e7)),
    hot_page_share=st.just(0.0) | st.floats(PARAMETERS["hot_page_share"].least, 1),
    hot_write_share=st.floats(0, 1),
    exponent=st.floats(0, 3),
    t=st.floats(1e-6, 1e4),
    growth=st.floats(1, 10),
)
def test_distinct_pages_grow_ever_more_slowly_up_to_the_working_set(
    pattern, rate, size, hot_page_share, hot_write_share, exponent, t, growth
):
    """u is increasing and concave, at most the working set and at most the number of writes."""
    shape = (hot_page_share, hot_write_share, exponent)
    first, later = distinct([t, t * growth], pattern, rate, size, *shape)
    middle = distinct((t + t * growth) / 2, pattern, rate, size, *shape)[0]
    slack = 1e-9 * (size + 1e-300)
    assert -slack <= first <= later + slack
    assert middle >= (first + later) / 2 - slack
    assert later <= size + slack
    assert first <= rate * t * (1 + 1e-9) + 1e-300  # a rate of less is no number of full precision


@fixed
@given(
    pattern=st.sampled_from(PATTERNS),
    rate=st.floats(1e-3, 1e6),
    factor=st.floats(1, 100),
    size=st.floats(1, 1e6),
    t=st.floats(1e-3, 1e3),
)
def test_only_the_number_of_writes_counts(pattern, rate, factor, size, t):
    """Writing faster is the same as writing longer, and never dirties less."""
    faster = distinct(t, pattern, rate * factor, size)[0]
    longer = distinct(t * factor, pattern, rate, size)[0]
    assert faster == pytest.approx(longer, rel=1e-9)
    assert faster >= distinct(t, pattern, rate, size)[0] * (1 - 1e-12)
