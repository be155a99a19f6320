"""Every figure states a finding, labels its axes with units and has an alternative text."""

import re
from functools import cache
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest

from analysis.batch.execution import described
from analysis.figures import curves, dirtying, language, maps, takeaways, timeline
from analysis.inputs import read_lines
from analysis.model.migration import migrate
from analysis.observations.lab import read_migrations
from analysis.parameters import PARAMETERS, STOP_RULES, WRITE_PATTERNS
from analysis.studies import grids

MACHINE = {"memory_gib": 64.0, "working_set_gib": 16.0}
PATTERNS = list(WRITE_PATTERNS)
LINKS = np.geomspace(1, 100, 12)


@pytest.fixture(autouse=True)
def _closed():
    """Draw without a screen and leave no figure open."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")


def drawn_timeline(**scenario):
    scenario = MACHINE | scenario
    return timeline.passes(grids.course(**scenario), migrate(**scenario).iloc[0], 2.0)


def drawn_phases(hue=None, **lists):
    return curves.phases(
        migrate(grids.grid(**lists, **MACHINE)), "bandwidth_gbps", hue, marked=LINKS[[0, 3, 8]]
    )


def drawn_convergence(**machine):
    machine = MACHINE | machine
    area = grids.grid(dirty_pages_per_s=np.geomspace(1e3, 1e6, 12), bandwidth_gbps=LINKS, **machine)
    here = migrate(**machine).iloc[0:1].assign(bandwidth_gbps=10.0, dirty_pages_per_s=5000.0).iloc[0]
    most = grids.most_converging("dirty_pages_per_s", 1, 1e9, **machine)
    return maps.convergence(migrate(area), here, most)


def drawn_measured():
    lab = read_migrations()
    lab = lab[(lab["method"] == "precopy") & (lab["cross_flows"] == 0)]
    ground = grids.grid(
        dirty_pages_per_s=np.geomspace(300, 3e5, 12),
        bandwidth_gbps=np.geomspace(0.15, 3.2, 12),
        **grids.typical(lab, PARAMETERS),
    )
    return maps.measured(grids.on_one_map(lab), grids.on_one_map(ground))


def drawn_plateaus(given=512, **link):
    fans = grids.grid(receive_delay_us=[0, 1000], receive_buffers=[8, 64, 512, 4096], **link)
    fans = migrate(fans.assign(send_buffers=fans["receive_buffers"]))
    return curves.plateaus(fans, "receive_buffers", "receive_delay_us", given)


def drawn_buffers(given=512):
    area = grids.grid(receive_delay_us=np.geomspace(5, 5000, 6), bandwidth_gbps=LINKS)
    here = grids.grid(receive_delay_us=50.0, bandwidth_gbps=10.0)
    area, here = (table.assign(buffers_needed=grids.buffers_needed(table)) for table in (area, here))
    return maps.buffers(area, "bandwidth_gbps", "receive_delay_us", here.iloc[0], given)


def drawn_dirtied(rate=150000.0, patterns=PATTERNS):
    table = grids.grid(write_pattern=patterns, dirty_pages_per_s=rate, **MACHINE)
    return dirtying.dirtied(grids.dirtied(np.geomspace(0.01, 1000, 40), table), 0.75, 1.1)


def drawn_residuals(rate=150000.0):
    steps = grids.left_per_pass(write_pattern=PATTERNS, dirty_pages_per_s=rate, pass_limit=8, **MACHINE)
    return dirtying.residuals(steps, 0.75, 5)


def drawn_compressed():
    frame = grids.compression_gain(grids.grid(spare_cores=[1, 8], bandwidth_gbps=LINKS))
    return curves.compressed(frame, "bandwidth_gbps", "spare_cores", 10.0, 1.2)


def drawn_gains(ratios=(1.2, 3.0)):
    frame = grids.compression_gain(
        grids.grid(compression_ratio=list(ratios), spare_cores=np.geomspace(0.5, 32, 9), bandwidth_gbps=LINKS)
    )
    here = grids.compression_gain(
        grids.grid(compression_ratio=ratios[0], spare_cores=4.0, bandwidth_gbps=10.0)
    )
    return maps.gains(frame, "bandwidth_gbps", "spare_cores", "compression_ratio", here.iloc[0])


DRAWINGS = {
    "timeline": lambda: drawn_timeline(dirty_pages_per_s=150000.0),
    "timeline of an idle guest": lambda: drawn_timeline(dirty_pages_per_s=0.0),
    "timeline without end": lambda: drawn_timeline(
        dirty_pages_per_s=1e6, bandwidth_gbps=1.0, stop_rule="qemu"
    ),
    "timeline of an early end of passes": lambda: drawn_timeline(
        dirty_pages_per_s=1e5, stop_rule="qemu", pass_limit=3
    ),
    "phases": lambda: drawn_phases(bandwidth_gbps=LINKS, dirty_pages_per_s=150000.0),
    "phases without end": lambda: drawn_phases(bandwidth_gbps=LINKS, dirty_pages_per_s=1e6, stop_rule="qemu"),
    "phases by pattern": lambda: drawn_phases("write_pattern", write_pattern=PATTERNS, bandwidth_gbps=LINKS),
    "map of convergence": lambda: drawn_convergence(),
    "map without boundary": lambda: drawn_convergence(working_set_gib=0.01),
    "map of xen": lambda: drawn_convergence(stop_rule="xen"),
    "measured": drawn_measured,
    "plateaus": drawn_plateaus,
    "plateaus, all high": lambda: drawn_plateaus(given=4096, bandwidth_gbps=1.0),
    "buffers": drawn_buffers,
    "buffers, few": lambda: drawn_buffers(given=1),
    "dirtied": drawn_dirtied,
    "dirtied, too fast": lambda: drawn_dirtied(rate=1e6),
    "dirtied, one pattern": lambda: drawn_dirtied(patterns=["zipf"]),
    "residuals": drawn_residuals,
    "residuals, too fast": lambda: drawn_residuals(1e6),
    "residuals, slow": lambda: drawn_residuals(100.0),
    "compressed": drawn_compressed,
    "gains": drawn_gains,
    "gains, one ratio": lambda: drawn_gains((2.1,)),
}
UNITLESS = {"pass"}


@cache
def drawn(name):
    """One of the figures, drawn: once for all tests that only look at it."""
    fig = DRAWINGS[name]()
    fig.canvas.draw()
    return fig


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_figure_explains_itself(name):
    """A title, an alternative text that begins with it, and axes labelled with units; it can be drawn."""
    fig = drawn(name)
    title = language.title_of(fig)
    assert len(title) > 20
    assert " ".join(fig.alternative_text.split()).startswith(title)
    assert len(fig.alternative_text) > len(title) + 80
    assert not re.search(r"\bnan\b|\binf\b", fig.alternative_text)
    labels = [text for ax in fig.axes for text in (ax.get_xlabel(), ax.get_ylabel()) if text]
    assert len(labels) >= 2
    for text in labels:
        assert "[" in text or text in UNITLESS or text.startswith("passes"), text


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_title_is_cut_off(name):
    """Title and panel labels lie within the figure."""
    fig = drawn(name)
    page = fig.bbox
    box = fig._suptitle.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= page.x1 + 1
    for ax in fig.axes:
        if ax.axison:
            tight = ax.get_tightbbox()
            assert tight.x0 >= page.x0 - 2
            assert tight.x1 <= page.x1 + 2


def test_titles_follow_the_numbers():
    """Another machine, another finding: nothing in a title is typed."""
    slow, fast = (
        language.title_of(drawn_timeline(dirty_pages_per_s=d, bandwidth_gbps=b))
        for d, b in ((150000.0, 1.0), (1000.0, 10.0))
    )
    assert "cut off" in slow
    assert "converged" in fast
    assert slow != fast


def test_a_ceiling_is_named_where_it_changes():
    """Up to the connection's ceiling the line binds, beyond it the connection."""
    spans = curves.ceiling_spans(migrate(bandwidth_gbps=np.linspace(1, 40, 40)), "bandwidth_gbps")
    assert spans["limited_by"].tolist() == ["line_rate", "streams"]
    assert spans["start"].tolist() == [1, 13]


def test_the_notebooks_own_style_is_left_alone():
    """Drawing changes no setting of matplotlib."""
    before = dict(mpl.rcParams)
    DRAWINGS["phases"]()
    assert dict(mpl.rcParams) == before


def test_colours_keep_apart_in_grey():
    """The first four colours of unordered groups differ by ten per cent of lightness or more in grey."""
    grey = sorted(float(np.dot([0.299, 0.587, 0.114], mpl.colors.to_rgb(c))) for c in language.CATEGORIES[:4])
    assert min(np.diff(grey)) > 0.1


@pytest.mark.parametrize("cmap", [language.FROZEN, language.GAIN])
def test_colour_maps_darken_steadily(cmap):
    """A map's lightness falls from one end to the other, so that grey print keeps the order."""
    grey = cmap(np.linspace(0, 1, 20))[:, :3] @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) < 0).all()


@pytest.mark.parametrize("rule", STOP_RULES)
def test_a_duration_never_has_an_exponent(rule):
    """Durations are written as people say them, for any rule and link; one that is given up has none."""
    table = migrate(grids.grid(bandwidth_gbps=[0.001, 1, 1000], stop_rule=rule, pass_limit=5))
    for seconds in table["total_s"][table.stop_reason != "cancelled"]:
        assert re.fullmatch(
            r"[\d,.]+\s(ms|s)|\d+\smin\s\d\d\ss|\d+\sh\s\d\d\smin", language.duration(seconds)
        )


def shown(monkeypatch):
    """Collect what is displayed instead of displaying it."""
    calls = []
    monkeypatch.setattr(language, "display", lambda *data, **options: calls.append((data, options)))
    return calls


def test_show_hands_on_the_alternative_text(monkeypatch):
    """The text given, else the figure's own, is metadata of the picture; the figure is closed."""
    import matplotlib.pyplot as plt

    calls = shown(monkeypatch)
    language.show(DRAWINGS["phases"](), "in other words")
    language.show(DRAWINGS["phases"]())
    alts = [options["metadata"]["image/png"]["alt"] for _, options in calls]
    assert alts[0] == "in other words"
    assert alts[1].startswith("From 1 to 100")
    assert plt.get_fignums() == []


def test_takeaway_carries_its_role(monkeypatch):
    """Markdown, HTML and plain text of one sentence, found by its role; HTML is escaped."""
    calls = shown(monkeypatch)
    language.display_takeaway("It takes **3 s** & x < y")
    ((data,), options) = calls[0]
    assert options["metadata"] == {"study": {"role": "takeaway"}}
    assert data["text/html"] == "<p>It takes <strong>3 s</strong> &amp; x &lt; y</p>"
    assert data["text/plain"] == "It takes 3 s & x < y"


def in_a_notebook(monkeypatch, *cells):
    """Pretend that these cells were run in a notebook."""
    shell = SimpleNamespace(user_ns={"In": ["", *cells]})
    monkeypatch.setattr(language, "get_ipython", lambda: shell)


CELL = """bandwidth_gbps: float = 10.0  # line rate [Gbit/s]
memory_gib: float = 64.0  # memory [GiB]
pass_limit: float = None  # most passes [passes or None]
spare_cores_values: list = [1, 2]  # cores to compare [cores]"""


def test_parameters_are_shown_with_unit_and_change(monkeypatch):
    """Unit and meaning from the study's list; what differs from the default is marked in words and bold."""
    calls = shown(monkeypatch)
    in_a_notebook(monkeypatch, CELL, "# Parameters\nbandwidth_gbps = 25\n")
    language.show_parameters(bandwidth_gbps=25, memory_gib=64.0, pass_limit=None, spare_cores_values=[1, 2])
    page = calls[0][0][0]["text/html"]
    rows = re.findall(r"<tr><th scope=\"row\".*?</tr>", page)
    assert len(rows) == 4
    assert page.count('scope="col"') == 5
    assert "<caption>" in page
    assert "<strong>25</strong>" in rows[0]
    assert "changed from 10" in rows[0]
    assert "Gbit/s" in rows[0]
    assert "strong" not in rows[1] + rows[2] + rows[3]
    assert "values compared" in rows[3]


def test_changed_means_the_same_in_jupyterlab_and_in_a_report(monkeypatch):
    """Both compare with the notebook's own default, not the study's; a cell that is edited counts too."""
    calls = shown(monkeypatch)
    lines = read_lines(CELL)
    given = {"bandwidth_gbps": 10.0, "memory_gib": 16.0, "pass_limit": 7.0, "spare_cores_values": [1, 2]}
    in_report = [line["name"] for line in described(lines, given) if line["changed"]]
    in_a_notebook(monkeypatch, CELL, CELL.replace("64.0", "16.0").replace("None  #", "7.0  #"))
    language.show_parameters(**given)
    page = calls[0][0][0]["text/html"]
    in_lab = re.findall(r"<code>(\w+)</code></th>(?:(?!</tr>).)*changed from", page)
    assert in_lab == in_report == ["memory_gib", "pass_limit"]


def test_what_a_host_adds_is_not_called_changed(monkeypatch):
    """A parameter that is none of the notebook's own has the study's default beside it and no mark."""
    calls = shown(monkeypatch)
    in_a_notebook(monkeypatch, CELL)
    language.show_parameters(memory_gib=64.0, setup_s=9.0)
    page = calls[0][0][0]["text/html"]
    assert "changed from" not in page
    assert ">2<" in page


def test_takeaways_say_when_nothing_converges():
    """A link too slow at any rate, and a rate that is always low enough, are said in words."""
    swept = migrate(grids.grid(bandwidth_gbps=[0.1, 0.2], dirty_pages_per_s=1e6))
    assert "On none of these links, up to **0.2" in takeaways.bandwidth(swept.iloc[0], swept)
    now = migrate(grids.grid(write_pattern=["zipf"], dirty_pages_per_s=10.0, bandwidth_gbps=10.0))
    assert "any number" in takeaways.dirty_rate(now, {"zipf": np.inf})


def test_takeaways_say_when_a_faster_line_is_slower():
    """A ring of 512 at 5 ms: best near 10 Gbit/s, half of it on 25, so more receive buffers."""
    links = [1, 5, 8, 9.7, 12, 25]
    swept = migrate(grids.grid(bandwidth_gbps=links, round_trip_ms=5.0))
    said = takeaways.bandwidth(swept.iloc[3], swept)
    assert "A line faster than **9.7" in said
    assert "more receive buffers help, not a faster line" in said
    assert "gains nothing" not in said
    ample = migrate(grids.grid(bandwidth_gbps=links, round_trip_ms=5.0, receive_buffers=4096))
    assert "is slower" not in takeaways.bandwidth(ample.iloc[3], ample)


def test_takeaways_say_which_links_converge_where_the_fastest_do_not():
    """A busy guest that converges around 10 Gbit/s and not on 25, where the receive ring overflows."""
    busy = {"round_trip_ms": 5.0, "dirty_pages_per_s": 1e5, "working_set_gib": 8.0}
    swept = migrate(grids.grid(bandwidth_gbps=[1, 9.7, 25], **busy))
    assert swept.converged.tolist() == [False, True, False]
    assert "needs a link of **9.7" in takeaways.bandwidth(swept.iloc[1], swept)
