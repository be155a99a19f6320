"""The page that computes, as a stranger uses it: from a folder, without a network, by keys, any values."""

import shlex

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.batch import grid
from analysis.cli.commands import case_address, explorer_lines, scenario_in
from analysis.explorer.fields import IMPORTANT, LINES, every_group, stops
from analysis.explorer.followed import one
from analysis.explorer.picture import answer
from analysis.figures.evidence import Link, show_table
from analysis.model.migration import migrate
from analysis.model.stop_rules import STOP_RULES
from analysis.parameters import PARAMETERS, defaults
from analysis.presets import HOSTS
from analysis.studies.hosts.host import Estimate, Host, on, save_host
from tests import scenarios as drawn
from tests.explorer.made import BUSY, PANEL, cells, index_of, notebook, report

pytestmark = pytest.mark.thorough

FRAME = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
HOSTILE = "\"><img src=x onerror=window.hit=1><script>window.hit=1</script>'.yml"


def known(name, value):
    """An estimate that is known exactly."""
    return Estimate(name, value, value, value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder, with a space in its name, of three reports and their index: whole page, panel, own host."""
    out = tmp_path_factory.mktemp("sent by mail")
    host = out / "my host.yml"
    save_host(Host("mine", (known("setup_s", 3.0),), (known("bandwidth_gbps", 0.5),)), host)
    made = {
        "08-explorer": notebook(**BUSY),
        "03-panel": notebook(whole=False, **BUSY),
        "own": notebook(host=str(host), **on(host, BUSY)),
    }
    for name, each in made.items():
        report(out, name, each)
    index_of(out, made)
    return out


@pytest.fixture(scope="module")
def window(browser):
    """A window without a network."""
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800})
    yield context
    context.close()


@pytest.fixture
def opened(folder, window):
    """A function that opens a report at a place; fails the test if a script fails or is refused there."""
    page, faults = window.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)

    def open_at(name, place=""):
        page.goto("about:blank")
        page.goto((folder / f"{name}.html").as_uri() + place)
        page.locator(".calculator").wait_for(state="visible")
        return page

    yield open_at
    page.close()
    assert faults == []


def told(page):
    """The answer."""
    return page.locator(".told").text_content()


def figures(page):
    """The case's own column of the table."""
    return page.locator(".outcomes td:nth-child(2)").all_text_contents()


def expected(**scenario):
    """The answer that Python gives."""
    return answer(one(**scenario)).replace("**", "")


# --- a stranger -----------------------------------------------------------------------


def test_from_the_index_to_a_machine_of_ones_own(folder, window):
    """One click on the index and three numbers: the answer is that of Python for them."""
    page = window.new_page()
    page.goto((folder / "index.html").as_uri())
    page.get_by_role("link", name="How long does my machine take?").click()
    own = {"memory_gib": 48, "dirty_pages_per_s": 70_000, "bandwidth_gbps": 25}
    for label, value in zip(("Memory", "Page writes", "Line rate"), own.values(), strict=True):
        page.get_by_role("textbox", name=label, exact=True).fill(str(value))
    assert told(page) == expected(**BUSY | own)
    page.close()


def test_used_by_keys_alone(opened):
    """Tab, letters, arrows, Enter and Space: fields, slider, menu, group and command are all reached."""
    page = opened("08-explorer")

    def reach(what):
        for _ in range(120):
            if page.evaluate("what => document.activeElement.matches(what)", what):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {what}")

    reach("#calc-memory_gib")
    page.keyboard.press("Control+a")
    page.keyboard.type("96")
    reach("[data-slides=bandwidth_gbps]")
    page.keyboard.press("ArrowRight")
    reach("#calc-stop_rule")
    page.keyboard.type("Xen")
    reach("details.group:nth-of-type(2) > summary")
    page.keyboard.press("Enter")
    reach("#calc-mtu_bytes")
    page.keyboard.press("Control+a")
    page.keyboard.type("9000")
    chosen = stops("bandwidth_gbps")[stops("bandwidth_gbps").index(10) + 1]
    changed = {"memory_gib": 96, "bandwidth_gbps": chosen, "stop_rule": "xen", "mtu_bytes": 9000}
    assert told(page) == expected(**BUSY | changed)
    reach(".more details:nth-of-type(2) > summary")
    page.keyboard.press("Space")
    reach("[data-copies=command]")
    assert "--mtu-bytes 9000" in page.locator(".command").input_value()


@pytest.mark.parametrize(("name", "scheme"), [("08-explorer", "light"), ("03-panel", "dark")])
def test_axe_finds_nothing_grave(folder, browser, axe, name, scheme):
    """With everything unfolded axe-core finds nothing serious or critical."""
    page = browser.new_page(color_scheme=scheme)
    page.goto((folder / f"{name}.html").as_uri())
    page.evaluate("() => document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    page.evaluate(FRAME)
    faults = axe(page)
    page.close()
    assert faults == []


def test_answer_is_spoken_once(opened):
    """Of three quick changes the live region speaks the last answer and what changed, and no step between."""
    page = opened("08-explorer")
    page.evaluate("""() => { window.spoken = [];
        new MutationObserver(() => spoken.push(document.querySelector(".spoken").textContent))
            .observe(document.querySelector(".spoken"), { childList: true });
        const field = document.querySelector("#calc-memory_gib");
        for (const value of ["65", "80", "96"]) {
            field.value = value;
            field.dispatchEvent(new Event("input", { bubbles: true }));
        } }""")
    page.wait_for_function("() => spoken.length > 0")
    said = page.evaluate("() => spoken")
    assert said == [f"{told(page)} {page.locator('.compared').text_content()}"]
    assert "The total time rises from" in said[0]


def test_without_scripts_and_in_print_the_static_figure_stands(folder, browser):
    """No field, no dead panel: the run's picture and answer alone."""
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto((folder / "08-explorer.html").as_uri())
    assert page.locator(".picture svg.scene").is_visible()
    assert told(page) == expected(**BUSY)
    assert not page.locator(".calculator [data-name]").first.is_visible()
    page.goto((folder / "03-panel.html").as_uri())
    assert page.locator(".jp-OutputArea-output svg, .jp-OutputArea-output img").first.is_visible()
    assert not page.locator(".what-if").is_visible()
    context.close()
    page = browser.new_page()
    page.goto((folder / "03-panel.html").as_uri())
    page.emulate_media(media="print")
    assert not page.locator(".what-if").is_visible()
    page.goto((folder / "08-explorer.html").as_uri())
    assert page.locator(".picture svg.scene").is_visible()
    assert not page.locator(".calculator [data-name]").first.is_visible()
    page.close()


# --- cases that are sent on -----------------------------------------------------------


@pytest.mark.parametrize("name", ["08-explorer", "03-panel"])
def test_any_scenario_opens_by_its_address(opened, name):
    """What a row of advice or of a plan leads to: every figure is Python's, whatever the page began with."""
    for row in drawn.anywhere(1, 31).to_dict("records"):
        page = opened(name, case_address(row))
        assert told(page) == expected(**row)
        assert figures(page) == cells(one(**row).outcome)


def test_command_and_scenario_give_the_same_figures(opened):
    """The `predict` line and the YAML scenario, run as they are printed, give the figures of the page."""
    for row in drawn.anywhere(2, 32).to_dict("records"):
        page = opened("08-explorer", case_address(row))
        assert predicted(page.locator(".command").input_value()) == figures(page)
        assert cells(migrate(**in_a_batch(page.locator(".yaml").input_value())).iloc[0]) == figures(page)


def predicted(command):
    """Figures of a printed command, as the page shows them."""
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "analysis", "predict"]
    done = CliRunner().invoke(main, [*words[3:], "--json"])
    assert done.exit_code == 0, done.output
    return cells({k: float("inf") if v is None else v for k, v in yaml.safe_load(done.stdout)[0].items()})


def in_a_batch(text):
    """The scenario that the explorer's notebook makes of a grid with a page's YAML in it."""
    made = grid.parse(yaml.safe_load(text))
    given = dict(made.scenarios["mine"])
    lines = explorer_lines()
    assert set(given) <= set(lines)
    assert set(LINES) == set(lines) - {"other_parameters", "host_file"}
    others = scenario_in(given.pop("other_parameters", ""))
    return on(given.pop("host_file", ""), given | others)


def test_calibrated_host_is_in_the_page(opened, folder):
    """A host's factors and parameters act on what is typed; the command names it and gives the same."""
    page = opened("own", "#memory_gib=96")
    host = folder / "my host.yml"
    assert told(page) == expected(**on(host, BUSY | {"memory_gib": 96.0}))
    assert "line rate 0.5 times what is asked for" in page.locator(".host").text_content()
    command = page.locator(".command").input_value()
    assert shlex.split(command)[4:6] == ["--host", str(host)]
    assert "--setup-s" not in command
    page.locator("#calc-setup_s").evaluate(
        "(f) => { f.value = '2'; f.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    assert "--setup-s 2" in page.locator(".command").input_value()


def test_places_of_the_page_are_no_cases(opened):
    """A link to a part, or to the figure, keeps the case and refuses nothing."""
    page = opened("03-panel", "#memory_gib=96")
    before = told(page)
    page.evaluate("() => { location.hash = '#cell-id=first-figure'; }")
    page.evaluate(FRAME)
    assert (told(page), page.locator(".note").text_content()) == (before, "")


def test_hostile_values_never_become_markup(folder, window):
    """A host's name, an address and a field full of tags stay text, and no script of theirs runs."""
    made = report(folder, "hostile", notebook(**BUSY))
    text = made.read_text(encoding="utf-8").replace('"host":""', '"host":"\\u003cimg src=x onerror=hit()>"')
    made.write_text(text, encoding="utf-8")
    page = window.new_page()
    page.goto(made.as_uri() + "#memory_gib=<img src=x onerror=window.hit=1>&<script>window.hit=1</script>=1")
    page.locator("#calc-memory_gib").fill(HOSTILE)
    page.locator(".search").fill(HOSTILE)
    page.evaluate(FRAME)
    assert page.locator("img, script:not([type])").count() == 2  # the page's own script, and the report's
    assert page.evaluate("() => window.hit") is None
    assert "'<img src=x onerror=hit()>'" in page.locator(".command").input_value()
    page.evaluate("() => document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.hit=1>')")
    page.wait_for_timeout(50)
    assert page.evaluate("() => window.hit") is None
    page.close()


def test_a_link_leads_to_no_other_place(monkeypatch):
    """A cell's link is escaped, and one that leads out of the page is refused."""
    with pytest.raises(ValueError, match="no place in the page"):
        Link("here", "javascript:alert(1)")
    pages = []
    monkeypatch.setattr(
        "analysis.figures.evidence.display", lambda data, **_: pages.append(data["text/html"])
    )
    show_table(pd.DataFrame({"a": [Link("<b>", '#"><b>')]}, dtype=object), "links")
    assert '<td><a href="#&quot;&gt;&lt;b&gt;">&lt;b&gt;</a></td>' in pages[0]


# --- what can be set ------------------------------------------------------------------


def test_all_parameters_are_there_and_found_by_their_words(opened):
    """Every parameter is in a group, the ten important ones come first, and a word finds those it is in."""
    page = opened("08-explorer")
    names = page.locator("[data-name]").evaluate_all("(all) => all.map((f) => f.dataset.name)")
    assert sorted(names) == sorted(PARAMETERS)
    assert tuple(names[: len(IMPORTANT)]) == IMPORTANT
    assert sorted(n for group in every_group().values() for n in group) == sorted(PARAMETERS)
    page.locator(".search").fill("retransmi")
    assert "No parameter is about" in page.locator(".note").text_content()
    page.locator(".search").fill("mtu")
    shown = page.locator(".field:visible").evaluate_all("(all) => all.map((f) => f.dataset.field)")
    assert shown == ["mtu_bytes"]
    page.locator(".search").fill("")
    assert page.locator(".field:visible").count() == len(IMPORTANT)


def test_every_stop_rule_is_offered_with_its_source(opened):
    """A rule in the table of rules appears by itself: in the menu, with its limit and its source."""
    page = opened("08-explorer")
    menu = page.locator("#calc-stop_rule")
    assert menu.locator("option").evaluate_all("(all) => all.map((o) => o.value)") == list(STOP_RULES)
    for name, rule in STOP_RULES.items():
        menu.select_option(name)
        assert told(page) == expected(**BUSY, stop_rule=name)
        assert rule.source in page.locator("#calc-stop_rule-help").text_content()
        holds = page.locator("#calc-pass_limit").get_attribute("placeholder")
        assert holds == ("no limit" if rule.pass_limit == float("inf") else f"{rule.pass_limit:g}")


def test_presets_of_hosts_and_back(opened):
    """A host's preset is that of `predict --preset`; the run's own comes back with all that it said."""
    page = opened("08-explorer")
    for name, host in HOSTS.items():
        page.locator(".preset").select_option(name)
        assert told(page) == expected(**{**BUSY, **host.parameters})
    page.locator(".preset").select_option("")
    assert told(page) == expected(**BUSY)


def test_reference_is_what_changes_are_told_against(opened):
    """The run is the reference until another is taken; the button brings run and reference back."""
    page = opened("08-explorer")
    assert page.locator("section.answer.of-run").count() == 0
    page.locator("#calc-bandwidth_gbps").fill("25")
    assert page.locator("section.answer.of-run").count() == 1
    assert page.locator(".compared").text_content().startswith("The total time falls from 76")
    page.get_by_role("button", name="Take as reference").click()
    assert page.locator(".compared").text_content() == ""
    page.get_by_role("button", name="Back to this run").click()
    assert (told(page), page.locator(".compared").text_content()) == (expected(**BUSY), "")


def test_curve_goes_over_any_number(opened):
    """Each parameter that is a number has a curve whose coordinates are numbers and whose case is marked."""
    page = opened("03-panel")
    numbers = [name for name, parameter in PARAMETERS.items() if not parameter.choices]
    offered = page.locator(".over option").evaluate_all("(all) => all.map((o) => o.value)")
    assert sorted(offered) == sorted(numbers)
    drawn_curves = page.evaluate(
        """(names) => names.map((name) => {
        const menu = document.querySelector(".over");
        menu.value = name;
        menu.dispatchEvent(new Event("input"));
        return document.querySelector(".curve").innerHTML; })""",
        offered,
    )
    empty = {name for name, value in defaults().items() if value != value}
    for name, curve in zip(offered, drawn_curves, strict=True):
        assert "NaN" not in curve, name
        assert "undefined" not in curve, name
        assert curve.count("<circle") == (0 if name in empty else 2), name


def test_what_can_be_read_in_two_ways_is_asked(opened):
    """150,000 is no number until it is clear which; a unit beside a number is taken, a decimal comma too."""
    page, writes = opened("03-panel"), "#calc-dirty_pages_per_s"
    page.locator(writes).fill("150,000")
    assert "write 150000" in page.locator(".note").text_content()
    page.locator(writes).fill("70000 pages/s")
    assert told(page) == expected(**BUSY | {"dirty_pages_per_s": 70_000})
    page.locator("#calc-bandwidth_gbps").fill("2,5")
    assert told(page) == expected(**BUSY | {"dirty_pages_per_s": 70_000, "bandwidth_gbps": 2.5})
    assert len(PANEL) == page.locator(".what-if > .side [data-name]").count()
