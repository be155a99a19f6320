"""What the systems do by themselves when a node is emptied: limits, order, and what is not live migrated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from analysis import presets
from analysis.errors import UserError
from analysis.parameters import nearest
from analysis.studies.drain.tables import CANCEL, NEVER


@dataclass(frozen=True)
class System:
    """How one system empties a node.

    ``out_limit``, ``in_limit``: migrations at once out of and into a node; ``cluster_limit``: in all.
    ``order``: an order of :mod:`.orders`. ``quick_below``: machines of a priority below are saved, moved
    and resumed. ``give_up_s_per_gib`` of passes, ``give_up_how``: see :mod:`.tables`. ``parameters``: of
    the model.
    """

    name: str
    out_limit: int
    in_limit: int
    order: str
    source: str
    cluster_limit: int = 2**31
    quick_below: float = 0.0
    give_up_s_per_gib: float = float("inf")
    give_up_how: int = NEVER
    parameters: dict[str, Any] = field(default_factory=dict)


_QEMU = {"stop_rule": "qemu"}

SYSTEMS = {
    system.name: system
    for system in (
        System(
            "hyperv",
            2,
            2,
            "priority",
            "Suspend-ClusterNode -Drain: roles by priority, Medium and High live, Low by quick migration "
            "(MoveTypeThreshold 2000); 2 at once a host, 1 in a cluster since 2022-09 (MSDN clustering blog "
            "2012-04, techcommunity 371848 and 3709680).",
            quick_below=2000.0,
        ),
        System(
            "kubevirt",
            2,
            2**31,
            "first",
            "5 at once in the cluster, 2 out of a node; given up after 150 s per GiB (KubeVirt, "
            "migration configuration).",
            cluster_limit=5,
            give_up_s_per_gib=150.0,
            give_up_how=CANCEL,
            parameters=_QEMU,
        ),
        System(
            "nova",
            1,
            2**31,
            "first",
            "max_concurrent_live_migrations 1; given up after 800 s per GiB (OpenStack nova, "
            "live_migration_completion_timeout).",
            give_up_s_per_gib=800.0,
            give_up_how=CANCEL,
            parameters=_QEMU,
        ),
        System(
            "proxmox",
            4,
            2**31,
            "first",
            "max_workers 4 in maintenance mode, by id (Proxmox VE).",
            parameters=_QEMU,
        ),
    )
}


def system(name: str, preset: str = "") -> System:
    """The rules of a system; with a version of Windows Server those of Hyper-V with its limit and
    defaults."""
    if name not in SYSTEMS:
        near = nearest(name, SYSTEMS)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(SYSTEMS)}"
        raise UserError(f"there is no system {name!r}; {hint}")
    found = SYSTEMS[name]
    if not preset:
        return found
    host = presets.host(preset)
    if name != "hyperv":
        raise UserError(
            f"--preset {preset} is a version of Windows Server, and the system is {name}; leave one out"
        )
    return System(
        found.name, host.parallel_migrations, host.parallel_migrations, found.order, host.source,
        quick_below=found.quick_below, parameters=dict(host.parameters),
    )  # fmt: skip
