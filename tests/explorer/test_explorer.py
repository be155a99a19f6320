"""The explorer's picture: well-formed, described, true to the model, the same for the same inputs."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from bs4 import BeautifulSoup

from analysis.explorer import calculator, picture
from analysis.explorer.fields import GROUPS, PRESET, SLIDERS
from analysis.explorer.followed import followed, one
from analysis.explorer.panel import Panel, written
from analysis.figures import language
from analysis.model.migration import ceilings, migrate, passes
from analysis.model.units import PAGES_PER_GIB
from analysis.pages import index
from analysis.parameters import PARAMETERS, ParameterError
from analysis.studies.grids import course, grid

BUSY = {"memory_gib": 64, "dirty_pages_per_s": 150_000, "working_set_gib": 16}
CASES = {
    "defaults": {},
    "busy": BUSY,
    "idle": {"dirty_pages_per_s": 0},
    "empty": {"resident_share": 0, "setup_s": 0, "handoff_ms": 0, "state_mib": 0, "dirty_pages_per_s": 0},
    "endless": BUSY | {"dirty_pages_per_s": 1e6, "stop_rule": "qemu"},
    "compressed": BUSY | {"transport": "compression", "bandwidth_gbps": 100},
    "held": {"bandwidth_limit_share": 0.5, "network": "shared", "transport": "smb_direct"},
    "many passes": BUSY | {"stop_rule": "xen", "write_pattern": "hotcold"},
    "long": {"memory_gib": 12_000, "bandwidth_gbps": 0.1},
    "tiny": {"memory_gib": 0.001, "bandwidth_gbps": 400},
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def parameters(request):
    """A migration of each kind."""
    return request.param


def texts(svg):
    """The texts of a picture in order."""
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]


def test_picture_is_well_formed(parameters):
    """An XML reader takes the picture of any migration, and no coordinate is missing or endless."""
    svg = picture.scene(**parameters)
    ElementTree.fromstring(svg)
    drawn = "".join(re.findall(r' (?:d|x|y|width|height|viewBox)="([^"]*)"', svg))
    assert not re.search("nan|inf", drawn)


def test_picture_stays_inside_its_frame(parameters):
    """No bar begins or ends beyond the edges, and none is of negative size."""
    root = ElementTree.fromstring(picture.scene(**parameters))
    _, _, width, height = map(float, root.get("viewBox").split())
    for bar in (element for element in root.iter() if element.tag.endswith("}rect")):
        x, y, wide, high = (float(bar.get(name)) for name in ("x", "y", "width", "height"))
        assert min(x, y, wide, high) >= 0
        assert x + wide <= width
        assert y + high <= height


def test_picture_has_a_finding_units_and_an_alternative_text(parameters):
    """The title says what became of the migration, the axes have units, and the picture is told in words."""
    svg = picture.scene(**parameters)
    root, said = ElementTree.fromstring(svg), " ".join(texts(svg))
    assert root.get("role") == "img"
    assert len(root.get("aria-label")) > 100
    assert root.get("aria-label").startswith(said[:20].rstrip())
    assert "time since the migration began [s]" in said
    assert re.search(r"memory \[[GM]iB\]", said)
    assert ("[GiB/s of memory]" if parameters.get("transport") == "compression" else "[Gbit/s]") in said


def test_lowest_ceiling_is_named_and_stands_out(parameters):
    """The ceiling that the model names is the one whose bar has the other colour, with its rate."""
    outcome = migrate(grid(**parameters or {"memory_gib": 16})).iloc[0]
    svg = picture.scene(**parameters)
    root = ElementTree.fromstring(svg)
    assert len(root.findall(".//*[@class='binds']")) == 1
    bold = [element.text for element in root.iter() if element.get("class") == "e b"]
    assert bold == [language.ceiling(outcome["limited_by"]).removeprefix("the ")]
    rate = f"{language.number(outcome['goodput_gbps'])} Gbit/s of payload"
    if outcome["limited_by"] == "spare_cores":
        rate = f"{language.number(outcome['memory_rate_gib_per_s'])} GiB/s of memory"
    assert any(rate in text for text in texts(svg))


def test_every_ceiling_has_a_row():
    """All ceilings of the link and the spare cores are shown, those that hold nothing too."""
    shown = texts(picture.scene(**BUSY))
    for name in ceilings(memory_gib=16).columns.drop(["goodput_gbps", "limited_by"]):
        assert language.ceiling(name).removeprefix("the ") in shown
    assert "no limit here" in shown


def test_spare_cores_bind_where_the_model_says_so():
    """The bar of the spare cores is below the link's own ceilings just where migrate names them."""
    table = grid(transport="compression", spare_cores=[0.5, 4, 30], bandwidth_gbps=[1, 10, 40])
    for migration in followed(table):
        link = min(rate for name, rate in migration.ceilings.items() if name != "spare_cores")
        named = migration.outcome["limited_by"] == "spare_cores"
        assert named == (migration.ceilings["spare_cores"] < link)


@pytest.mark.parametrize("waits", ["no", "yes"])
@pytest.mark.parametrize("gbps", [1, 10, 40])
def test_with_compression_bars_are_rates_of_memory(gbps, waits):
    """The bar that binds is the rate at which memory goes, no bar is lower, and sentence and bar agree."""
    given = BUSY | {"transport": "compression", "bandwidth_gbps": gbps, "compressor_waits": waits}
    migration = one(**given)
    rates, rate = migration.memory_rates(), migration.outcome["memory_rate_gib_per_s"]
    assert rates[migration.outcome["limited_by"]] == pytest.approx(rate, rel=0.006)
    assert min(rates.values()) >= rate * (1 - 1e-9)
    assert f"{language.number(rate)} GiB/s of memory" in picture.binding(migration)


def test_cores_that_bind_say_what_compression_gains():
    """By hand: 4 cores of 0.27 GiB/s leave 1.08 - 1.08 / 2.1 GiB/s more than the 1.105 of the plain link."""
    said = picture.binding(one(**BUSY, transport="compression"))
    assert said == "The spare cores bind: 1.67 GiB/s of memory, 1.1 uncompressed"


def test_what_only_follows_the_line_is_no_limit():
    """Of 10 Gbit/s sockets and rings carry all: no bar; of 30 ms round trip the socket binds: a bar."""
    here, far = one(**BUSY), one(**BUSY, round_trip_ms=30)
    assert [name for name in here.ceilings if here.follows(name)] == [
        "socket_buffer",
        "send_buffers",
        "receive_buffers",
    ]
    assert texts(picture.picture(here)).count("no limit of its own here") == 3
    assert not far.follows("socket_buffer")
    assert not any(one(**case).follows(one(**case).outcome["limited_by"]) for case in CASES.values())


def test_passes_are_those_of_the_model():
    """Start, length, and memory sent of the drawn passes are those of passes(), sizes those of course()."""
    drawn = one(**BUSY).passes
    steps, followed = passes(**BUSY), course(**BUSY).groupby("pass_number")
    assert [p.number for p in drawn] == steps["pass_number"].tolist()
    np.testing.assert_allclose([p.start_s for p in drawn], steps["start_s"])
    np.testing.assert_allclose([p.sent_gib for p in drawn], steps["sent_pages"] / PAGES_PER_GIB)
    np.testing.assert_allclose([p.to_send_gib for p in drawn], followed["to_send_gib"].first())
    np.testing.assert_allclose([p.dirtied_gib[-1] for p in drawn], followed["dirtied_gib"].last())


def test_scenarios_at_once_equal_one_by_one():
    """A table of migrations is followed as each of its rows is alone."""
    table = grid(**BUSY, bandwidth_gbps=[1, 10], stop_rule=["hyperv", "qemu"])
    alone = [picture.picture(one(**row)) for row in table.to_dict("records")]
    assert [picture.picture(migration) for migration in followed(table)] == alone


def test_defaults_may_be_left_out():
    """A value given at its default draws what leaving it out draws; None leaves it to the preset."""
    assert picture.scene(bandwidth_gbps=10.0, pass_limit=None, transport="tcpip") == picture.scene()


def test_same_inputs_same_bytes():
    """Picture and control are the same to the byte when drawn twice."""
    assert picture.scene(**BUSY) == picture.scene(**BUSY)
    assert calculator.calculator(**BUSY) == calculator.calculator(**BUSY)


@pytest.mark.parametrize("wrong", [{"bandwith_gbps": 1}, {"bandwidth_gbps": -1}, {"transport": "pigeon"}])
def test_wrong_parameters_are_refused(wrong):
    """A misspelt name and a value out of range get the study's one sentence."""
    with pytest.raises(ParameterError):
        picture.scene(**wrong)


def test_takeaway_compares_with_real_runs_of_the_model():
    """The sentence quotes the total time now and on a line twice as fast."""
    text = picture.takeaway(**BUSY).replace(language.NO_BREAK, " ")
    now, wide = migrate(**BUSY, bandwidth_gbps=[10, 20])["total_s"]
    assert f"takes **{language.duration(now)}**".replace(language.NO_BREAK, " ") in text
    assert f"to {language.duration(wide)};".replace(language.NO_BREAK, " ") in text


@pytest.mark.parametrize("case", CASES)
def test_takeaway_is_written_for_any_migration(case):
    """No number is missing from the sentence, whatever becomes of the migration."""
    text = picture.takeaway(**CASES[case])
    assert re.search(r"\d", text)
    assert not re.search(r"\bnan\b|\binf\b|None", text)


# --- the calculator of a report -------------------------------------------------------


@pytest.fixture(scope="module")
def control():
    """The calculator of a busy machine, read as HTML."""
    return BeautifulSoup(calculator.calculator(**BUSY), "html.parser")


def test_static_page_shows_the_starting_values(control):
    """Without a script there are the picture and the answer of the run's values, and no dead control."""
    start = one(**BUSY)
    assert all(part.has_attr("hidden") for part in control.select(".live"))
    assert control.svg["aria-label"] == picture.alternative(start)
    assert control.select_one(".told").text == picture.answer(start).replace("**", "")
    assert "JavaScript" in control.noscript.text


def test_every_parameter_has_a_field_with_its_meaning(control):
    """All parameters can be set, each by a label, and each is explained."""
    fields = control.select("[data-name]")
    assert {field["data-name"] for field in fields} >= {n for names in GROUPS.values() for n in names}
    for field in fields:
        assert control.select_one(f"label[for='{field['id']}']").text
        assert control.find(id=field["aria-describedby"]).text == PARAMETERS[field["data-name"]].meaning


def test_card_of_the_index_gets_a_light_picture():
    """The thumbnail is well-formed, without the colours of a dark page, since a card's ground is white."""
    svg = picture.thumbnail(one(**BUSY))
    ElementTree.fromstring(svg)
    assert "prefers-color-scheme" not in svg
    assert index.thumbnail(svg.encode()).startswith("data:image/svg+xml;base64,")


# --- the panel in JupyterLab ----------------------------------------------------------


@pytest.fixture(scope="module")
def panel():
    """The panel with the values of a busy machine."""
    return Panel(**BUSY, zero_page_bytes=0.0)


def test_sliders_stay_within_what_the_study_accepts():
    """Every stop of every slider is an allowed value of its parameter."""
    for name, stops in SLIDERS.items():
        PARAMETERS[name].check([None if stop == PRESET else stop for stop in stops])


def test_every_control_explains_itself(panel):
    """Menus offer all choices of the study, and each control's help is the parameter's meaning."""
    for name, control in panel.controls.items():
        assert control.tooltip.startswith(PARAMETERS[name].meaning)
        if PARAMETERS[name].choices:
            assert tuple(value for _, value in control.options) == PARAMETERS[name].choices


@pytest.mark.parametrize("name", [name for group in GROUPS.values() for name in group])
def test_each_control_draws_anew(panel, name):
    """Any stop of any control draws the picture of the values that the controls then have."""
    control = panel.controls[name]
    control.index = (control.index + 1) % len(control.options)
    assert panel.picture.value == picture.scene(**panel.values)
    panel.restart()


def test_starting_values_come_back(panel):
    """The button's work: all controls as at first, and what has no control is kept throughout."""
    before = panel.picture.value
    panel.controls["transport"].value = "compression"
    assert not panel.controls["spare_cores"].disabled
    panel.restart()
    assert panel.controls["spare_cores"].disabled
    assert panel.picture.value == before
    assert panel.values["zero_page_bytes"] == 0.0


def test_an_odd_starting_value_is_a_stop_of_its_slider():
    """A value set in the notebook that no slider would stop at is added to it."""
    panel = Panel(bandwidth_gbps=17.3)
    assert panel.values["bandwidth_gbps"] == 17.3
    assert panel.picture.value == picture.scene(bandwidth_gbps=17.3)


@pytest.mark.parametrize(
    ("name", "typed", "value", "then"),
    [
        ("memory_gib", "96", 96, "96 GiB"),
        ("memory_gib", "2 TiB", 2048, "2048 GiB"),
        ("bandwidth_gbps", "17.3Gbit/s", 17.3, "17.3 Gbit/s"),
        ("resident_share", "77 %", 0.77, "77 %"),
        ("dirty_pages_per_s", "400 MiB/s", 102_400, "102400 pages/s"),
        ("pass_limit", "7", 7, "7 passes"),
        ("pass_limit", "", None, "by preset"),
    ],
)
def test_what_is_typed_takes_effect(panel, name, typed, value, then):
    """The field beside a slider takes any allowed value, in any unit; picture and field then agree."""
    panel.typed[name].value = typed
    assert panel.values[name] == value
    assert panel.picture.value == picture.scene(**panel.values)
    assert panel.typed[name].value == then
    assert panel.note.value == ""
    panel.restart()


@pytest.mark.parametrize("typed", ["-1", "many", "10 s", ""])
def test_what_cannot_be_is_told_and_put_back(panel, typed):
    """A wrong value gets the study's sentence below the panel, and the field its old value."""
    before = panel.picture.value
    panel.typed["memory_gib"].value = typed
    assert "memory_gib" in panel.note.value
    assert panel.typed["memory_gib"].value == "64 GiB"
    assert panel.picture.value == before
    panel.controls["memory_gib"].value = 40
    assert panel.note.value == ""
    panel.restart()


def test_fields_follow_their_sliders(panel):
    """A moved slider writes its value beside it; what has no effect can be neither moved nor typed."""
    panel.controls["bandwidth_gbps"].value = 25
    assert panel.typed["bandwidth_gbps"].value == "25 Gbit/s"
    assert panel.typed["spare_cores"].disabled
    panel.controls["transport"].value = "compression"
    assert not panel.typed["spare_cores"].disabled
    panel.restart()


@pytest.mark.parametrize("name", SLIDERS)
def test_every_stop_may_be_typed_as_it_is_written(name):
    """What stands beside a slider at any of its stops is read as that very value."""
    for stop in SLIDERS[name]:
        text = written(name, stop)
        assert text == PRESET or PARAMETERS[name].check(text) == pytest.approx(stop)
