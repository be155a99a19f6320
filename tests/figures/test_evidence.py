"""Figures that set the model beside measurements: titles that follow the numbers, axes, alternative texts."""

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from analysis.figures import evidence
from analysis.figures.language import title_of
from analysis.observations.lab import LABORATORY, read_migrations, read_passes
from analysis.studies.hosts.host import load_host
from analysis.studies.validation.migrations import compare, compare_passes, given_throughput, longest, plain


@pytest.fixture(autouse=True)
def _closed():
    """Draw without a screen and leave no figure open."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def host():
    return load_host(LABORATORY)


@pytest.fixture(scope="module")
def chosen():
    observed = read_migrations()
    return observed[plain(observed)]


@pytest.fixture(scope="module")
def compared(chosen, host):
    return compare(chosen, host)


def texts(fig):
    """Every text of a figure's axes."""
    return [t.get_text() for ax in fig.axes for t in ax.texts]


def test_the_title_counts_what_lies_within_ten_percent(compared):
    """Of four migrations three within 10 %, half within 6 %: the title says so, cancelled ones left out."""
    four = compared[compared.measured_verdict != "never"].head(4).assign(total_error=[0.01, -0.04, 0.08, 0.3])
    never = compared.head(1).assign(measured_verdict="never", total_error=9.0)
    title = title_of(evidence.predicted_measured(pd.concat([four, never])))
    assert title == "75% of the 4 that ended are predicted within 10 %, half within 6.0 %"


def test_axes_have_units_and_the_picture_an_alternative_text(compared):
    """Seconds on both axes, write patterns by name, and the range of errors in words."""
    fig = evidence.predicted_measured(compared)
    assert fig.axes[0].get_xlabel() == "measured total time [s]"
    assert fig.axes[0].get_ylabel() == "predicted total time [s]"
    assert [t.get_text() for t in fig.axes[1].get_xticklabels()] == sorted(compared.write_pattern.unique())
    assert len(fig.alternative_text) > 100
    assert title_of(fig) in fig.alternative_text


def test_one_migration_is_a_figure_too(compared):
    """A single point, on logarithmic axes, without a warning."""
    assert "of 1 real migrations" in title_of(evidence.predicted_measured(compared.head(1)))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_passes_have_a_panel_each(compared, chosen, host, count):
    """As many panels as migrations; the others of the grid are empty."""
    passes = compare_passes(chosen, read_passes(), host)
    fig = evidence.dirty_pages_by_pass(passes, longest(compared, count))
    assert sum(ax.axison for ax in fig.axes) == count
    assert "line: predicted" in texts(fig)


def test_the_title_of_passes_is_their_median_error(compared, chosen, host):
    """Of what is shown, not of all."""
    passes = compare_passes(chosen, read_passes(), host)
    shown = longest(compared, 3)
    median = passes[passes.migration.isin(shown.migration)].error.abs().median()
    assert f"within {100 * median:.1f} %" in title_of(evidence.dirty_pages_by_pass(passes, shown))


def test_curves_of_errors_are_named_where_they_run(compared, chosen, host):
    """Both curves have their name beside them, and the axes run from nothing to all migrations."""
    known = compare(given_throughput(chosen), host)
    fig = evidence.error_against(compared, known)
    assert set(texts(fig)) == {"nominal link", "throughput known"}
    assert fig.axes[0].get_xlabel() == "error of total time at most [%]"
    assert fig.axes[0].get_xlim()[0] == 0


def test_what_is_left_when_the_rate_is_known_is_called_volume(compared):
    """Knowing the rate leaves a quarter of the error: that quarter is volume; the rest was the rate."""
    known = compared.assign(total_error=compared.total_error / 4)
    title = title_of(evidence.error_against(compared, known))
    assert "25%" in title
    assert "the rest is volume" not in title


def displayed(table, caption):
    """What show_table() displays."""
    InteractiveShell.instance()
    with capture_output() as captured:
        evidence.show_table(table, caption)
    InteractiveShell.clear_instance()
    return captured.outputs[0].data


def test_a_table_has_a_caption_and_row_headers():
    """Screen readers read the head of a column and of a row; text is escaped."""
    data = displayed(pd.DataFrame({"a < b": ["1 & 2"]}, index=["<row>"]), "Errors > 0")
    page = data["text/html"]
    assert "<caption>Errors &gt; 0</caption>" in page
    assert '<th scope="col">a &lt; b</th>' in page
    assert '<th scope="row">&lt;row&gt;</th><td>1 &amp; 2</td>' in page
    assert "a < b" in data["text/plain"]


def test_points_of_a_group_do_not_hide_each_other():
    """They stand side by side around their place, one alone on it."""
    assert evidence._beside(2, 1).tolist() == [2.0]
    assert len(np.unique(evidence._beside(2, 5))) == 5
    assert evidence._beside(2, 5).mean() == pytest.approx(2)
