"""What QEMU, libvirt, VMware, Hyper-V, Proxmox, KubeVirt, nova and Xen call the study's parameters.

Spelling finds a slip of the finger; it cannot know that QEMU's ``downtime-limit`` is ``blackout_target_ms``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

_CALLED = {
    "blackout_target_ms": """
        downtime downtime_limit max_downtime migrate_setmaxdowntime migrate_downtime
        live_migration_downtime maxdowntime switchover_time stun_time expected_downtime blackout
        blackout_ms
    """,
    "bandwidth_gbps": """
        bandwidth bandwidth_mbps bandwidth_gbit max_bandwidth migrate_setspeed migrate_speed speed bwlimit
        link_speed line_rate linkspeed bandwidth_per_migration live_migration_bandwidth network_speed
        nic_speed avail_switchover_bandwidth
    """,
    "bandwidth_limit_share": "bandwidth_limit smb_bandwidth_limit set_smbbandwidthlimit",
    "dirty_pages_per_s": """
        dirty_rate dirtyrate dirty_pages_rate dirty_page_rate calc_dirty_rate vcpu_dirty_limit
        page_dirty_rate change_rate memory_change_rate write_rate dirty_pages_per_second
    """,
    "memory_gib": """
        memory mem m ram vram memory_mb memory_mib memory_gb memsize memory_size ram_size setmem
        memory_assigned memoryassigned memory_startup memorystartupbytes guest_memory
    """,
    "working_set_gib": "wss working_set writable_working_set active_memory dirty_memory hot_memory",
    "streams": """
        multifd_channels parallel_connections connections channels tcp_streams threads parallel_streams
    """,
    "background_share": """
        concurrent concurrency parallel parallel_migrations simultaneous
        maximum_virtual_machine_migrations maximumvirtualmachinemigrations max_concurrent_live_migrations
        parallel_migrations_per_cluster parallel_outbound_migrations_per_node background_traffic
    """,
    "transport": """
        performance_option virtualmachinemigrationperformanceoption compressed compress compression rdma
        smb multifd method migration_method protocol
    """,
    "compression_ratio": "compress_ratio compression_rate",
    "spare_cores": """
        compress_threads comp_threads multifd_zstd_threads cores cpus cpu_cores compression_threads
    """,
    "compress_gib_per_s_per_core": "compress_level comp_level compression_speed compression_level",
    "pass_limit": """
        max_iters max_iterations iterations iteration_limit max_passes passes rounds max_rounds
    """,
    "stop_rule": "hypervisor platform system rule",
    "state_mib": "vcpus vcpu smp cpu_count device_state processors processor_count",
    "round_trip_ms": "latency rtt ping round_trip delay latency_ms",
    "mtu_bytes": "mtu jumbo jumbo_frames jumbopacket frame_size",
    "receive_buffers": "rx rx_ring ring_size rx_buffers receivebuffers rx_descriptors",
    "send_buffers": "tx tx_ring tx_buffers transmitbuffers transmit_buffers sendbuffers tx_descriptors",
    "receive_queues": "rss queues rss_queues numberofreceivequeues num_queues",
    "interrupt_moderation_us": "coalesce coalescing rx_usecs interruptmoderation itr interrupt_throttle",
    "socket_buffer_kib": "tcp_window window window_size rcvbuf sndbuf socket_buffer tcp_rmem",
    "write_pattern": "pattern workload access_pattern",
    "setup_s": "setup_time setup",
    "network": "shared_network dedicated_network migration_network",
}
"""By our name: theirs, in QEMU's monitor, virsh, vMotion, Hyper-V's cmdlets, qm, KubeVirt and nova.conf."""
_OF_VERBS = {
    "blackout_ms": _CALLED["blackout_target_ms"] + "blackout_target_ms blackout_s",
    "parallel_limit": _CALLED["background_share"].replace("background_traffic", "at_once"),
    "at_once": _CALLED["background_share"].replace("background_traffic", "parallel_limit"),
    "nodes": "hosts hypervisors",
    "node": "source source_host from_node",
    "predict": "migrate migration simulate estimate forecast compute calculate model ask",
    "drain": "evacuate empty vacate maintenance roll suspend_clusternode",
    "observe": "read parse import",
    "watch": "follow monitor tail domjobinfo",
    "advise": "advice recommend suggest optimize optimise tune improve",
    "sensitivity": "levers lever sobol tornado influence",
    "plan": "need needed require size sizing",
    "calibrate": "fit learn train",
    "validate": "verify compare test accuracy",
    "sweep": "grid scan scenarios",
    "report": "notebook notebooks render html",
}
"""By the name of a verb, or of an option that is no parameter: theirs, and what else comes to mind."""
_OURS: dict[str, list[str]] = {}
for _ours, _names in (*_OF_VERBS.items(), *_CALLED.items()):
    for _theirs in _names.split():
        _OURS.setdefault(_theirs, []).append(_ours)

_VALUES = {
    "smb_direct": "rdma smbdirect roce iwarp infiniband",
    "tcpip": "tcp ip plain uncompressed",
    "compression": "compressed compress zstd lz4",
    "qemu": "kvm libvirt virsh qemu_kvm",
    "hyperv": "hyper_v windows scvmm azure_local",
    "nova": "openstack",
    "proxmox": "pve proxmox_ve qm",
    "hotcold": "hot_cold hot skewed",
    "zipf": "zipfian power_law",
    "uniform": "random even",
    "sequential": "linear sweep",
    "dedicated": "own separate private",
    "total": "total_s time total_time duration",
    "blackout": "downtime blackout_s pause frozen",
}
"""Values that are words: what each is called elsewhere."""

_WHY: Mapping[str, str] = {
    "background_share": "one migration is predicted at a time, others at once are traffic beside it",
    "state_mib": "processors count only through the state that phase two sends",
}
"""A word where ours is not simply theirs by another name."""


def nearest(name: str, allowed: Iterable[str], cutoff: float = 0.5) -> str:
    """The allowed name closest in spelling to ``name``; an empty string if none is as close as ``cutoff``."""
    found = difflib.get_close_matches(name, list(allowed), n=1, cutoff=cutoff)
    return found[0] if found else ""


def plain(name: str) -> str:
    """A name as this table has it: ``--downtime-limit``, ``downtimeLimit`` and ``Downtime Limit`` are one.

    >>> {plain(name) for name in ("--downtime-limit", "downtimeLimit", "Downtime Limit", "downtime_limit")}
    {'downtime_limit'}
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip().lstrip("-"))
    return re.sub(r"[\s_-]+", "_", snake).lower()


def counterpart(name: str, allowed: Iterable[str]) -> str:
    """The one of the allowed names that another system calls ``name``, in its own form; empty if none."""
    theirs, known = plain(name), {plain(one): one for one in allowed}
    ours = _OURS.get(theirs) or _OURS.get(theirs.replace("_", ""), [])
    return next((known[one] for one in ours if one in known), "")


def value_meant(value: str, allowed: Iterable[str]) -> str:
    """The allowed word that another system calls ``value``, else the closest in spelling; or empty.

    >>> value_meant("RDMA", ["smb", "smb_direct"]), value_meant("SMB", ["smb", "smb_direct"])
    ('smb_direct', 'smb')
    """
    theirs, known = plain(value), list(allowed)
    called = (one for one in known if theirs in (one, *_VALUES.get(one, "").split()))
    return next(called, "") or nearest(value, known)


def remark(name: str, ours: str) -> str:
    """Why the counterpart of a name is the one it is, in brackets after a space; empty where it is plain."""
    why = _WHY.get(plain(ours), "") if counterpart(name, [ours]) else ""
    return f" ({why})" if why else ""
