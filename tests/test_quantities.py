"""Numbers with a unit: converted, told apart where they look alike, refused where of another kind."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from analysis.__main__ import main
from analysis.inputs import check_value, read_lines
from analysis.parameters import PARAMETERS, ParameterError, check
from analysis.quantities import read
from analysis.studies.sweeps import designs


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        ("memory_gib", "64GiB", 64),
        ("memory_gib", "64 GB", 64e9 / 2**30),
        ("memory_gib", "1536 MiB", 1.5),
        ("memory_gib", "0.5 TiB", 512),
        ("extra_resident_mib", "2 GiB", 2048),
        ("socket_buffer_kib", "8MiB", 8192),
        ("mtu_bytes", "9 kB", 9000),
        ("bandwidth_gbps", "10Gbit/s", 10),
        ("bandwidth_gbps", "10Gbps", 10),
        ("bandwidth_gbps", "2500 Mbit/s", 2.5),
        ("bandwidth_gbps", "1.25 GB/s", 10),
        ("bandwidth_gbps", "1.25GBps", 10),
        ("compress_gib_per_s_per_core", "289 MB/s", 289e6 / 2**30),
        ("dirty_pages_per_s", "300 MB/s", 300e6 / 4096),
        ("dirty_pages_per_s", "100 MiB per s", 25600),
        ("dirty_pages_per_s", "5e3 pages/s", 5000),
        ("blackout_target_ms", "300ms", 300),
        ("blackout_target_ms", "0.3 s", 300),
        ("round_trip_ms", "250 us", 0.25),
        ("round_trip_ms", "250 \N{MICRO SIGN}s", 0.25),
        ("setup_s", "1.5 min", 90),
        ("resident_share", "90%", 0.9),
        ("spare_cores", "4 cores", 4),
        ("streams", "1 connection", 1),
        ("send_buffers", "512 descriptors", 512),
    ],
)
def test_a_quantity_becomes_a_number_of_the_parameters_unit(name, text, number):
    """Worked by hand: a page is 4096 bytes, GiB is 2**30 and GB 10**9, a byte has eight bits."""
    assert check({name: text})[name] == pytest.approx(number, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("memory_gib", "64 ms", "[GiB]; 'ms' is a unit of something else"),
        ("memory_gib", "64gb", "[GiB]; 'gb' is no unit that it knows"),
        ("memory_gib", "64 Gb", "[GiB]; 'Gb' is in bits, and bytes have a capital B"),
        ("memory_gib", "64 Gbit", "'Gbit' is in bits"),
        ("memory_gib", "64G", "'G' is no unit that it knows; write 64GiB"),
        ("memory_gib", "-1 GiB", "memory_gib = -1 is not allowed"),
        ("memory_gib", "1e9 GiB", "memory_gib = 1e+09 is not allowed: it takes a number from 0.001"),
        ("bandwidth_gbps", "10 GB", "[Gbit/s]; 'GB' is an amount, and this is a rate: write 10 GB/s"),
        ("bandwidth_gbps", "10 GiB per page", "'GiB/page' is a unit of something else"),
        ("dirty_pages_per_s", "80MB", "[pages/s]; 'MB' is an amount, and this is a rate: write 80 MB/s"),
        ("memory_gib", "64 GB/s", "[GiB]; 'GB/s' is a rate, and this is an amount"),
        ("bandwidth_limit_share", "1/3", "[0-1]; a fraction is written as a decimal, 0.3333"),
        ("bandwidth_gbps", "10 GbE", "'GbE' is no unit that it knows; write 10Gbit/s"),
        ("blackout_target_ms", "5 parsec", "[ms]; 'parsec' is no unit that it knows"),
        ("streams", "1.5 connections", "streams = 1.5 is not allowed"),
        ("streams", "4 cores", "[connections]; 'cores' is not its unit"),
        ("zipf_exponent", "1 s", "'s' is not its unit"),
        ("resident_share", "90 GiB", "[0-1]; 'GiB' is a unit of something else"),
        ("resident_share", "120%", "resident_share = 1.2 is not allowed"),
        ("memory_gib", "2 ** 9 GiB", "memory_gib = '2 ** 9 GiB' is not allowed"),
        (
            "memory_gib",
            "__import__('os') GiB",
            "is not allowed: it takes a number from 0.001 to 262144 [GiB]",
        ),
    ],
)
def test_another_kind_of_unit_is_told_with_the_wanted_one(name, text, said):
    """Never a silent guess: what is no unit, or one of something else, is refused by name."""
    with pytest.raises(ParameterError) as error:
        check({name: text})
    assert said in str(error.value)
    assert str(error.value).startswith(f"{name} = ")
    assert "\n" not in str(error.value)


UNITS = {
    "GiB": "MiB",
    "MiB": "KiB",
    "KiB": "bytes",
    "Gbit/s": "GB/s",
    "GiB/s": "MiB/s",
    "ms": "s",
    "us": "ms",
}
UNITS |= {"s": "min", "pages/s": "KiB/s", "bytes": "KiB"}


@given(st.floats(1e-6, 1e6), st.sampled_from(sorted(UNITS)))
def test_a_unit_and_its_own_agree(number, unit):
    """A number in the wanted unit is itself, and twice as much of any unit is twice as much."""
    assert read(f"{number!r} {unit}", unit) == number
    other = UNITS[unit]
    once, twice = read(f"{number!r} {other}", unit), read(f"{2 * number!r} {other}", unit)
    assert twice == pytest.approx(2 * once, rel=1e-12)


@pytest.mark.parametrize(
    "name", [name for name, p in PARAMETERS.items() if not p.choices and p.unit != "0-1"]
)
def test_every_parameter_takes_its_own_unit(name):
    """The unit that help, tables and labels show can be written behind the number."""
    parameter = PARAMETERS[name]
    if parameter.unit:
        assert parameter.check(f"{parameter.low:g} {parameter.unit}") == pytest.approx(parameter.low)


def test_the_command_line_takes_them_in_lists():
    """`predict` says the same of 10Gbit/s as of 10, and of each of a list."""
    asked = ["predict", "--memory-gib", "64GiB,32", "--bandwidth-gbps", "1.25 GB/s", "--json"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [(row["memory_gib"], row["bandwidth_gbps"]) for row in rows] == [(64, 10), (32, 10)]
    refused = CliRunner().invoke(main, ["observe", "--memory-gib", "64 ms", "x.csv"])
    assert refused.exit_code == 2
    assert "'ms' is a unit of something else" in refused.stderr


def test_a_design_takes_them_as_constant_list_and_range():
    """All three forms of a sweep's parameter."""
    content = {
        "memory_gib": "64 GiB",
        "blackout_target_ms": ["300ms", "1 s"],
        "bandwidth_gbps": {"from": "100 Mbit/s", "to": "1.25 GB/s", "count": 2},
    }
    design = designs.parse({"parameters": content})
    assert design.constants == {"memory_gib": 64}
    assert design.axis("blackout_target_ms").values.tolist() == [300, 1000]
    assert design.axis("bandwidth_gbps").values.tolist() == pytest.approx([0.1, 10])


def test_a_range_of_another_kind_of_unit_is_told():
    """The end of a range that is of something else, with the unit that is wanted."""
    with pytest.raises(
        ParameterError, match=r"^bandwidth_gbps: to: '3 GB' is not .* \[Gbit/s\]; 'GB' is an amount"
    ):
        designs.parse({"parameters": {"bandwidth_gbps": {"from": 1, "to": "3 GB", "count": 2}}})


def test_a_notebook_takes_them():
    """In the unit of the study's parameter, or of the notebook's own line; lists too."""
    lines = read_lines(
        "bandwidth_gbps: float = 1  # a rate [Gbit/s]\n"
        "window_min: float = 20.0  # a window [min, 0.1 to 1000]\n"
        "memory_gib_values: list = [2]  # sizes [GiB]\n"
        "background_share: float = 0.3  # a share [0 to 1]\n"
    )
    given = {"bandwidth_gbps": "2500 Mbit/s", "window_min": "2 h", "background_share": "25 %"}
    given["memory_gib_values"] = ["64GiB", 2]
    found = {name: check_value(lines[name], value) for name, value in given.items()}
    assert found == {
        "bandwidth_gbps": 2.5, "window_min": 120, "memory_gib_values": [64, 2], "background_share": 0.25,
    }  # fmt: skip
    with pytest.raises(ParameterError, match=r"\[min\]; 'GiB' is a unit of something else"):
        check_value(lines["window_min"], "3 GiB")


def test_plain_numbers_do_without_pint():
    """A prediction from numbers and texts that are numbers never imports the library of units."""
    asked = "import sys; from analysis.parameters import check; check({'memory_gib': ['64', '2e3']})"
    code = f"{asked}; print('pint' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
