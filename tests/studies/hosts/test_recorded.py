"""One recorded migration as a scenario: each hypervisor with its own rule, its link, its compression."""

import re

import pytest
from matplotlib.text import Text

from analysis.errors import UserError
from analysis.figures import own_migrations
from analysis.observations.files import read_all
from analysis.studies.hosts import own
from analysis.studies.validation.migrations import compare
from tests.observations import forms

LARGE = forms.Migration("web", (24, 10, 4), (200_000, 90_000, 40_000), 2, 500_000)
KNOWN = {"memory_gib": LARGE.memory_pages * forms.PAGE / 2**30}


@pytest.fixture
def fitted(tmp_path):
    """A function that writes a recording and fits the model to it."""

    def fitting(text, memory_gib=None, **how):
        path = tmp_path / "recorded"
        path.write_text(text, encoding="utf-8", newline="")
        return own.fit(read_all([path], memory_gib=memory_gib), **how)

    return fitting


def scenario(found):
    """The one migration of a fit."""
    (row,) = found.migrations.to_dict("records")
    return row


def test_each_hypervisor_has_its_own_stop_rule(fitted):
    """Counters are Hyper-V's, with the passes that were recorded; answers of query-migrate QEMU's."""
    counters, answers = fitted(forms.pdh(LARGE), **KNOWN), fitted(forms.json_lines(forms.qmp(LARGE)))
    assert (scenario(counters)["stop_rule"], scenario(counters)["pass_limit"]) == ("hyperv", 3)
    assert (scenario(answers)["stop_rule"], scenario(answers)["blackout_target_ms"]) == ("qemu", 2000)
    assert "blackout_target_ms" not in scenario(counters)


def test_an_older_windows_is_named(fitted):
    """A preset brings its version's rule; an unknown one, or one for QEMU's files, is a mistake."""
    old = fitted(forms.pdh(LARGE), **KNOWN, windows="windows_2008r2")
    assert scenario(old)["stop_rule"] == "hyperv_2008r2"
    with pytest.raises(UserError, match="did you mean 'windows_2012r2'"):
        fitted(forms.pdh(LARGE), **KNOWN, windows="windows_2012r")
    with pytest.raises(UserError, match="none of the files is of Hyper-V"):
        fitted(forms.json_lines(forms.qmp(LARGE)), windows="windows_2022")


def test_the_model_explains_a_compressed_migration(fitted):
    """What went through the compressor counts before it, so that the total time comes out within a tenth."""
    found = fitted(forms.pdh(LARGE), **KNOWN)
    row = compare(found.migrations, found.host).iloc[0]
    assert (row.transport, row.compression_ratio) == ("compression", pytest.approx(2))
    assert row.resident_share == pytest.approx(1)
    assert (row.passes, row.stop_reason) == (3, "pass_limit")
    assert row.total_s == pytest.approx(LARGE.total_s, rel=0.1)


def test_memory_is_asked_for(fitted):
    """Counters do not tell the machine's memory: a note says so, and without it nothing is modelled."""
    with pytest.raises(UserError, match="how much memory the machine has is not recorded; give it as memory"):
        fitted(forms.pdh(LARGE))
    with pytest.raises(UserError, match="memory_gib = -1 is not allowed"):
        fitted(forms.pdh(LARGE), memory_gib=-1.0)


@pytest.mark.parametrize(("line_gbps", "said"), [(0, "nothing tells the link's rate"), (10, "what held it")])
def test_what_held_an_unfilled_link_is_not_guessed(fitted, line_gbps, said):
    """The rate that was reached stands for what held it, a remark says so, the takeaway names no ceiling."""
    found = fitted(forms.pdh(LARGE), **KNOWN, bandwidth_gbps=line_gbps)
    assert said in found.remarks["web"]
    bound = own.bound(found.migrations, found.host)
    reached = found.migrations.measured_throughput_gbps[0]
    assert bound.goodput[0] == pytest.approx(reached, rel=1e-6)
    helped = own.would_help(found.migrations, found.host)
    row = found.migrations.set_index("migration").loc["web"]
    assert "what held that rate is not recorded" in own_migrations.takeaway(row, bound, helped, found)


def test_each_migration_has_its_own_host(fitted):
    """Of two migrations that each explain only themselves, one is looked at with its own intervals."""
    other = forms.Migration("db", (9, 8, 7, 6), (30_000, 29_000, 31_000, 28_000), 2, 400_000)
    found = fitted(forms.pdh(LARGE, other), **KNOWN)
    of_db = own.about(found, "db")
    assert of_db.migrations.migration.tolist() == ["db"]
    assert of_db.host == found.alone["db"] != found.alone["web"]


def test_what_tells_too_little_is_left_out(fitted):
    """A migration without throughput is left out with its reason; the other is still modelled."""
    first, other = forms.qmp(LARGE, "web"), forms.qmp(forms.Migration("db"), "db")
    for answer in other:
        del answer["return"]["ram"]["mbps"], answer["return"]["ram"]["transferred"]
    found = fitted(forms.json_lines([*first, *other]))
    assert found.migrations.migration.tolist() == ["web"]
    assert "neither the bytes sent nor the throughput is recorded" in found.remarks["db"]
    assert "left out" in found.remarks["db"]


def test_what_never_ends_has_no_figure_made_up(fitted):
    """Draws without end make an infinite quantile, no missing one, and a saving of all that time."""
    found = fitted(forms.json_lines(forms.qmp(forms.Migration())))
    helped = own.would_help(found.migrations, found.host)
    assert not helped[["total_s_high", "saved_share_low", "saved_share_high"]].isna().any().any()


def test_bytes_over_time_are_a_throughput_too(fitted):
    """Where the host does not tell its throughput, bytes sent and total time do."""
    answers = forms.qmp(LARGE)
    for answer in answers:
        del answer["return"]["ram"]["mbps"]
    told = scenario(fitted(forms.json_lines(forms.qmp(LARGE))))["bandwidth_gbps"]
    assert scenario(fitted(forms.json_lines(answers)))["bandwidth_gbps"] == pytest.approx(told)


def test_a_table_beside_the_file_tells_what_was_known(tmp_path):
    """The table of the collector for Hyper-V, which has idle machines too; one of other machines is told."""
    path, beside = tmp_path / "counters", tmp_path / "known.csv"
    path.write_text(forms.pdh(LARGE), encoding="utf-8", newline="")
    told = f'"migration","memory_gib"\r\n"idle","4.000"\r\n"web","{KNOWN["memory_gib"]:.3f}"\r\n'
    beside.write_text(told, encoding="utf-8-sig", newline="")
    row = scenario(own.fit(read_all([path, beside])))
    assert (row["memory_gib"], row["stop_rule"]) == (round(KNOWN["memory_gib"], 3), "hyperv")
    beside.write_text("migration,memory_gib\nwebb,4\n", encoding="utf-8")
    with pytest.raises(UserError, match="tells of 'webb', but the migrations here are web"):
        read_all([path, beside])


def test_several_migrations_of_hyper_v_are_calibrated(tmp_path):
    """Three machines in one recording and a table of what was known: calibrated by Hyper-V's rule."""
    sizes = {"web": 500_000, "db": 300_000, "mail": 700_000}
    moved = [forms.Migration(vm, (pages // 20_000, 6, 3), (90_000, 40_000, 9_000), 2, pages)
             for vm, pages in sizes.items()]  # fmt: skip
    path, known = tmp_path / "counters", tmp_path / "known.csv"
    path.write_text(forms.pdh(*moved), encoding="utf-8", newline="")
    rows = [f"{vm},{pages * forms.PAGE / 2**30},0.4,5000,2" for vm, pages in sizes.items()]
    head = "migration,memory_gib,bandwidth_gbps,dirty_pages_per_s,compression_ratio"
    known.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    found = own.fit(read_all([path, known]))
    assert found.how.startswith("calibrated to 3 migrations")
    assert set(found.migrations.stop_rule) == {"hyperv"}
    assert set(found.migrations.transport) == {"compression"}
    compared = compare(found.migrations, found.host)
    assert compared.total_error.abs().median() < 0.1
    assert compared.passes.le(5).all()


def test_a_blackout_that_no_sample_shows_is_not_drawn_as_none(tmp_path):
    """Title, labels and alternative text say that it is not told, none that it took no time."""
    path = tmp_path / "counters"
    unseen = re.sub(r'^("[^"]*","[^"]*","[^"]*",)"1.000000"', r'\1"0.000000"', forms.pdh(LARGE), flags=re.M)
    path.write_text(unseen, encoding="utf-8", newline="")
    record = read_all([path], **KNOWN)
    course = own.course(record, "web", own.fit(record))
    fig = own_migrations.recorded_passes(*course, seen=False)
    labels = [" ".join(text.get_text().split()) for text in fig.findobj(Text)]
    assert any("which no sample tells apart" in label for label in labels)
    assert not any("µs" in label for label in [*labels, fig.alternative_text])
    assert fig.alternative_text.endswith("how much of it is the blackout is not told.")
