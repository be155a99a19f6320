"""Values that are legal and odd get a word on standard error, and nothing is stopped by it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from analysis import unusual
from analysis.__main__ import main
from analysis.batch.execution import Run
from analysis.batch.run import remarks
from analysis.parameters import PARAMETERS, defaults
from analysis.presets import HOSTS
from analysis.studies.sweeps import designs


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bandwidth_gbps": 1000}, "if 1000 Mbit/s was meant, that is 1 Gbit/s"),
        ({"bandwidth_gbps": [10, 2500]}, "bandwidth_gbps = 2500 Gbit/s is allowed but unusual"),
        ({"dirty_pages_per_s": 3e8}, "if 3e+08 bytes/s was meant, that is 7.324e+04 pages/s"),
        ({"blackout_target_ms": 0.3}, "if 0.3 s was meant, that is 300 ms"),
        ({"memory_gib": 65536}, "if 65536 MiB was meant, that is 64 GiB"),
        ({"round_trip_ms": 500.0}, "if 500 us was meant, that is 0.5 ms"),
        (
            {"compression_ratio": 100},
            "compression_ratio = 100 is allowed but unusual: real hosts have 1 to 20",
        ),
        (
            {"background_share": "0.4,0.5".split(",")},
            "background_share = 0.4 does nothing on a dedicated network",
        ),
        ({"working_set_gib": 32, "memory_gib": 16}, "32 GiB is more than memory_gib = 16: all of the memory"),
    ],
)
def test_an_odd_value_gets_a_sentence(given, said):
    """What is usual, and the number that another unit would make of it."""
    (remark,) = unusual.remarks(given)
    assert said in remark
    assert remark.startswith(next(iter(given)))


def test_nothing_usual_is_remarked_on():
    """Defaults, presets, an endless link and zero, the limit cases, pass without a word."""
    empty = {name: value for name, value in defaults().items() if value == value}
    assert unusual.remarks(empty) == []
    for host in HOSTS.values():
        assert unusual.remarks(host.parameters) == []
    assert unusual.remarks({"bandwidth_gbps": np.inf, "blackout_target_ms": 0, "dirty_pages_per_s": 0}) == []


def test_usual_lies_within_what_is_allowed():
    """A remark that could never be made, or always, would be a mistake of the table."""
    for name, usual in unusual.USUAL.items():
        assert PARAMETERS[name].low <= usual.low < usual.high < PARAMETERS[name].high or usual.low == 0
        default = PARAMETERS[name].default
        assert default != default or usual.low <= default <= usual.high


def predict(*arguments):
    return CliRunner().invoke(main, ["predict", *arguments, "--json"])


def test_predict_says_it_beside_the_answer():
    """The answer stands on standard output, whole; the word on standard error, with exit code 0."""
    result = predict("--bandwidth-gbps", "1000")
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)) == 1
    assert result.stderr.startswith("note: bandwidth_gbps = 1000 Gbit/s is allowed but unusual")
    assert predict("--bandwidth-gbps", "1,10").stderr == ""


def test_a_decimal_comma_is_told():
    """`64,5` stays a list, and it is said so; where it cannot be one, the error says what was read."""
    result = predict("--memory-gib", "64,5")
    assert [row["memory_gib"] for row in json.loads(result.stdout)] == [64, 5]
    told = "memory_gib = '64,5' was read as two values, 64 and 5; decimals take a point: 64.5"
    assert f"note: {told}\n" in result.stderr
    refused = predict("--resident-share", "0,9")
    assert refused.exit_code == 2
    assert "'0,9' is two values, decimals take a point" in refused.stderr


def test_powers_of_ten_are_told():
    """64 GB of memory is 59.605 GiB: Windows, which says GB, means the other."""
    assert "is 59.605 GiB; what Windows calls a GB is a GiB" in predict("--memory-gib", "64 GB").stderr
    assert predict("--memory-gib", "64 GiB").stderr == ""
    assert predict("--bandwidth-gbps", "1.25 GB/s").stderr == ""


def test_a_design_and_a_grid_say_it_too():
    """Constants, lists and ranges of a sweep; values of runs, of a list of them too, each once."""
    parameters = {
        "bandwidth_gbps": {"from": 1, "to": 1e4, "count": 3},
        "blackout_target_ms": 0.3,
        "memory_gib": [8],
    }
    found = designs.remarks(designs.parse({"parameters": parameters}))
    assert [line.split()[1] for line in found] == ["blackout_target_ms", "bandwidth_gbps"]
    run = Run("a", None, {"bandwidth_gbps_values": [1, 1000], "streams": None, "map_points": 5})
    assert [line.split()[1] for line in remarks([run, run])] == ["bandwidth_gbps"]


@pytest.mark.parametrize("given", [{"background_share": 0.4, "network": "shared"}, {"background_share": 0}])
def test_other_traffic_on_a_shared_network_gets_no_word(given):
    """Nor does none at all."""
    assert unusual.remarks(given) == []
