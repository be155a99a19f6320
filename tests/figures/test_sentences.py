"""Sentences and headings: every number is one of the rows, nothing is inf or nan, and what is claimed holds.

Random scenarios far beyond what is usual (idle guests, lines of 0.05 to 400 Gbit/s, rules without a pass
limit) are evaluated at once; then each sentence is read as a reader does, number by number with its unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.explorer import picture
from analysis.figures import curves, key_numbers, link_takeaways, maps, takeaways, timeline
from analysis.figures.words import at_least
from analysis.model.migration import ceilings, migrate
from analysis.parameters import WRITE_PATTERNS
from analysis.presets import host
from analysis.studies import grids, transports
from tests.scenarios import PLAIN_RULES

pytestmark = pytest.mark.thorough

SCENARIOS, SEED = 2000, 24
LINES = np.array([0.05, 0.2, 1.0, 10.0, 25.0, 100.0, 400.0])
RATES = len(LINES)
FEW_OR_ALL = pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.nightly)])
"""A tenth of the scenarios where each takes milliseconds; all of them at night."""

# --- random scenarios, evaluated at once ----------------------------------------------------


@cache
def scenarios() -> pd.DataFrame:
    """Random machines, links and rules, a row each, with numbers as a person types them."""
    rng = np.random.default_rng(SEED)

    def spread(low: float, high: float) -> np.ndarray:
        drawn = np.exp(rng.uniform(np.log(low), np.log(high), SCENARIOS))
        return np.array([float(f"{value:.3g}") for value in drawn])

    columns = {
        "memory_gib": spread(0.05, 3e4),
        "resident_share": rng.choice([0.0, 0.5, 0.9, 1.0], SCENARIOS),
        "dirty_pages_per_s": np.where(rng.random(SCENARIOS) < 0.1, 0.0, spread(1, 1e7)),
        "working_set_gib": spread(0.01, 500),
        "write_pattern": rng.choice(WRITE_PATTERNS, SCENARIOS),
        "bandwidth_gbps": spread(0.05, 400),
        "round_trip_ms": rng.choice([0.0, 0.1, 1.0, 5.0, 50.0], SCENARIOS),
        "receive_buffers": rng.choice([16, 512, 4096], SCENARIOS),
        "receive_delay_us": rng.choice([0.0, 50.0, 1000.0], SCENARIOS),
        "stop_rule": rng.choice(PLAIN_RULES, SCENARIOS),
        "pass_limit": rng.choice([np.nan, np.nan, 1, 5, 30], SCENARIOS),
    }
    return pd.DataFrame(columns)


def some(every: int) -> pd.DataFrame:
    """Every so many of the scenarios, numbered anew."""
    return scenarios()[::every].reset_index(drop=True)


def over_lines(table: pd.DataFrame) -> pd.DataFrame:
    """Each scenario on some lines, its own among them: :data:`RATES` rows one after the other."""
    lines = np.tile(LINES, (len(table), 1))
    lines[:, RATES // 2] = table["bandwidth_gbps"]
    repeated = table.loc[np.repeat(table.index, RATES)].reset_index(drop=True)
    return repeated.assign(bandwidth_gbps=np.sort(lines, axis=1).ravel())


def parts(table: pd.DataFrame, rows: int) -> Iterator[pd.DataFrame]:
    """A table cut after every so many rows."""
    return (table.iloc[first : first + rows] for first in range(0, len(table), rows))


# --- reading a sentence ---------------------------------------------------------------------

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?"
_TOKEN = re.compile(
    r"(?P<h>\d+) h (?P<hm>\d\d) min|(?P<m>\d+) min (?P<ms>\d\d) s|"
    rf"(?<![\w.])(?P<n>{_NUMBER})(?P<unit>(?: ?[^\s\d]\S*)?)"
)
_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
WRONG = re.compile(r"\b(inf|nan|None|endless of)\b|\de[+-]\d")


def numbers(text: str) -> list[tuple[str, float, float]]:
    """Every number of a text: what it is of (``s``, ``%`` or other), its value, and half its last digit."""
    found = []
    for token in _TOKEN.finditer(text.replace("\N{NO-BREAK SPACE}", " ").replace("**", "")):
        if token["h"]:
            found.append(("s", 3600.0 * int(token["h"]) + 60 * int(token["hm"]), 30.0))
        elif token["m"]:
            found.append(("s", 60.0 * int(token["m"]) + int(token["ms"]), 0.5))
        else:
            value, unit = float(token["n"].replace(",", "")), token["unit"].strip(" .,;:)")
            power = 10.0 ** np.floor(np.log10(value)) if value else 1.0
            if unit in _SECONDS:
                found.append(("s", value * _SECONDS[unit], 0.05 * power * _SECONDS[unit]))
            elif unit == "%":
                found.append(("%", value, min(0.05 * power, 0.5)))
            else:
                found.append(("other", value, 0.005 * power))
    return found


def faults(text: str, known: Mapping[str, np.ndarray]) -> list[str]:
    """What a text says that is no recorded value, to the digits it is written with."""
    said = [f"reads {match[0]!r}" for match in WRONG.finditer(text)]
    for kind, value, half in numbers(text):
        if not (np.abs(known[kind] - value) <= half * 1.001 + 1e-12).any():
            said.append(f"{value:g} {kind} is none of the rows'")
    return [f"{fault}: {text}" for fault in said]


_TIMES = ("brownout_s", "blackout_s", "total_s", "plain_total_s")


def recorded(rows: Any, *others: float, **more: Iterable[float]) -> dict[str, np.ndarray]:
    """The values of some rows of ``migrate`` (a table or one as a dict) by what they are of, and ``others``.

    ``more``: ``shares`` and ``seconds`` that a sentence was given beside them.
    """
    columns = rows if isinstance(rows, dict) else {str(name): rows[name].to_numpy() for name in rows}
    plain = [np.ravel(column) for name, column in columns.items() if name not in _TIMES]
    return {
        "s": np.hstack([*(columns[name] for name in _TIMES if name in columns), *more.get("seconds", [])]),
        "%": 100 * np.hstack([np.nan, *more.get("shares", [])]),
        "other": np.hstack([np.nan, *(column for column in plain if column.dtype.kind in "fiu"), *others]),
    }


def rates_in(pattern: str, text: str) -> list[float] | None:
    """The numbers that a claim names; None where it is not made."""
    found = re.search(pattern, text.replace("\N{NO-BREAK SPACE}", " "))
    return [float(rate.replace(",", "")) for rate in found.groups()] if found else None


def test_a_text_is_read_number_by_number():
    """By hand: values with half their last digit; a number that is not recorded is found, and so is nan."""
    assert numbers("On 10 Gbit/s: 2 min 11 s, 85 ms of 1,234, 3 h 02 min") == [
        ("other", 10.0, pytest.approx(0.05)),
        ("s", 131.0, 0.5),
        ("s", pytest.approx(0.085), pytest.approx(0.0005)),
        ("other", 1234.0, pytest.approx(5)),
        ("s", 10920.0, 30.0),
    ]
    assert faults("It takes 52 s on 10 lines", recorded({"total_s": 52.4, "lines": 10})) == []
    assert len(faults("It takes 52 s on 10 lines, nan", recorded({"total_s": 52.6, "lines": 11}))) == 3


# --- what one migration is said to be --------------------------------------------------------


def test_heading_and_key_numbers_are_those_of_the_row():
    """Of all 2,000 the heading of the passes and the key numbers: whether it converged, whether it ends."""
    wrong = []
    for here in migrate(scenarios()).to_dict("records"):
        heading, keys, known = timeline.finding(here), key_numbers.migration(here), recorded(here)
        wrong += faults(heading, known) + faults(" | ".join(keys.values()), known)
        never = np.isinf(here["total_s"])
        assert never == ("never ends" in heading) == (keys["blackout"] == "never"), heading
        assert bool(here["converged"]) == (", converged" in heading), heading
    assert not wrong, wrong[:3]


LINK_CLAIMS = {
    "least": r"needs at least \*\*(\S+)",
    "every": r"converges on every link from \*\*(\S+) Gbit/s\*\* to \*\*(\S+) ",
    "none": r"On none of these links, up to \*\*(\S+)",
    "some": r"needs a link of \*\*(\S+) Gbit/s\*\* to \*\*(\S+) ",
    "one": r"needs a link of \*\*(\S+) Gbit/s\*\*, not",
}


@FEW_OR_ALL
def test_what_a_faster_link_is_said_to_buy_holds(every):
    """The rates that a takeaway names converge when put back and the next slower one does not; beyond the
    rate from which a faster line gains nothing it gains less than 1 %.
    """
    table, wrong, back = some(every), [], []
    for row, part in enumerate(parts(migrate(over_lines(table)), RATES)):
        own = (part["bandwidth_gbps"] == table["bandwidth_gbps"][row]).to_numpy()
        text, known = takeaways.bandwidth(part.iloc[int(own.argmax())], part), recorded(part)
        wrong += faults(text, known) + faults(curves._phases_title(part, "bandwidth_gbps", None), known)
        claims = {name: rates_in(pattern, text) for name, pattern in LINK_CLAIMS.items()}
        (made, rates), *rest = [(name, rates) for name, rates in claims.items() if rates]
        assert not rest, text
        back += [(row, rate, made != "none") for rate in rates]
        if made == "least":
            slower = part.loc[part["bandwidth_gbps"] < rates[0], "converged"].to_numpy()
            assert len(slower), text
            assert not slower[-1], text
        assert made != "none" or not part["converged"].any(), text
        useful = rates_in(r"(?:Beyond|A line faster than) \*\*(\S+)", text)
        if useful:
            goodput = part.drop_duplicates("bandwidth_gbps").set_index("bandwidth_gbps")["goodput_gbps"]
            assert goodput[goodput.index > useful[0]].max() <= goodput[useful[0]] / 0.99 * 1.0001, text
    assert not wrong, wrong[:3]
    rows, rates, expected = (list(column) for column in zip(*back, strict=True))
    assert migrate(table.loc[rows].assign(bandwidth_gbps=rates))["converged"].tolist() == expected


def test_the_heading_of_the_map_holds():
    """The rate up to which pre-copy is said to converge does when put back, the next of three digits does
    not; a guest that converges at any rate, or at none, is said to.
    """
    wrong, back, low, high = [], [], 1e3, 1e6
    names = ["memory_gib", "working_set_gib", "write_pattern", "bandwidth_gbps"]
    for scenario in some(250)[names].to_dict("records"):
        most = grids.most_converging("dirty_pages_per_s", low, high, **scenario)
        here = migrate(dirty_pages_per_s=5000.0, **scenario).iloc[0].to_dict()
        text = maps._convergence_title(pd.Series(here), most)
        wrong += faults(text, recorded(here, most))
        tried = {most: True} if 0 < most < high else {high: True} if most else {low: False}
        if 0 < most < high:
            tried[float(f"{most + 10 ** (np.floor(np.log10(most)) - 2):.3g}")] = False
            assert rates_in(r"up to (\S+) page writes", text) == [most], text
        back += [(scenario | {"dirty_pages_per_s": rate}, met) for rate, met in tried.items()]
    assert not wrong, wrong[:3]
    converged = migrate(pd.DataFrame([scenario for scenario, _ in back]))["converged"]
    assert converged.tolist() == [met for _, met in back]


@FEW_OR_ALL
def test_writes_are_said_to_freeze_as_the_rows_have_it(every):
    """Each scenario by all patterns: shortest and longest blackout, and which of them never end."""
    chosen, patterns, wrong = some(every), list(WRITE_PATTERNS), []
    table = chosen.loc[np.repeat(chosen.index, len(patterns))].reset_index(drop=True)
    found = migrate(table.assign(write_pattern=np.tile(patterns, len(chosen))))
    most = {"uniform": 158000.0, "hotcold": np.inf, "zipf": 0.0, "sequential": 13.0}
    for now in parts(found, len(patterns)):
        text, keys = takeaways.dirty_rate(now, most), key_numbers.dirty_rate(now, most)
        known = recorded(now, 158000.0, 13.0)
        wrong += faults(text, known) + faults(" | ".join(keys.values()), known)
        assert np.isinf(now["total_s"]).any() == bool(re.search("ever end|never ends", text)), text
    assert not wrong, wrong[:3]


# --- compression, buffers, transports ---------------------------------------------------------


@FEW_OR_ALL
def test_what_compression_is_said_to_gain_holds(every):
    """The rate up to which it pays does when put back; with the cores it names the full ratio is reached."""
    rng, table = np.random.default_rng(SEED), some(2 * every)
    table["compression_ratio"] = rng.choice([1.0, 1.2, 2.1, 3.0], len(table))
    table["spare_cores"] = rng.choice([0.0, 1.0, 4.0, 16.0], len(table))
    over, here = grids.compression_gain(over_lines(table)), grids.compression_gain(table)
    wrong, paying, cores = [], [], []
    for row, part in enumerate(parts(over, RATES)):
        one = here.iloc[row]
        text, keys = takeaways.compression(one, part, 1.2), key_numbers.compression(one)
        enough = at_least(one["cores_needed"], 2)
        assert one["cores_needed"] <= enough <= 1.1 * one["cores_needed"]
        count = (part["rate_gain"] >= 1.2).sum()
        known = recorded(one.to_dict(), 1.2, enough, count, RATES, *part["bandwidth_gbps"])
        wrong += faults(text, known) + faults(" | ".join(keys.values()), known)
        until = rates_in(r"up to \*\*(\S+)", text)
        paying += [(row, until[0])] if until else []
        cores.append(rates_in(r"full ratio takes \*\*(\S+) cores", text)[0])
    assert not wrong, wrong[:3]
    rows, rates = (list(column) for column in zip(*paying, strict=True))
    back = grids.compression_gain(table.loc[rows].assign(bandwidth_gbps=rates))
    assert (back["rate_gain"] >= 1.2).all()
    full = migrate(table.assign(transport="compression", spare_cores=np.array(cores)))
    assert not (full["limited_by"] == "spare_cores").any()


def test_what_buffers_are_said_to_do_holds():
    """More of them help or not as endless rings do; those that are enough carry 99 % when put back, one
    fewer do not.
    """
    table, wrong = some(40).assign(send_buffers=512), []
    endless = {"send_buffers": 10**6, "receive_buffers": 10**6}
    today, free = migrate(table), migrate(table.assign(**endless))
    enough = {ring: grids.buffers_needed(table, ring) for ring in ("receive_buffers", "send_buffers")}
    for row in range(len(table)):
        now, then, needs = today.iloc[row], free.iloc[row], {ring: n[row] for ring, n in enough.items()}
        text, keys = takeaways.buffers(now, then, needs, 88.0), key_numbers.buffers(now, then, needs)
        times = [now["total_s"], then["total_s"]]
        given = {"seconds": [*times, 88e-6, now["receive_delay_us"] / 1e6], "shares": [0.99]}
        known = recorded(now.to_dict(), *needs.values(), **given)
        wrong += faults(text, known) + faults(" | ".join(f"{k}: {v}" for k, v in keys.items()), known)
        assert ("**helps**" in text) == (" falls " in text), text
        assert ("**helps**" in text) == (times[1] < 0.98 * times[0]), text
    assert not wrong, wrong[:3]
    held = np.isfinite(enough["receive_buffers"])
    ringed, count = table[held].assign(**endless), enough["receive_buffers"][held]
    most = ceilings(ringed)["goodput_gbps"].to_numpy()
    with_them = ceilings(ringed.assign(receive_buffers=count))["goodput_gbps"].to_numpy()
    assert (with_them >= 0.99 * most * (1 - 1e-9)).all()
    more = count > 1
    fewer = ceilings(ringed[more].assign(receive_buffers=count[more] - 1))["goodput_gbps"].to_numpy()
    assert (fewer < 0.99 * most[more]).all()


def test_which_transport_is_said_to_be_best_holds():
    """The option to take is the best of the rows and what it saves their quotient; at the rate from which
    compression is no longer best another one is, when put back.
    """
    published, preset, wrong = pd.DataFrame({"error": [0.1, -0.4]}), host("windows_2022"), []
    rng, here = np.random.default_rng(SEED), LINES[RATES // 2]
    for scenario in some(100)[["memory_gib", "dirty_pages_per_s", "working_set_gib"]].to_dict("records"):
        cores, ratio = float(rng.choice([0.0, 1.0, 16.0])), float(rng.choice([1.0, 2.1]))
        packer = {"spare_cores": cores, "compression_ratio": ratio, "compress_gib_per_s_per_core": 0.27}
        table = grids.grid(bandwidth_gbps=LINES, **scenario, **packer)
        compared = transports.compare_options(table, preset, 2)
        lifted = transports.compare_options(table, transports.without_limit(preset), 2)
        text = link_takeaways.transports(compared, lifted, here, published)
        at = compared[compared["bandwidth_gbps"] == here]
        best = at[at["best"]].iloc[0]
        ceiling = rates_in(r"above \*\*(\S+) Gbit", text) or []
        shares = [1 - 1 / best["faster"], 0.15]
        wrong += faults(text, recorded(pd.concat([at, lifted]), *ceiling, 2, 1, shares=shares))
        assert f"take **{key_numbers.option(best['transport'])}**" in text, text
        since = rates_in(r"From \*\*(\S+) Gbit/s\*\* on compression", text)
        if since:
            back = transports.compare_options(table.iloc[:1].assign(bandwidth_gbps=since), preset, 2)
            assert back.loc[back["best"], "transport"].iloc[0] != "compression", text
    assert not wrong, wrong[:3]


def test_the_explorer_says_what_its_rows_have():
    """Its takeaway: the migration, a line twice as fast and half the page writes; one that never ends too."""
    wrong = []
    for row in some(200).to_dict("records"):
        scenario = {name: value for name, value in row.items() if value == value}
        text = picture.takeaway(**scenario)
        tried = [scenario | {name: scenario[name] * by} for name, by in picture._TRIED.items()]
        rows = migrate(pd.DataFrame([scenario, *tried]))
        wrong += faults(text, recorded(rows))
        assert np.isinf(rows["total_s"].iloc[0]) == text.startswith("It never ends"), text
    assert not wrong, wrong[:3]
