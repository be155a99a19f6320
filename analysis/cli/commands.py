"""A scenario as the commands that open it: ``predict`` for its figures, ``report`` for the explorer.

What an answer rests on is told as something to type: every row of advice and of a plan is a scenario, and
whoever reads it goes on from there.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np

from analysis.errors import UserError
from analysis.home import STUDY
from analysis.inputs import Input, read_lines
from analysis.parameters import PARAMETERS, ParameterError, defaults, meant
from analysis.studies.hosts.host import on

EXPLORER = "notebooks/08-explorer.ipynb"
"""The notebook that takes any scenario."""
EXPLORED = "reports/08-explorer.html"
"""Where its report is, once ``report`` has made it."""
OTHERS = "other_parameters"
"""Its parameter for all those that it has no line for."""


def predict_command(scenario: Mapping[str, Any], host_file: str | Path = "", preset: str = "") -> str:
    """The command that predicts a scenario, with the options that differ from what holds anyway.

    ``scenario``: parameters by name; what else it holds (outcomes, a host's factors) is left out. What holds
    anyway are the defaults, or what the calibrated host or the preset says in their place. ``workload``:
    one of the host's.

    >>> predict_command({"memory_gib": 64.0, "transport": "smb", "setup_s": 2.0, "total_s": 57.1})
    'python -m analysis predict --memory-gib 64 --transport smb'
    """
    usual = defaults() | on(host_file, {}, preset)
    words = ["python", "-m", "analysis", "predict"]
    words += ["--host", str(host_file)] if host_file else []
    words += ["--preset", preset] if preset else []
    words += ["--workload", str(scenario["workload"])] if host_file and "workload" in scenario else []
    for name, value in _differing(scenario, usual):
        words += _option(name, value)
    return shlex.join(words)


def report_command(scenario: Mapping[str, Any], host_file: str | Path = "", preset: str = "") -> str:
    """The command that makes the explorer's report of a scenario: its picture, passes and ceilings.

    >>> for part in report_command({"memory_gib": 96, "mtu_bytes": 9000}).split(" -p "):
    ...     print(part)
    python -m analysis report notebooks/08-explorer.ipynb
    memory_gib 96
    dirty_pages_per_s 5000
    working_set_gib 2
    other_parameters '--mtu-bytes 9000'
    """
    lines = explorer_lines()
    whole = {**on("", {}, preset), **scenario}
    usual = defaults() | (on(host_file, {}) if host_file else {})
    own = {name: line.default for name, line in lines.items() if name in PARAMETERS}
    words = ["python", "-m", "analysis", "report", EXPLORER]
    words += ["-p", "host_file", str(host_file)] if host_file else []
    # A line of the notebook says something of its own: it is set wherever the scenario says otherwise.
    for name, value in _differing({n: whole.get(n, usual[n]) for n in own}, own):
        words += ["-p", name, written(value)]
    rest = {name: value for name, value in whole.items() if name not in own}
    others = [word for name, value in _differing(rest, usual) for word in _option(name, value)]
    words += ["-p", OTHERS, shlex.join(others)] if others else []
    return shlex.join(words)


def case_address(scenario: Mapping[str, Any], host_file: str | Path = "") -> str:
    """What behind the address of a page that computes opens a scenario there, on the host that page is for.

    >>> case_address({"memory_gib": 96.0, "transport": "smb", "setup_s": 2.0, "total_s": 57.1})
    '#from=defaults&memory_gib=96&transport=smb'
    """
    usual = defaults() | (on(host_file, {}) if host_file else {})
    said = [(name, written(value)) for name, value in _differing(scenario, usual)]
    return "#" + urlencode([("from", "defaults"), *said])


def opening_lines(
    scenario: Mapping[str, Any], host_file: str | Path = "", preset: str = ""
) -> dict[str, str]:
    """All that opens a scenario, by what it is: ``predict``, ``report``, and ``page``, a place in a report.

    The last is for reports that are made already: the explorer's holds no host but its own, so that there is
    none for a calibrated host. Of a workload of such a host the explorer knows nothing.
    """
    lines = {"predict": predict_command(scenario, host_file, preset)}
    if "workload" in scenario:
        return lines
    lines["report"] = report_command(scenario, host_file, preset)
    whole = {**on("", {}, preset), **scenario}
    return lines if host_file else lines | {"page": f"{EXPLORED}{case_address(whole)}"}


def scenario_in(text: str) -> dict[str, Any]:
    """The parameters in the options of ``predict``, a number or a name each; the inverse of the commands.

    >>> scenario_in("--memory-gib 64 --transport smb --streams=4 --dirty-pages-per-s '300 MB/s'")
    {'memory_gib': 64.0, 'transport': 'smb', 'streams': 4.0, 'dirty_pages_per_s': 73242.1875}
    """
    try:
        words = [part for word in shlex.split(text) for part in _parted(word)]
    except ValueError as error:
        raise UserError(f"{text!r} holds no options: {error}") from None
    found: dict[str, Any] = {}
    for flag, value in zip(words[::2], [*words[1::2], None], strict=False):
        found[_name(flag)] = PARAMETERS[_name(flag)].check(_given(flag, value)).item()
    return found


def explorer_lines() -> dict[str, Input]:
    """The parameters that the explorer's notebook has lines for; none where there is no notebook beside."""
    path = STUDY / EXPLORER
    if not path.is_file():
        return {}
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    cell = next(cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    return read_lines("".join(cell["source"]))


def written(value: Any) -> str:
    """A value as an option takes it, to the last digit.

    >>> [written(value) for value in (64.0, 13.20512, 1e12, float("nan"), float("inf"), "smb")]
    ['64', '13.20512', '1000000000000', 'none', 'inf', 'smb']
    """
    if value is None or value != value:
        return "none"
    if isinstance(value, str):
        return value
    number = float(value)
    return f"{int(number)}" if number.is_integer() and abs(number) <= 1e12 else repr(number)


def _differing(scenario: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Parameters in the order of the table whose value is another than what holds anyway."""
    for name in PARAMETERS:
        if name in scenario and not _same(scenario[name], usual[name]):
            yield name, scenario[name]


def _same(first: Any, second: Any) -> bool:
    empty = [value is None or (isinstance(value, float) and math.isnan(value)) for value in (first, second)]
    return all(empty) if any(empty) else bool(first == second)


def _option(name: str, value: Any) -> list[str]:
    empty = value is None or (isinstance(value, (float, np.floating)) and math.isnan(value))
    return ["--" + name.replace("_", "-"), "nan" if empty else written(value)]


def _parted(word: str) -> list[str]:
    flag, equals, value = word.partition("=")
    return [flag, value] if equals and flag.startswith("--") else [word]


def _name(flag: str) -> str:
    name = flag.removeprefix("--").replace("-", "_")
    if flag.startswith("--") and name in PARAMETERS:
        return name
    near = meant(name, PARAMETERS)
    hint = f"; did you mean '--{near.replace('_', '-')}'?" if near else ""
    raise ParameterError(f"{flag!r} is no option of a scenario{hint}")


def _given(flag: str, value: str | None) -> str:
    if value is None:
        raise ParameterError(f"{flag} has no value")
    return value
