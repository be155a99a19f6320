"""A scenario as a command, and a command as a scenario."""

import shlex

import pytest
from click.testing import CliRunner

from analysis.__main__ import main
from analysis.cli.commands import explorer_lines, predict_command, report_command, scenario_in
from analysis.errors import UserError
from analysis.parameters import PARAMETERS, defaults

ODD = {
    "memory_gib": 96.123456789, "transport": "smb", "streams": 6.0, "pass_limit": float("nan"),
    "send_buffers": 1024, "socket_buffer_kib": float("inf"), "mtu_bytes": 9000, "hot_page_share": 0.2,
}  # fmt: skip


def same(first, second):
    """Whether two scenarios agree on every parameter, empty ones too."""
    whole = [{**defaults(), **one} for one in (first, second)]
    return all(whole[0][name] == whole[1][name] or whole[0][name] != whole[0][name] for name in PARAMETERS)


def test_a_command_opens_the_scenario_it_was_made_of():
    """The options of the command, read back, are the scenario to the last digit; defaults are left out."""
    command = shlex.split(predict_command(ODD | {"setup_s": 2.0, "total_s": 12.5}))
    assert command[:4] == ["python", "-m", "analysis", "predict"]
    assert same(scenario_in(shlex.join(command[4:])), ODD)
    assert "--setup-s" not in command
    assert "--total-s" not in command


def test_the_command_line_takes_the_command():
    """What is printed can be typed."""
    result = CliRunner().invoke(main, [*shlex.split(predict_command(ODD))[3:], "--json"])
    assert result.exit_code == 0
    assert '"mtu_bytes": 9000.0' in result.stdout


def test_a_preset_holds_for_what_it_says():
    """A value that the preset sets anyway is not repeated, and the default in its place is said."""
    command = predict_command({"transport": "tcpip", "stream_limit_gbps": 6.5}, preset="windows_2012r2")
    assert command.endswith("predict --preset windows_2012r2 --transport tcpip")


def test_a_report_of_the_explorer_opens_the_same_scenario():
    """Its own lines take what they can, the rest goes as options, and together they are the scenario."""
    words = shlex.split(report_command(ODD))
    assert words[:5] == ["python", "-m", "analysis", "report", "notebooks/08-explorer.ipynb"]
    given = dict(zip(words[6::3], words[7::3], strict=True))
    lines = explorer_lines()
    assert set(given) <= set(lines)
    own = {name: line.default for name, line in lines.items() if name in PARAMETERS}
    own |= {n: PARAMETERS[n].check(v).item() for n, v in given.items() if n in PARAMETERS and v != "none"}
    opened = own | scenario_in(given["other_parameters"])
    assert same({k: float("nan") if v is None else v for k, v in opened.items()}, ODD)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("--mtu-byts 9000", "'--mtu-byts' is no option of a scenario; did you mean '--mtu-bytes'"),
        ("mtu_bytes 9000", "'mtu_bytes' is no option of a scenario; did you mean '--mtu-bytes'"),
        ("--mtu-bytes", "--mtu-bytes has no value"),
        ("--mtu-bytes 9e9", "mtu_bytes = 9e+09 is not allowed"),
        ("--transport 'smb", "holds no options"),
    ],
)
def test_options_that_are_none_are_told(text, sentence):
    """What was given, and the nearest right name."""
    with pytest.raises(UserError) as error:
        scenario_in(text)
    assert sentence in str(error.value)
