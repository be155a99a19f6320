"""The learned second stage: zero far from data, a gain where there is a bias, no harm where there is none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.errors import UserError
from analysis.model.migration import migrate
from analysis.studies.hosts import correction, gaussian
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
    """What predict() states is the model's time times the correction's factor, its interval with it.

    The floor of the clock is added before and taken off after, and no total is below the work.
    """
    table = scenarios(seed=9, count=5)
    factor = correction.corrections(host, table).total_s
    plain, both = predict(table, Host()), predict(table, host)
    times = (plain.total_s + correction.FLOOR_S) * factor - correction.FLOOR_S
    least = np.minimum(correction.work_s(table), plain.total_s)
    np.testing.assert_allclose(both.total_s, np.maximum(times, least))
    np.testing.assert_allclose(both.total_s_high90, both.total_s)


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


def qemu(seed=0, count=300, most=1.2):
    """Guests of three workloads on gigabit Ethernet whose writes reach up to ``most`` of the link."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "memory_gib": rng.uniform(0.3, 2, count),
            "resident_share": 1.0,
            "bandwidth_gbps": 1.0,
            "stop_rule": "qemu",
            "dirty_pages_per_s": rng.uniform(0, most, count) * 28_000,
            "workload": rng.choice(["calm", "usual", "wild"], count),
        }
    ).assign(working_set_gib=lambda t: t.memory_gib)


KEPT = {"calm": 0.3, "usual": 0.6, "wild": 0.8}
"""Share of the sampled writes that each workload goes on with, which the mechanism is not told."""


def hidden(table, seed=5, noise=0.02):
    """What migrations took under constants that nobody knows: effective writes, and a working set of half."""
    truth = table.assign(
        dirty_pages_per_s=table.dirty_pages_per_s * table.workload.map(KEPT),
        working_set_gib=table.memory_gib / 2,
    )
    took = migrate(truth)
    rng = np.random.default_rng(seed)
    return took.total_s * np.exp(rng.normal(0, noise, len(table))), took.blackout_s


def taught(table, **measured):
    """A host that learnt from measurements beside the uncalibrated mechanism."""
    return Host(correction=correction.learn(table, migrate(table), measured, "workload"))


@pytest.fixture(scope="module")
def law():
    """A host that learnt from 300 migrations under the hidden law."""
    table = qemu()
    total, blackout = hidden(table)
    return taught(table, total_s=total, blackout_s=blackout)


@pytest.mark.thorough
def test_a_hidden_law_is_learnt_back(law):
    """Writes that do not last and a smaller working set: P90 falls from above 100 % to below 12 %."""
    fresh = qemu(seed=8)
    truth = hidden(fresh, noise=0.0)[0]
    before = (migrate(fresh).total_s / truth - 1).abs()
    after = (correction.corrected(migrate(fresh), law, fresh).total_s / truth - 1).abs()
    assert before.quantile(0.9) > 1
    assert after.quantile(0.9) < 0.12
    assert after.median() < 0.03


def test_what_ended_is_not_called_endless(law):
    """Writes above the link are endless to the mechanism; as many like them ended, so does the answer."""
    fresh = qemu(seed=8)
    said = migrate(fresh)
    found = correction.corrected(said, law, fresh)
    assert np.isinf(said.total_s).sum() > 20
    assert np.isfinite(found[["total_s", "brownout_s", "blackout_s"]]).all(axis=None)
    assert (found.stop_reason[np.isinf(said.total_s)] == "target_met").all()


def test_far_from_all_data_endless_stays_endless(law):
    """A guest of 4 TiB that writes at three times a link of 100 Gbit/s: nothing like it was seen to end."""
    far = qemu(count=1).assign(
        memory_gib=4096.0, working_set_gib=4096.0, bandwidth_gbps=100.0, dirty_pages_per_s=9e6
    )
    far = far.assign(stream_limit_gbps=200.0)
    assert np.isinf(correction.corrected(migrate(far), law, far).total_s).all()


def test_nothing_is_faster_than_the_work():
    """Taught that all takes a tenth of what it can, it still says no less than the content sent once."""
    table = qemu()
    work = correction.work_s(table)
    host = taught(table, total_s=pd.Series(work / 10))
    found = correction.corrected(migrate(table), host, table)
    assert (correction.corrections(host, table).total_s < 0.9).mean() > 0.9
    assert (found.total_s >= np.minimum(work, migrate(table).total_s)).all()


def test_work_by_hand():
    """1 GiB of content at 100 MiB of pages a second takes 10.24 s."""
    one = qemu(count=1).assign(
        memory_gib=1.0, header_bytes=0.0, frame_overhead_bytes=0.0, page_header_bytes=0.0
    )
    rate = 100 * 2**20 * 8 / 1e9
    assert correction.work_s(one.assign(bandwidth_gbps=rate))[0] == pytest.approx(10.24, rel=1e-3)


def test_total_brownout_and_blackout_stay_consistent(law):
    """Without set-up the total is brownout and blackout, also where only one of them was corrected."""
    fresh = qemu(seed=8).assign(setup_s=0.0)
    found = correction.corrected(migrate(fresh), law, fresh)
    np.testing.assert_allclose(found.brownout_s + found.blackout_s, found.total_s)
    assert (found.blackout_s >= 0).all()


def test_every_draw_is_corrected_by_its_scenario(law):
    """Three draws of each scenario, alike here, come out as the one would."""
    fresh = qemu(seed=8, count=7)
    said = migrate(fresh)
    thrice = correction.corrected(said.loc[said.index.repeat(3)].reset_index(drop=True), law, fresh, draws=3)
    once = correction.corrected(said, law, fresh)
    np.testing.assert_allclose(thrice.total_s, np.repeat(once.total_s.to_numpy(), 3))


def test_programs_of_one_label_are_told_apart_by_their_memory():
    """Two programs under one label, 1.00 and 1.10 GiB: the one takes 40 % longer, the other as predicted."""
    table = qemu(most=0.5).assign(workload="suite")
    slow = np.arange(len(table)) % 2 == 0
    table["memory_gib"] = table["working_set_gib"] = np.where(slow, 1.0, 1.1)
    said = migrate(table)
    host = taught(table, total_s=said.total_s * np.where(slow, 1.4, 1.0))
    factor = correction.corrections(host, table).total_s
    assert factor[slow].median() == pytest.approx(1.4, abs=0.02)
    assert factor[~slow].median() == pytest.approx(1.0, abs=0.02)


def test_a_tenth_of_broken_rows_does_not_bend_it():
    """Each tenth migration took five times as long by accident: the others' factors stay within 3 %."""
    table = qemu(most=0.5)
    said = migrate(table)
    broken = np.arange(len(table)) % 10 == 0
    host = taught(table, total_s=said.total_s * np.where(broken, 5.0, 1.1))
    assert (correction.corrections(host, table).total_s / 1.1 - 1).abs().median() < 0.03


def test_a_stranger_gets_what_all_workloads_share():
    """All workloads take 30 % longer, so does a new one; of what each has alone it gets little."""
    table, fresh = qemu(most=0.5), qemu(seed=8, most=0.5).assign(workload="new")
    said = migrate(table).total_s
    alike = correction.corrections(taught(table, total_s=said * 1.3), fresh).total_s
    own = table.workload.map({"calm": 0.7, "usual": 1.0, "wild": 1.43})
    apart = correction.corrections(taught(table, total_s=said * own), fresh).total_s
    assert alike.median() == pytest.approx(1.3, abs=0.06)
    assert np.log(apart).abs().median() < 0.15


@pytest.mark.thorough
def test_a_big_table_makes_a_small_file(monkeypatch):
    """1,500 rows and both outcomes: at most 1,200 centres, less than 300 kB of text."""
    monkeypatch.setattr(gaussian, "TUNING", ((50, 2),))
    table = qemu(count=1500)
    total, blackout = hidden(table)
    host = taught(table, total_s=total, blackout_s=blackout)
    assert len(host.correction["points"]) == gaussian.CENTRES == 1200
    assert len(host_text(host)) < 300_000


def test_what_no_row_varied_is_not_taken_for_known(law):
    """Learnt at one downtime limit: at a limit thirty times as long the factor is all but gone."""
    fresh = qemu(seed=8).assign(blackout_target_ms=300.0)
    near, far = (
        np.log(correction.corrections(law, fresh.assign(blackout_target_ms=ms)).total_s).abs().mean()
        for ms in (300.0, 9000.0)
    )
    assert far < 0.35 * near


def test_a_correction_of_an_older_version_is_told(host):
    """A host file whose correction looks at other inputs is refused in a sentence, not misread."""
    older = {**host.correction, "centre": {"content": 0.0}}
    with pytest.raises(UserError, match="calibrate it again"):
        correction.corrections(replace(host, correction=older), scenarios())
