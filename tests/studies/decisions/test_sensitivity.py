"""Sobol indices: against closed forms, against SALib on the model, and what varies."""

import numpy as np
import pytest

from analysis.errors import UserError
from analysis.model.engine import Way
from analysis.model.migration import evaluate, migrate
from analysis.ranges import TYPICAL
from analysis.studies.decisions.sensitivity import (
    OUTCOMES,
    _bootstrap,
    axis,
    indices,
    placed,
    sensitivity,
    times,
    varied,
)
from analysis.studies.sweeps import designs


def ishigami(u, a=7.0, b=0.1):
    """Ishigami's function of three parameters from -pi to pi."""
    x = np.pi * (2 * u - 1)
    return np.sin(x[0]) + a * np.sin(x[1]) ** 2 + b * x[2] ** 4 * np.sin(x[0])


def ishigami_indices(a=7.0, b=0.1):
    """First and total indices of it, from its variances (Ishigami and Homma 1990)."""
    first = np.array([0.5 * (1 + b * np.pi**4 / 5) ** 2, a**2 / 8, 0.0])
    together = b**2 * np.pi**8 * (1 / 18 - 1 / 50) * np.array([1, 0, 1])
    every = first.sum() + together[0]
    return first / every, (first + together) / every


G = np.array([0.0, 1.0, 4.5, 9.0, 99.0])


def g_function(u):
    """Sobol's g-function with the usual constants."""
    return np.prod((np.abs(4 * u - 2) + G[:, None]) / (1 + G[:, None]), axis=0)


def g_indices():
    """Its indices: each parameter has the variance 1 / (3 (1 + a)^2), and the function is a product."""
    own = 1 / (3 * (1 + G) ** 2)
    every = np.prod(1 + own) - 1
    return own / every, own * np.prod(1 + own) / (1 + own) / every


@pytest.mark.parametrize(
    ("function", "law"), [(ishigami, ishigami_indices), (g_function, g_indices)], ids=["ishigami", "g"]
)
def test_closed_forms_are_met(function, law):
    """Estimates are within a hundredth and a half of the law, and inside what the intervals allow."""
    first, total = law()
    names = [f"x{k}" for k in range(len(first))]
    found = indices(function, names, ["y"], samples=8192, seed=3).set_index("parameter").loc[names]
    assert np.abs(found["first"].to_numpy() - first).max() < 0.015
    assert np.abs(found["total"].to_numpy() - total).max() < 0.015
    for order, law_of in (("first", first), ("total", total)):
        assert (found[f"{order}_low"] - 1e-3 <= law_of).all()
        assert (law_of <= found[f"{order}_high"] + 1e-3).all()


def test_intervals_hold_what_they_say():
    """Of 40 small samples the 90 % intervals of at least 32 hold Ishigami's largest total index."""
    total = ishigami_indices()[1][0]
    held = 0
    for seed in range(40):
        row = (
            indices(ishigami, ["a", "b", "c"], ["y"], samples=256, seed=seed).set_index("parameter").loc["a"]
        )
        held += row["total_low"] <= total <= row["total_high"]
    assert held >= 32


def test_one_parameter_makes_all_of_it():
    """Of a function of one parameter both indices are 1; a constant has none."""
    found = indices(lambda u: u[0] ** 2, ["x"], ["y"], samples=1024)
    assert found[["first", "total"]].to_numpy() == pytest.approx(1, abs=0.01)
    flat = indices(lambda u: np.ones(u.shape[1]), ["x", "z"], ["y"], samples=64)
    assert (flat[["first", "total", "first_low", "total_high"]] == 0).all(axis=None)


RANGES = (
    "memory_gib=4:256:log",
    "bandwidth_gbps=1:100:log",
    "dirty_pages_per_s=100:300000:log",
    "setup_s=1:30",
)


def test_salib_says_the_same_of_the_model():
    """SALib's own sample and estimator, on migrate(), within the sampling error of both."""
    sample = pytest.importorskip("SALib.sample.sobol")
    analyze = pytest.importorskip("SALib.analyze.sobol")
    axes = [axis(text) for text in RANGES]
    problem = {"num_vars": len(axes), "names": [a.name for a in axes], "bounds": [[0, 1]] * len(axes)}
    points = sample.sample(problem, 4096, calc_second_order=False, seed=1)
    found = migrate(**{a.name: a.at(column) for a, column in zip(axes, points.T, strict=True)})
    ours = sensitivity(axes=axes, samples=4096, seed=2)
    for outcome in OUTCOMES:
        theirs = analyze.analyze(problem, found[outcome].to_numpy(), calc_second_order=False, seed=1)
        rows = ours.of(outcome).set_index("parameter").loc[problem["names"]]
        for order, name in (("first", "S1"), ("total", "ST")):
            half = (rows[f"{order}_high"] - rows[f"{order}_low"]) / 2 + theirs[f"{name}_conf"] + 0.005
            assert (np.abs(rows[order] - theirs[name]) <= half).all(), (outcome, order)


def test_the_same_seed_is_the_same_answer():
    """Two calls agree to the last bit, another seed does not."""
    axes = [axis(text) for text in RANGES]
    first, second, other = (sensitivity(axes=axes, samples=64, seed=seed).indices for seed in (1, 1, 2))
    assert first.equals(second)
    assert not first.equals(other)


def test_what_is_known_does_not_vary():
    """Without ranges all that acts varies, less what is given; compression brings its own parameters."""
    plain = sensitivity({"memory_gib": 64}, samples=16).design.names
    packed = sensitivity({"transport": "compression"}, samples=16).design.names
    assert "memory_gib" not in plain
    assert "bandwidth_gbps" in plain
    assert {"spare_cores", "compression_ratio"} <= set(packed) - set(plain)
    assert set(packed) <= set(TYPICAL)


def test_a_design_of_a_sweep_says_what_varies():
    """Its axes vary, listed values and multiples too, and its constants hold."""
    content = {
        "parameters": {
            "bandwidth_gbps": [1, 10, 25], "memory_gib": {"from": 4, "to": 64},
            "working_set_gib": {"from": 0.1, "to": 0.5, "of": "memory_gib"},
            "transport": ["tcpip", "smb"], "setup_s": 9,
        },
        "rows": 100,
    }  # fmt: skip
    found = sensitivity(design=designs.parse(content), samples=64)
    assert set(found.design.names) == {"bandwidth_gbps", "memory_gib", "working_set_gib", "transport"}
    assert found.base["setup_s"] == 9


def test_endless_migrations_count_as_the_longest():
    """Where QEMU's rule lets some never end, their share is told and the indices are finite."""
    found = sensitivity({"stop_rule": "qemu"}, [axis("bandwidth_gbps"), axis("dirty_pages_per_s=1000:1e6")],
                        samples=64)  # fmt: skip
    assert 0 < found.endless_share < 1
    assert np.isfinite(found.indices.select_dtypes("number")).all(axis=None)


def test_on_a_host_its_factors_hold(tmp_path):
    """On a host whose line carries half, copying takes longer and set-up is less of the whole."""
    host = tmp_path / "host.yml"
    host.write_text("scales:\n- {name: bandwidth_gbps, value: 0.5, low: 0.4, high: 0.6}\n")
    plain, slow = (
        sensitivity(axes=[axis("memory_gib"), axis("setup_s")], samples=64, host_file=file).of("total_s")
        for file in ("", host)
    )
    index = [rows.set_index("parameter").total["setup_s"] for rows in (plain, slow)]
    assert index[1] < index[0]


def test_a_workload_that_the_host_tells_apart_is_the_scenario(tmp_path):
    """Of a database the host knows another set-up than of all others: ranges lie around that."""
    host = tmp_path / "host.yml"
    host.write_text(
        "parameters:\n- {name: setup_s, value: 2, low: 1, high: 3}\n"
        "- {name: setup_s, value: 7, low: 6, high: 8, label: workload, of: db}\n"
    )
    found = [placed({}, [axis("memory_gib")], None, host, "", workload)[1] for workload in ("", "db")]
    assert [base["setup_s"] for base in found] == [2, 7]


def test_where_resampled_points_do_not_vary_nothing_hangs_on_them():
    """No variance to have a share of: the ends are nought, neither infinite nor one."""
    flat, moved = np.zeros((1, 16)), np.ones((2, 1, 16))
    assert not _bootstrap(flat, flat, moved, 0).any()


def test_each_stretch_goes_the_way_asked_for_by_one_thread(monkeypatch):
    """Stretches run side by side, so none takes threads of its own; volumes are not asked for."""
    seen = []

    def noted(p, way, wanted):
        seen.append((way, tuple(wanted)))
        return evaluate(p, way, wanted)

    monkeypatch.setattr("analysis.studies.decisions.sensitivity.evaluate", noted)
    monkeypatch.setattr("analysis.studies.decisions.sensitivity.CHUNK", 2)
    design = designs.parse({"parameters": {"memory_gib": {"from": 1, "to": 2}}, "rows": 4})
    assert times(design, np.full((1, 4), 0.5), Way("plain", 8)).shape == (len(OUTCOMES), 4)
    assert seen == [(Way("plain", 1), ())] * 2


def test_logarithms_ask_for_factors():
    """Total time is nearly memory over line rate: of its logarithm the parts add up, each a half."""
    known = {"dirty_pages_per_s": 0, "setup_s": 0, "handoff_ms": 0, "state_mib": 0}
    axes = [axis("memory_gib=4:64:log"), axis("bandwidth_gbps=0.5:8:log")]
    found = sensitivity(known, axes, samples=1024, scale="log").of("total_s")
    assert found["first"].to_numpy() == pytest.approx(0.5, abs=0.02)
    assert found["total"].to_numpy() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: axis("bandwith=1:2"), "did you mean 'bandwidth_gbps'"),
        (lambda: axis("transport=1:2"), "transport is a text: list its values"),
        (lambda: axis("transport"), "transport is no number but one of tcpip"),
        (lambda: axis("bandwidth_gbps=5:1"), "must be no more than `to` = 1"),
        (lambda: axis("bandwidth_gbps=5:5"), "holds one value"),
        (lambda: axis("bandwidth_gbps=1:2:lg"), "is not of the form NAME=LOW:HIGH"),
        (lambda: axis("bandwidth_gbps=fast:2"), "'fast'"),
        (lambda: axis("pass_limit"), "pass_limit has no usual range"),
        (lambda: sensitivity(samples=1000), "the nearest is 1024"),
        (lambda: sensitivity(scale="lin"), "it takes one of linear, log"),
        (lambda: sensitivity({"memory_gib": [1, 2]}, samples=16), "memory_gib has 2 values"),
        (lambda: sensitivity(axes=[axis("setup_s"), axis("setup_s=1:2")]), "setup_s has two ranges"),
        (
            lambda: sensitivity(
                {"stop_rule": "qemu", "dirty_pages_per_s": 1e7, "working_set_gib": 8}, [axis("setup_s")],
                samples=16,
            ),
            "no migration ever ends",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence(call, sentence):
    """What was given, and what is allowed."""
    with pytest.raises(UserError) as error:
        call()
    assert sentence in str(error.value)


def test_all_is_whatever_acts_and_a_range_goes_before_it():
    """`all` takes the sensible ranges; a range given after it takes the place of the sensible one."""
    found = {one.name: one for one in varied(["all", "memory_gib=1:2"], {})}
    assert (found["memory_gib"].low, found["memory_gib"].high) == (1, 2)
    assert set(found) == {name for name, usual in TYPICAL.items() if not usual.needs[0]}
