"""When a hypervisor ends pre-copy: its rule, as data with its source, and the rules of a table as columns.

What a rule does to the passes is in :mod:`.laws.passes`; a new rule of the kinds it knows is a row here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.arrays import Bools, Codes, Floats


@dataclass(frozen=True)
class StopRule:
    """When one hypervisor ends pre-copy.

    ``pass_limit``: most passes. ``target_ms``: transfer time of the residual that counts as
    converged; with ``target_ends_passes`` reaching it also ends pre-copy. ``few_pages``: a pass that sent
    fewer than this was the last. ``sent_limit``: memory sent, in multiples of the machine's, beyond
    which the rule gives up. ``check_interval_s``: how often a running pass is checked against
    the target (infinite: only between passes). ``limit_delay_s``: time from reaching the pass
    limit to the pause, while pages go on being sent. ``lifts_bandwidth_limit``: the residual is sent
    without the limit that holds the passes. ``head_start_s``: how long the link works off the sender's
    buffers while the sender prepares the pause, so that the residual takes that much less.
    """

    name: str
    pass_limit: float
    target_ms: float
    source: str
    target_ends_passes: bool = False
    few_pages: float = 0.0
    sent_limit: float = np.inf
    check_interval_s: float = np.inf
    limit_delay_s: float = 0.0
    lifts_bandwidth_limit: bool = False
    head_start_s: float = 0.0
    last_target_ms: float = np.inf
    target_steps: float = 0.0
    target_step_s: float = 0.0
    target_step_s_per_gib: float = 0.0
    grows_from_pass: float = 0.0
    rises: float = np.inf
    throttle_first: float = 0.0
    throttle_step: float = 0.1
    give_up_after_s: float = np.inf
    give_up_after_s_per_gib: float = 0.0
    give_up_pass: float = np.inf
    stall_s: float = np.inf
    stall_share: float = 0.0
    raises_at_stall: bool = False
    gives_up_by: str = "cancelled"


QEMU = StopRule(
    "qemu",
    pass_limit=np.inf,
    target_ms=300,
    target_ends_passes=True,
    check_interval_s=0.061,
    limit_delay_s=0.06,
    lifts_bandwidth_limit=True,
    head_start_s=0.009,
    source="QEMU 7.2 migration.c and ram.c: pending below bandwidth times the downtime limit, tested "
    "after every 50 ms of sending (61 ms with the wake-up of the socket: passes.csv). The "
    "threshold is renewed every 100 ms, so a pass limit set from outside acts 60 ms late. The "
    "head start is measured on migrations.csv.",
)
_NOVA = replace(
    QEMU,
    name="nova",
    target_ms=50,
    last_target_ms=500,
    target_steps=10,
    target_step_s_per_gib=75,
    give_up_after_s_per_gib=800,
    source="OpenStack nova, virt/libvirt/migration.py and conf/libvirt.py: live_migration_downtime 500 ms in "
    "10 steps from a tenth of it, one each 75 s per GiB (at least 2 GiB; disks that are copied count too, "
    "here they do not); live_migration_completion_timeout 800 s per GiB, then aborted.",
)
_KUBEVIRT = replace(
    QEMU,
    name="kubevirt",
    give_up_after_s_per_gib=150,
    stall_s=150,
    source="KubeVirt's defaults: QEMU's 300 ms; aborted after completionTimeoutPerGiB 150 s (800 in older "
    "versions and OpenShift; a GiB or less counts as two here) or after progressTimeout 150 s without less "
    "remaining.",
)

STOP_RULES = {
    rule.name: rule
    for rule in (
        StopRule(
            "hyperv",
            pass_limit=5,
            target_ms=750,
            source="5 passes since Windows Server 2012 R2 (Savill 2016). No threshold is published: passes "
            "go on until nothing is left; 750 ms is the design goal in Microsoft's driver documentation "
            "and only judges the outcome.",
        ),
        StopRule(
            "hyperv_2008r2",
            pass_limit=10,
            target_ms=750,
            source="10 passes (Directions on Microsoft, June 2009); the goal as for hyperv.",
        ),
        QEMU,
        StopRule(
            "xen",
            pass_limit=29,
            target_ms=0,
            few_pages=50,
            sent_limit=3,
            source="libxc xc_domain_save.c: a pass of fewer than 50 pages, more than three times the "
            "machine's memory sent, or 29 passes.",
        ),
        StopRule(
            "simgrid",
            pass_limit=np.inf,
            target_ms=30,
            target_ends_passes=True,
            source="SimGrid 3.32 VmLiveMigration.cpp: a residual that the rate of the last pass sends within "
            "30 ms, tested between passes, without a limit on them. Its machines write by "
            'write_pattern="sequential".',
        ),
        replace(
            QEMU,
            name="qemu_autoconverge",
            throttle_first=0.2,
            throttle_step=0.1,
            source="QEMU 7.2 to 9.2 migration/ram.c, capability auto-converge: a second or more after the "
            "last look, where more than half of what was sent has become dirty twice, the processors are "
            "throttled by 20 %, then by 10 % more, at most 99 %. 9.2 looks each 5 s within a long pass too, "
            "which is not followed here.",
        ),
        replace(
            QEMU,
            name="qemu_post_copy",
            give_up_pass=1,
            gives_up_by="post_copy",
            source="virsh migrate --postcopy --postcopy-after-precopy: the guest is switched over after the "
            "first pass, or after give_up_after_s; what is left follows it, each page once.",
        ),
        _NOVA,
        replace(
            _NOVA,
            name="nova_post_copy",
            gives_up_by="post_copy",
            source="as nova, with live_migration_timeout_action force_complete and post-copy permitted.",
        ),
        replace(
            _NOVA,
            name="nova_pause",
            gives_up_by="time_up",
            source="as nova, with live_migration_timeout_action force_complete and post-copy not permitted: "
            "the guest is paused until all is sent.",
        ),
        replace(
            QEMU,
            name="proxmox",
            target_ms=100,
            rises=5,
            source="Proxmox VE, src/PVE/QemuMigrate.pm (August 2026): migrate_downtime 0.1 s; more than five "
            "looks at which the remaining memory rose double the limit, up to QEMU's 2,000 s. No time-out.",
        ),
        _KUBEVIRT,
        replace(
            _KUBEVIRT,
            name="kubevirt_post_copy",
            gives_up_by="post_copy",
            source="as kubevirt, with allowPostCopy.",
        ),
        replace(
            _KUBEVIRT,
            name="kubevirt_ramp",
            target_ms=150,
            last_target_ms=1050,
            target_steps=7,
            target_step_s=10,
            grows_from_pass=2,
            source="KubeVirt's enhancement 291 (alpha in 1.9) with its example's values: 150 ms, from the "
            "third iteration on one of 7 equal steps to 1,050 ms each 10 s; time-outs as kubevirt.",
        ),
        replace(
            _KUBEVIRT,
            name="kubevirt_stall",
            target_ms=300,
            last_target_ms=900,
            stall_s=40,
            stall_share=0.04,
            raises_at_stall=True,
            source="KubeVirt's enhancement 248 (alpha in 1.9): stalled once not 4 % less than before has "
            "remained for 40 s; then the limit is raised to 900 ms if what remains takes at most 1.5 times "
            "that, else it is aborted. The wait for a better moment before that is not followed here.",
        ),
    )
}


_PLAIN = StopRule("", 0, 0, "")
_IN_TIME = ("target_steps", "rises", "throttle_first", "give_up_after_s", "give_up_after_s_per_gib",
            "give_up_pass", "stall_s")  # fmt: skip
CHANGING = frozenset(
    name for name, rule in STOP_RULES.items()
    if any(getattr(rule, field) != getattr(_PLAIN, field) for field in _IN_TIME)
)  # fmt: skip
"""Rules that change while they run, or give up."""
LIMITS_IN_TIME = ("last_target_ms", "target_steps", "target_step_s", "give_up_after_s")
"""Parameters by which any rule is given a target that grows, or a time to give up."""
_YES_OR_NO = ("target_ends_passes", "lifts_bandwidth_limit")


class Rules(NamedTuple):
    """The stop rule of every row, as columns; see :class:`StopRule` for their meaning.

    ``preset``: the place of each row's among ``presets``, whose columns are made when they are asked for.
    """

    presets: tuple[StopRule, ...]
    preset: Codes
    pass_limit: Floats
    target_ms: Floats

    @property
    def target_ends_passes(self) -> Bools:
        return self._of_presets("target_ends_passes")

    @property
    def few_pages(self) -> Floats:
        return self._of_presets("few_pages")

    @property
    def sent_limit(self) -> Floats:
        return self._of_presets("sent_limit")

    @property
    def check_interval_s(self) -> Floats:
        return self._of_presets("check_interval_s")

    @property
    def limit_delay_s(self) -> Floats:
        return self._of_presets("limit_delay_s")

    @property
    def lifts_bandwidth_limit(self) -> Bools:
        return self._of_presets("lifts_bandwidth_limit")

    @property
    def head_start_s(self) -> Floats:
        return self._of_presets("head_start_s")

    @classmethod
    def of(cls, stop_rule: NDArray[Any], pass_limit: Floats, target_ms: Floats) -> Rules:
        """Columns for rows that name a preset; NaN in the two numbers means "as the preset has it".

        What changes while a rule runs is left out (:mod:`.laws.changing`).
        """
        rows = np.broadcast_shapes(np.shape(stop_rule), np.shape(pass_limit), np.shape(target_ms))
        presets, preset = _presets(np.asarray(stop_rule))
        limits = [
            _given_or(given, np.array([getattr(p, field) for p in presets]), preset)
            for field, given in (("pass_limit", pass_limit), ("target_ms", target_ms))
        ]
        return cls(presets, preset, *limits).over(rows)

    def over(self, rows: int | tuple[int, ...]) -> Rules:
        """The same with a value for each of some rows."""
        preset = np.broadcast_to(self.preset, rows)
        limits = (np.broadcast_to(column, rows) for column in (self.pass_limit, self.target_ms))
        return Rules(self.presets, preset, *limits)

    def _of_presets(self, field: str) -> NDArray[Any]:
        """What each row's preset has; of one value for all where all presets have the same."""
        kind = bool if field in _YES_OR_NO else float
        values = np.array([getattr(preset, field) for preset in self.presets], kind)
        if (values == values[:1]).all():
            return np.broadcast_to(values[:1], self.pass_limit.shape)
        found: NDArray[Any] = values[self.preset]
        return found


def _presets(names: NDArray[Any]) -> tuple[tuple[StopRule, ...], Codes]:
    """The presets that some names name, and which one each is."""
    one_for_all = names.size and not any(names.strides)
    listed = names.ravel()[:1].tolist() if one_for_all else names.ravel().tolist()
    # By a dictionary a row costs a tenth of what sorting the names does.
    places = {name: place for place, name in enumerate(dict.fromkeys(listed))}
    of = np.fromiter(map(places.__getitem__, listed), np.int8, len(listed))
    return tuple(STOP_RULES[name] for name in places), of if one_for_all else of.reshape(names.shape)


def _given_or(given: Floats, of_presets: Floats, preset: Codes) -> Floats:
    """A column as given, and where it is empty as the presets have it."""
    empty = np.isnan(given)
    if not empty.any():
        return given
    usual = of_presets[:1] if (of_presets == of_presets[:1]).all() else of_presets[preset]
    return usual if empty.all() else np.where(empty, usual, given)
