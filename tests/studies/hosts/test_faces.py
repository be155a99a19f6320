"""One question has one figure, whichever face of the study is asked, on any host and with any preset."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import migrate
from analysis.cli.predicted import predicted
from analysis.explorer.followed import followed, one
from analysis.explorer.panel import Panel
from analysis.presets import HOSTS
from analysis.studies.grids import grid
from analysis.studies.hosts.host import Estimate, Host, load_host, on, save_host
from analysis.studies.sweeps.sweep import sweep
from analysis.studies.transports import compare_options
from analysis.studies.validation.migrations import compare

HOSTS_DRAWN = 30
LINES, WRITES = [1.0, 4.0, 10.0, 25.0, 100.0], [3_000.0, 150_000.0]
"""Ten scenarios on each host: 300 in all."""
SCALED = ("bandwidth_gbps", "dirty_pages_per_s", "working_set_gib", "memory_gib", "resident_share")
SET = ("setup_s", "handoff_ms", "state_mib", "stream_limit_gbps", "extra_resident_mib")
HALVED = (Estimate("bandwidth_gbps", 0.5, 0.5, 0.5), Estimate("dirty_pages_per_s", 2, 2, 2))
HALF = Host("half", scales=HALVED)
ASKED = {"memory_gib": 64.0, "dirty_pages_per_s": 150_000.0, "working_set_gib": 16.0, "bandwidth_gbps": 10.0}


def sure(name: str, value: float) -> Estimate:
    """An estimate that is known exactly."""
    return Estimate(name, value, value, value)


def drawn(rng: np.random.Generator) -> tuple[Host, str, dict]:
    """A host, a preset (or none) and what ten scenarios have in common."""
    parameters = [sure(n, float(rng.uniform(0.5, 8))) for n in SET if rng.random() < 0.4]
    scales = [sure(n, float(np.exp(rng.normal(0, 0.4)))) for n in SCALED if rng.random() < 0.5]
    said = {n: ASKED[n] for n in ("memory_gib", "working_set_gib") if rng.random() < 0.7}
    said |= {"transport": str(rng.choice(["tcpip", "smb", "smb_direct"]))} if rng.random() < 0.6 else {}
    preset = str(rng.choice([*HOSTS])) if rng.random() < 0.5 else ""
    return Host("drawn", tuple(parameters), tuple(scales)), preset, said


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> list[tuple[Path, str, dict]]:
    """What is asked of each host, with its file."""
    folder, rng, made = tmp_path_factory.mktemp("hosts"), np.random.default_rng(23), []
    for number in range(HOSTS_DRAWN):
        host, preset, said = drawn(rng)
        save_host(host, folder / f"{number}.yml")
        made.append((folder / f"{number}.yml", preset, said))
    return made


def by_command_line(host: Path, preset: str, said: dict) -> list[float]:
    """Total times that ``predict --host`` answers."""
    lists = {"bandwidth_gbps": ",".join(map(str, LINES)), "dirty_pages_per_s": ",".join(map(str, WRITES))}
    rows = predicted({n: str(v) for n, v in said.items()} | lists, host, preset or None)
    return in_order(pd.DataFrame(rows))


def in_a_notebook(host: Path, preset: str, said: dict) -> list[float]:
    """Total times as notebooks compute them: the machine on its host, the line varied in a grid."""
    return in_order(migrate(grid(bandwidth_gbps=LINES, dirty_pages_per_s=WRITES, **on(host, said, preset))))


def in_the_explorer(host: Path, preset: str, said: dict) -> list[float]:
    """Total times of the explorer's pictures."""
    drawn = followed(grid(bandwidth_gbps=LINES, dirty_pages_per_s=WRITES, **on(host, said, preset)))
    return [float(migration.outcome["total_s"]) for migration in drawn]


def in_order(table: pd.DataFrame) -> list[float]:
    """Total times by line and writes as they were asked for."""
    return table.sort_values(["bandwidth_gbps", "dirty_pages_per_s"]).total_s.tolist()


@pytest.fixture(scope="module")
def told(cases) -> list[list[float]]:
    """What the command line answers to each."""
    return [by_command_line(*case) for case in cases]


@pytest.mark.parametrize("face", [in_a_notebook, in_the_explorer])
def test_every_face_has_one_figure(cases, told, face):
    """300 scenarios on hosts known exactly, with and without presets: the same total time to rounding."""
    for case, expected in zip(cases, told, strict=True):
        assert face(*case) == pytest.approx(expected, rel=1e-9), case


def test_a_sweep_has_the_same_figure(cases, told, tmp_path):
    """A design on a host, with a preset, gives what the command line gives."""
    for number, (host, preset, said) in enumerate(cases):
        parameters = said | {"bandwidth_gbps": LINES, "dirty_pages_per_s": WRITES}
        design = {"parameters": parameters, "outcomes": ["total_s"]}
        folder = tmp_path / f"{number}"
        sweep(design, folder, workers=1, host_file=host, preset=preset)
        found = pd.concat(map(pd.read_parquet, folder.glob("part-*.parquet")))
        assert in_order(found) == pytest.approx(told[number], rel=1e-9), (preset, said)


def test_validation_has_the_same_figure(cases):
    """A table of measured migrations is predicted as the command line predicts each."""
    for host, _, said in cases:
        table = grid(bandwidth_gbps=LINES, dirty_pages_per_s=WRITES, **said)
        table = table.assign(measured_total_s=100.0, measured_verdict="converged")
        found = compare(table, load_host(host))
        assert in_order(found) == pytest.approx(by_command_line(host, "", said), rel=1e-9)


def test_the_host_that_was_applied_in_part(tmp_path):
    """Half the line and twice the writes, 64 GiB: 233 s, which is migrate of 5 Gbit/s and 300,000/s."""
    save_host(HALF, tmp_path / "half.yml")
    plain = migrate(**ASKED | {"bandwidth_gbps": 5, "dirty_pages_per_s": 300_000}).total_s[0]
    table = migrate(grid(**on(tmp_path / "half.yml", ASKED)))
    ours = predicted({name: str(value) for name, value in ASKED.items()}, tmp_path / "half.yml")
    drawn = one(**on(tmp_path / "half.yml", ASKED)).outcome
    assert [table.total_s[0], ours[0]["total_s"], drawn["total_s"]] == pytest.approx([plain] * 3, rel=1e-9)
    assert plain == pytest.approx(233, abs=0.5)


def test_what_was_asked_is_shown_and_what_was_applied_beside_it(tmp_path):
    """The line's column has 5 and 10 as they were asked for; 2.5 and 5 stand under a name of their own."""
    save_host(HALF, tmp_path / "half.yml")
    rows = predicted({"bandwidth_gbps": "5,10"}, tmp_path / "half.yml")
    assert [row["bandwidth_gbps"] for row in rows] == [5, 10]
    assert [row["applied_bandwidth_gbps"] for row in rows] == [2.5, 5]


def test_the_panel_keeps_the_host_at_every_change():
    """A slider of the line moves what is asked for; the host's half of it stays."""
    panel = Panel(**ASKED, bandwidth_gbps_factor=0.5)
    panel.controls["bandwidth_gbps"].value = 25.0
    shown = panel.values  # noqa: PD011 (no table: the controls' values)
    assert shown["bandwidth_gbps"] == 25.0
    half = migrate(**shown | {"bandwidth_gbps": 12.5, "bandwidth_gbps_factor": 1.0})
    assert migrate(**shown).total_s[0] == pytest.approx(half.total_s[0])


def test_the_preset_of_2022_limits_smb_on_every_face(tmp_path):
    """SMB Direct on 2022 takes what report 06 has for it: half of the line, by two adapters."""
    ours = predicted({"transport": "smb_direct"}, None, "windows_2022")[0]
    options = compare_options(grid(memory_gib=16.0), HOSTS["windows_2022"], 2).set_index("transport")
    assert ours["limited_by"] == "bandwidth_limit"
    assert ours["total_s"] == pytest.approx(options.total_s["smb_direct"])
    assert json.dumps(ours["smb_limit_share"]) == "0.25"
