"""Figures and tables of transports, networks and measured rings: findings, units, alternative texts."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from analysis import migrate
from analysis.figures import curves, language, link_takeaways, networks, rings, transports
from analysis.figures.words import chance, percent
from analysis.observations.codecs import read_codecs
from analysis.observations.repeats import read_repeats
from analysis.observations.transfers import read_transfers
from analysis.presets import Adapter, host
from analysis.studies import grids, scaling
from analysis.studies.traffic import durations, in_a_row
from analysis.studies.transports import best_of, break_even, by_version, compare_options
from analysis.studies.validation import published, spread
from analysis.studies.validation.rings import compare_transfers

MACHINE = {"memory_gib": 16, "dirty_pages_per_s": 5000.0, "working_set_gib": 2.0}
LINKS = np.geomspace(1, 100, 15)
HERE = {"bandwidth_gbps": LINKS[7], "spare_cores": 4.0}


@pytest.fixture(autouse=True)
def _closed():
    """Draw without a screen and leave no figure open."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")


def both_networks(share=0.3):
    """Times on both networks, of one migration and of three in a row."""
    given = MACHINE | {"background_share": share, "background_burst_s": 10.0, "draws": 200, "seed": 1}
    names = ("dedicated", "shared")
    varied = {"resident_share": 0.05}
    times = {name: durations(network=name, varied=varied, **given) for name in names}
    return times, {name: in_a_row(3, network=name, varied=varied, **given)[-1] for name in names}


def compared(version="windows_2022", **lists):
    """Options over links."""
    table = grids.grid(**MACHINE | {"bandwidth_gbps": LINKS, "spare_cores": 4.0} | lists)
    return compare_options(table, host(version), 2)


def drawn_map():
    area = best_of(compared(spare_cores=np.geomspace(0.5, 32, 9)))
    return transports.best_options({"limited": area}, HERE, {"limited": (40.0, "smb_direct")})


def drawn_break_even():
    codecs = read_codecs()
    return transports.break_even(break_even(codecs[codecs.block_kib == 4], [4.0]), 9.5)


def drawn_bursts():
    table = networks.over_bursts([0.1, 0.3], [1, 10, 60], draws=100, seed=1, **MACHINE)
    return networks.burst_lengths(table, (0.3, 10.0))


def drawn_scaled():
    measured = compare_transfers(read_transfers())
    measured = measured[(measured.factor == "receive_ring") & (measured.receive_delay_us > 0)]
    sizes = np.array([8, 64, 512, 4096])
    carried = scaling.shares_of_line([10.0, 25.0], sizes)
    points = measured.join(scaling.groups(measured))
    return rings.scaled(points, carried, scaling.as_measured(measured, sizes))


FIGURES = {
    "options over links": lambda: transports.over_links(compared(), compared("windows_2019"), LINKS[7]),
    "crossover map": drawn_map,
    "break-even": drawn_break_even,
    "published": lambda: transports.published(published.predict_published(), published.BOUND),
    "side by side": lambda: networks.side_by_side(both_networks()[0]),
    "bursts": drawn_bursts,
    "window": lambda: networks.window(both_networks()[1], 60.0, 3),
    "repeats": lambda: networks.repeats(spread.compare_repeats(read_repeats(), draws=200)),
    "families": lambda: rings.families(compare_transfers(read_transfers())),
    "scaled": drawn_scaled,
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_speaks(name):
    """A title with a number, a longer alternative text, units at the axes, no number that is none."""
    fig = FIGURES[name]()
    title, alt = language.title_of(fig), fig.alternative_text
    assert re.search(r"\d", title)
    assert len(alt) > len(title) + 40
    assert not re.search(r"\bnan\b|\binf\b|None", title + alt)
    labels = [ax.get_xlabel() for ax in fig.axes if ax.get_xlabel()]
    assert labels
    assert all(re.search(r"\[.+\]|buffers", label) for label in labels)
    fig.canvas.draw()


def test_the_title_names_the_best_option():
    """Options over links: the title has the quickest at the link that is set."""
    table = compared()
    best = best_of(table)
    here = best[np.isclose(best.bandwidth_gbps, LINKS[7])].iloc[0]
    title = language.title_of(transports.over_links(table, table, LINKS[7]))
    assert transports.option(here.transport) in title
    none = compared(spare_cores=0.0, bandwidth_gbps=[1.0])
    assert "no option is clearly quicker" in language.title_of(transports.over_links(none, none, 1.0))


@pytest.mark.parametrize(
    ("need", "verdicts"),
    [
        (100, ["by default", "unknown", "at its most"]),
        (1000, ["when raised", "unknown", "at its most"]),
        (9000, ["too few", "unknown", "too few"]),
    ],
)
def test_verdicts_on_adapters(need, verdicts):
    """What is enough by default, when raised, at its most, never; what nobody published is unknown."""
    adapters = [
        Adapter("known", "Windows", "", receive_default=512, receive_most=4096),
        Adapter("unpublished", "Windows", ""),
        Adapter("half known", "Linux", "", receive_most=4096),
    ]
    table = rings.adapters_table(need, need, adapters)
    assert list(table.iloc[:, -1]) == verdicts
    assert list(table.receive) == ["512 of 4,096", "unknown", "unknown of 4,096"]


def test_published_table_has_every_row_with_its_error():
    """Twelve rows, the errors in per cent, "over" where only a lower bound was published."""
    known = published.predict_published()
    table = transports.published_table(known, known.apply(published.likely_cause, axis=1))
    assert len(table) == 12
    assert "over 78 s" in set(table.published)
    assert list(table.error) == [percent(v) for v in known.error]


def test_versions_say_what_is_not_known():
    """The pass limit of Windows Server 2012 is unknown, and there was no SMB option."""
    table = transports.versions_table(by_version(20, bandwidth_gbps=10, **MACHINE))
    assert table.passes["2012"].startswith("unknown")
    assert table["SMB limit"]["2012"] == "no SMB"
    assert table["SMB limit"]["2019"] == "none"
    assert table["SMB limit"]["2022"].replace(language.NO_BREAK, " ") == "5 Gbit/s"


def test_ratios_outside_the_measured_are_marked():
    """A ring for which a ratio was never measured is said to be outside."""
    found = scaling.buffers_by_link([10.0], round_trip_ms=50.0, interrupt_moderation_us=10.0)
    within = pd.DataFrame({name: [0.1, 10.0] for name in scaling.GROUPS}, index=["least", "greatest"])
    table = rings.links_table(found.assign(per_moderation=5.0, per_delay=500.0), within)
    assert table["N / (A τ)"].iloc[0] == "5"
    assert table["N / (A b)"].iloc[0] == "500 (outside)"
    assert table.index[-1] == "measured"


def spread_of(measured_cv, drawn_cv, ordinary):
    """A table of the spread with and without other traffic."""
    rows = {
        "n": [6, 6],
        "measured_mean_s": [6.0, 11.0],
        "drawn_mean_s": [6.0, 12.0],
        "measured_cv": [0.02, measured_cv],
        "drawn_cv": [0.0, drawn_cv],
        "ordinary": [False, ordinary],
    }
    return pd.DataFrame(rows, index=["no other traffic", "2 flows"])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (spread_of(0.14, 0.18, True), "within what 6 runs scatter also its size"),
        (spread_of(0.50, 0.10, False), "but not its size"),
        (spread_of(0.14, -0.1, False), "does not reproduce the measured spread"),
    ],
)
def test_the_verdict_on_the_spread_is_computed(table, said):
    """Direction and size, direction alone, or neither."""
    times, finished = both_networks()
    assert said in link_takeaways.dedicated_network(times, finished, 60.0, 3, table)


def test_chances_and_shares_in_words():
    """Chances of a finite number of draws are never certain; shares keep two digits."""
    words = [chance(v).replace(language.NO_BREAK, " ") for v in (0.0, 0.5, 1.0)]
    assert words == ["less than 1 %", "50 %", "more than 99 %"]
    assert percent(0.0955).replace(language.NO_BREAK, " ") == "9.6 %"


@pytest.mark.parametrize(("round_trip_ms", "listed"), [(0.1, False), (5.0, True)])
def test_names_of_curves_never_overprint(round_trip_ms, listed):
    """Names stand along the curves as long as these keep apart, and in a list where they run together."""
    sizes = np.unique(np.round(grids.refined([16, 4096], 60)))
    fans = grids.grid(
        receive_delay_us=[50.0, 250.0, 1000.0], receive_buffers=sizes, round_trip_ms=round_trip_ms
    )
    fans = migrate(fans.assign(send_buffers=fans["receive_buffers"]), bandwidth_gbps=10.0)
    axes = curves.plateaus(fans, "receive_buffers", "receive_delay_us", 512).axes[0]
    named = [text.get_text() for text in axes.texts if "delay" in text.get_text()]
    legend = axes.get_legend()
    assert (len(named), legend is not None) == ((0, True) if listed else (3, False))
    if listed:
        assert len(legend.get_texts()) == 3


def test_a_delay_beyond_what_was_measured_is_told():
    """The longest that was measured is 3 ms: 5 ms are extrapolation, 50 us are not."""
    measured = pd.DataFrame({"receive_delay_us": [50.0, 3000.0]})
    said = link_takeaways.beyond_measured(measured, pd.Series({"receive_delay_us": 5000.0}))
    assert said.replace(language.NO_BREAK, " ").endswith(
        "A delay of 5 ms is beyond the longest that was measured, 3 ms: that is extrapolation."
    )
    assert link_takeaways.beyond_measured(measured, pd.Series({"receive_delay_us": 50.0})) == ""


def test_compression_that_is_best_nowhere_is_not_said_to_give_way_from_somewhere():
    """Without a spare core another option is best on the slowest link already, and no compressor pays."""
    assert transports._gives_way(1.0, 1.0) == "on every link"
    assert transports._gives_way(17.5, 1.0).replace(language.NO_BREAK, " ") == "from 17.5 Gbit/s on"
    codecs = read_codecs()
    without = break_even(codecs[codecs.block_kib == 4], [0.0])
    assert language.alternative_text(transports.break_even(without, 9.5)).endswith("none pays.")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(math.nan, 20.0, "under 20 s"), (10.0, math.nan, "over 10 s"), (10.0, 10.0, "10 s")],
)
def test_published_times_are_told_as_they_were_published(low, high, said):
    """A bound is one, and a time that is known is one number."""
    assert transports._span(low, high) == said


def test_the_table_of_limits_names_what_is_left_of_an_adapter():
    """No SMB, no limit, a limit; and no more than the whole adapter."""
    assert [transports._limit_words(gbps) for gbps in (math.nan, math.inf, 5.0)] == [
        "no SMB",
        "none",
        language.value_of("bandwidth_gbps", 5.0),
    ]
    found = pd.DataFrame(
        {
            "limit_gbps": [5.0, 50.0],
            "bandwidth_gbps": 25.0,
            "adapters": [1, 2],
            "total_s": 30.0,
            "lifted_total_s": 12.0,
        }
    )
    table = transports.limits_table(found)
    assert table["of one adapter"].tolist() == [percent(0.2), percent(1)]
    assert table.index.tolist() == [f"{n} × {language.value_of('bandwidth_gbps', 25.0)}" for n in (1, 2)]


def test_the_table_of_machines_says_what_the_best_option_saves():
    """A fifth of the time of TCP/IP saves four fifths."""
    best = pd.DataFrame(
        {"memory_gib": [16.0], "transport": ["smb"], "total_s": [10.0], "blackout_s": [0.2], "faster": [5.0]}
    )
    row = transports.memory_table(best).iloc[0]
    assert (row["saved"], row["by TCP/IP"]) == (percent(0.8), language.duration(50.0))


def test_where_compression_gives_way_is_one_of_three():
    """On no link, on every link, from one on."""
    told = [transports._gives_way(line, 1.0) for line in (math.nan, 0.5, 10.0)]
    assert told == [
        "on none of these links",
        "on every link",
        f"from {language.value_of('bandwidth_gbps', 10.0)} on",
    ]


def test_what_the_best_option_is_instead_of_tcp_ip():
    """None clearly quicker; as long, and thriftier; quicker, by how much."""
    best = pd.Series({"total_s": 10.0, "faster": 2.0}, name="smb")
    assert "no other option" in link_takeaways._instead(best.rename("tcpip"), 10.0)
    assert "about as long as TCP/IP takes" in link_takeaways._instead(best, 10.0)
    assert f"**{percent(0.5)}** less" in link_takeaways._instead(best, 20.0)
    assert [link_takeaways._buffers(n) for n in (512, math.inf)] == ["512", "no number"]


def test_until_when_compression_is_best(monkeypatch):
    """On the fastest link too, on none, up to one; and what the limit on SMB changes of it."""
    table = pd.DataFrame({"bandwidth_gbps": [1.0, 10.0]})
    nowhere, first, later = (math.nan, "compression"), (1.0, "smb"), (10.0, "smb_direct")

    def told(held, free):
        answers = iter([held, free])
        monkeypatch.setattr(link_takeaways, "gives_way", lambda table: next(answers))
        return link_takeaways._until_when(table, table)

    assert told(nowhere, nowhere) == "Compression is best on the fastest of these links."
    assert told(first, first).startswith("Compression is best on none of these links")
    assert told(later, nowhere).endswith("with the limit on SMB lifted on the fastest compression is.")
    assert "with the limit on SMB lifted from **1" in told(later, first)


def test_where_the_law_is_weak_it_is_said():
    """With the packets that the round trip holds beside the ring, and the error there; elsewhere nothing."""
    assert link_takeaways._weak(None) == ""
    weak = pd.Series({"packets": 900.0, "buffers": 512.0, "transfers": 12.0, "median": 0.3, "p90": 0.6})
    said = link_takeaways._weak(weak)
    assert "**Here it is weaker**" in said
    assert "900 packets, more than the ring of 512" in said.replace(language.NO_BREAK, " ")
    assert rings._us(0) == "none"
