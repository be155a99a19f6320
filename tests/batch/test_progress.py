"""What a batch tells while it runs: lines, or on a terminal a moving line for each notebook."""

import pytest

from analysis.batch import progress


@pytest.mark.parametrize(("terminal", "kind"), [(True, progress.Bars), (False, progress.Lines)])
def test_a_terminal_has_moving_lines(standard_error, terminal, kind):
    """Elsewhere they would fill a log."""
    standard_error(terminal)
    with progress.shown() as shown:
        assert type(shown) is kind


def test_a_moving_line_comes_with_the_first_cell_and_goes_at_the_end():
    """One for the batch, one for each notebook that runs; of one that failed at once there was none."""
    bars, told = progress.Bars(), []
    bars.tell = told.append
    bars.begin(2)
    bars.cell("a", 1, 5)
    bars.cell("a", 2, 5)
    assert [(task.description, task.completed) for task in bars.moving.tasks] == [
        ("all notebooks", 0),
        ("a", 2),
    ]
    bars.done("a", "[1/2] a: done")
    bars.done("b", "[2/2] b: failed")
    assert [(task.description, task.completed) for task in bars.moving.tasks] == [("all notebooks", 2)]
    assert told == ["[1/2] a: done", "[2/2] b: failed"]
