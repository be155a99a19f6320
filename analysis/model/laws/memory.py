"""The machine's memory in one migration: what is sent as content, how it is written, how fast it goes."""

from __future__ import annotations

import math

import numpy as np

from analysis.model.laws.compression import compressed_rate
from analysis.model.laws.scenario import Numbers, Scenario
from analysis.model.units import GBIT, GIB, MIB, PAGE_BYTES, PAGES_PER_GIB
from analysis.parameters import TRANSPORTS, WRITE_PATTERNS

ZIPF_HEAD = 16
"""Ranks that get a class each; beyond them ranks are so alike that a few nodes carry them."""
ZIPF_NODES = 24
"""Gauss-Legendre nodes over the logarithm of the other ranks: u(t) within 1e-4 for exponents up to 1.5."""
CLASSES = ZIPF_HEAD + ZIPF_NODES + 1
"""Most classes of pages of a machine: Zipf's, and what an idle guest writes."""

COMPRESSION = TRANSPORTS.index("compression")
HOTCOLD, ZIPF, SEQUENTIAL = (WRITE_PATTERNS.index(name) for name in ("hotcold", "zipf", "sequential"))
_NODES, _WEIGHTS = (tuple(values.tolist()) for values in np.polynomial.legendre.leggauss(ZIPF_NODES))
_HEAD_RANK = math.log(ZIPF_HEAD + 0.5)


def content_pages(p: Scenario) -> float:
    """Pages sent as content in the first pass: a share of memory and a fixed part, at most all of it."""
    pages = p.memory_gib * PAGES_PER_GIB
    return min(pages * p.resident_share + p.extra_resident_mib * MIB / PAGE_BYTES, pages)


def zero_bytes(p: Scenario) -> float:
    """What the stream says of pages without content, all of it in the first pass."""
    return (p.memory_gib * PAGES_PER_GIB - content_pages(p)) * p.zero_page_bytes


def memory_rate(p: Scenario, goodput_gbps: float) -> tuple[float, float]:
    """Memory copied per second [GiB/s] on a link of that rate, and the memory bytes per byte sent."""
    link = goodput_gbps * GBIT / 8 / GIB
    rate, ratio = link, 1.0
    if p.transport == COMPRESSION:
        rate, ratio = compressed_rate(
            link, p.compression_ratio, p.compress_gib_per_s_per_core, p.spare_cores, p.compressor_waits
        )
    return rate * PAGE_BYTES / (PAGE_BYTES + p.page_header_bytes), ratio


def ahead_pages(p: Scenario, pages_per_s: float, ratio: float, goodput_gbps: float) -> float:
    """Pages of the first pass that nobody waits for: what the sender's socket and queue take at once.

    Less those in whose time the link tells of the zero pages, which no compressor waits for; below zero where
    these are more. All zero pages are told of in the first pass, wherever it ends. Where no page is ever sent
    that time is left out, for it can't be told in pages.
    """
    each = PAGE_BYTES + p.page_header_bytes
    per_byte = ratio / each
    if not math.isinf(goodput_gbps):
        per_byte = pages_per_s / (goodput_gbps * GBIT / 8)
    return p.send_ahead_mib * MIB / each * ratio - zero_bytes(p) * per_byte


def fill_classes(p: Scenario, rates: Numbers, sizes: Numbers) -> int:
    """Fill in writes a second and pages of each class of pages; returns how many classes there are.

    The last is what an idle guest writes beside its workload. Where those that are written would together be
    more than the machine has pages, all are smaller in proportion.
    """
    size = min(p.working_set_gib, p.memory_gib) * PAGES_PER_GIB
    if p.write_pattern == HOTCOLD:
        n = _fill_hotcold(p, size, rates, sizes)
    elif p.write_pattern == ZIPF:
        n = _fill_zipf(p, size, rates, sizes)
    else:
        n = 1
        rates[0], sizes[0] = p.dirty_pages_per_s, size
    rates[n], sizes[n] = p.idle_dirty_pages_per_s, p.idle_working_set_mib * MIB / PAGE_BYTES
    n += 1
    _fit(rates, sizes, n, p.memory_gib * PAGES_PER_GIB)
    return n


def _fill_hotcold(p: Scenario, size: float, rates: Numbers, sizes: Numbers) -> int:
    """A hot and a cold class; writes meant for a class without pages fall on the other one."""
    share = p.hot_page_share
    writes = 0.0 if share <= 0 else 1.0 if share >= 1 else p.hot_write_share
    rates[0], sizes[0] = p.dirty_pages_per_s * writes, size * share
    rates[1], sizes[1] = p.dirty_pages_per_s * (1 - writes), size * (1 - share)
    return 2


def _fill_zipf(p: Scenario, size: float, rates: Numbers, sizes: Numbers) -> int:
    """Classes that stand for Zipf-distributed writes.

    The first ranks are classes of one page. The rest are integrated over the logarithm of the
    rank, where the integrand is smooth; rates are scaled so that they add up.
    """
    width = math.log(max(size, ZIPF_HEAD) + 0.5) - _HEAD_RANK
    behind = 0.0
    for i in range(ZIPF_NODES):
        rank = math.exp(_HEAD_RANK + width * (_NODES[i] + 1) / 2)
        rates[ZIPF_HEAD + i], sizes[ZIPF_HEAD + i] = rank, rank * _WEIGHTS[i] * width / 2
        behind += sizes[ZIPF_HEAD + i]
    scale = max(size - ZIPF_HEAD, 0.0) / behind if behind > 0 else 0.0
    total = 0.0
    for i in range(ZIPF_HEAD + ZIPF_NODES):
        if i < ZIPF_HEAD:
            rates[i], sizes[i] = i + 1.0, min(max(size - i, 0.0), 1.0)
        else:
            sizes[i] = sizes[i] * scale
        rates[i] = sizes[i] * rates[i] ** -p.zipf_exponent
        total += rates[i]
    for i in range(ZIPF_HEAD + ZIPF_NODES):
        rates[i] = p.dirty_pages_per_s * (rates[i] / total if total > 0 else 0.0)
    return ZIPF_HEAD + ZIPF_NODES


def _fit(rates: Numbers, sizes: Numbers, n: int, pages: float) -> None:
    """Make classes smaller where those that are written would together be more than there are pages."""
    total = 0.0
    for j in range(n):
        total += sizes[j] if rates[j] > 0 else 0.0
    if total > pages:
        for j in range(n):
            sizes[j] = sizes[j] * (pages / total)
