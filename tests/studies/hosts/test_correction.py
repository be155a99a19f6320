"""The learned second stage: zero far from data, a gain where there is a bias, no harm where there is none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.model.migration import migrate
from analysis.studies.hosts import correction
from analysis.studies.hosts.host import Estimate, Host, host_text, load_host, save_host
from analysis.studies.hosts.prediction import predict


def scenarios(seed=0, count=60):
    """Plain migrations of guests between 2 and 16 GiB on links of 1 to 10 Gbit/s."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "memory_gib": rng.uniform(2, 16, count),
            "bandwidth_gbps": rng.uniform(1, 10, count),
            "dirty_pages_per_s": rng.uniform(500, 20000, count),
            "working_set_gib": 0.5,
            "workload": rng.choice(["db", "web"], count),
        }
    )


def bias(table):
    """What the mechanism gets wrong: up to 20 % more time the larger the guest, none of it noise."""
    return 1 + 0.2 * (table.memory_gib / 16)


def corrected(table, factor, noise=0.0, seed=1):
    """A host that learnt from ``table``, whose migrations took ``factor`` times what the model says."""
    predicted = migrate(table)
    rng = np.random.default_rng(seed)
    took = predicted.total_s * factor * np.exp(rng.normal(0, noise, len(table)))
    return Host(correction=correction.learn(table, predicted, {"total_s": took}, "workload"))


@pytest.fixture(scope="module")
def host():
    return corrected(scenarios(), bias(scenarios()), noise=0.01)


def test_far_from_all_data_nothing_is_corrected(host):
    """A guest of 4 TiB on 400 Gbit/s, nothing like it was measured: the factor is 1."""
    far = pd.DataFrame({"memory_gib": [4096.0], "bandwidth_gbps": [400.0], "dirty_pages_per_s": [5e6]})
    factor = correction.corrections(host, far.assign(working_set_gib=2000.0, workload="db"))
    assert factor.total_s[0] == pytest.approx(1, abs=0.005)


def test_a_smooth_bias_is_learnt(host):
    """On migrations that it did not see, the median error of 11 % falls below 2 %."""
    fresh = scenarios(seed=9)
    left = (correction.corrections(host, fresh).total_s / bias(fresh) - 1).abs()
    assert left.median() < 0.02
    assert (bias(fresh) - 1).median() > 0.1


def test_a_bias_that_all_share_is_learnt():
    """Every migration took 20 % longer than predicted: so will the next."""
    table = scenarios()
    factor = correction.corrections(corrected(table, 1.2, noise=0.005), scenarios(seed=9)).total_s
    assert factor.median() == pytest.approx(1.2, abs=0.03)


def test_without_a_bias_it_does_no_harm():
    """Migrations that scatter by 2 % and nothing else: held-out ones are corrected by less than 1 %."""
    table = scenarios(count=80)
    fold = np.arange(80) % 4
    factors = [
        correction.corrections(corrected(table[fold != k], 1.0, noise=0.02), table[fold == k]).total_s
        for k in range(4)
    ]
    assert (pd.concat(factors) - 1).abs().median() < 0.01


def test_one_outlier_does_not_bend_it():
    """One migration that took ten times as long is drawn in: the others' factors move by less than 2 %."""
    table = scenarios()
    wild = np.ones(len(table))
    wild[0] = 10
    factors = correction.corrections(corrected(table, wild, noise=0.01), table).total_s
    assert (factors - 1).abs().median() < 0.02


def test_outcomes_without_a_stage_have_factor_none():
    """A host without correction corrects no outcome."""
    assert correction.corrections(Host(), scenarios()).shape == (60, 0)


def test_a_file_with_a_correction_predicts_the_same(tmp_path, host):
    """Saved and loaded again, the predictions are the same to a hundredth of a per cent."""
    save_host(host, tmp_path / "host.yml")
    table = scenarios(seed=9)
    before, after = (predict(table, h).total_s for h in (host, load_host(tmp_path / "host.yml")))
    np.testing.assert_allclose(after, before, rtol=1e-4)


def test_a_prediction_is_multiplied_by_its_factor(host):
    """What predict() states is the model's time times the correction's factor, its interval with it."""
    table = scenarios(seed=9, count=5)
    factor = correction.corrections(host, table).total_s
    plain, both = predict(table, Host()), predict(table, host)
    np.testing.assert_allclose(both.total_s, plain.total_s * factor)
    np.testing.assert_allclose(both.total_s_high90, plain.total_s_high90 * factor)


def test_what_is_given_is_what_the_correction_looks_at(host):
    """A scenario that overrides the host's ceiling is corrected as the faster migration that it is."""
    slow = replace(host, parameters=(Estimate("stream_limit_gbps", 1.0, 1.0, 1.0),))
    table = scenarios(seed=9, count=5).assign(stream_limit_gbps=12.0)
    given = predict(table, slow, given=("stream_limit_gbps",))
    np.testing.assert_allclose(given.total_s, predict(table, host).total_s)


def test_features_are_finite_for_every_legal_scenario():
    """No writes, no content, a link of Tbit/s, a target that the preset sets: no NaN and no infinity."""
    odd = pd.DataFrame(
        {
            "dirty_pages_per_s": [0.0, 5000.0, 5000.0],
            "resident_share": [0.9, 0.0, 0.9],
            "bandwidth_gbps": [10.0, 10.0, 5000.0],
            "stop_rule": ["hyperv", "qemu", "xen"],
        }
    )
    assert np.isfinite(correction.features(odd).to_numpy()).all()


def test_the_same_seed_learns_the_same():
    """And the stored form is plain numbers, lists and text."""
    table = scenarios(count=20)
    predicted = migrate(table)
    measured = {"total_s": predicted.total_s * bias(table)}
    one, two = (correction.learn(table, predicted, measured, "workload", seed=3) for _ in range(2))
    assert one == two
    assert isinstance(host_text(Host(correction=one)), str)


def test_all_rows_alike_are_no_obstacle():
    """Inputs that do not vary have no spread to divide by; one measurement is a legal table."""
    table = scenarios(count=1)
    predicted = migrate(table)
    stage = correction.learn(table, predicted, {"total_s": predicted.total_s * 1.1})
    assert np.isfinite(correction.corrections(Host(correction=stage), table).total_s).all()
