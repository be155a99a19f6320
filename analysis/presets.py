"""Published settings by name: versions of Windows Server, transports, adapters.

A preset's ``parameters`` can be splatted: ``migrate(**HOSTS["windows_2022"].parameters)``. What no
source gives is ``None`` in a table of adapters and absent from those of a host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.errors import UserError
from analysis.parameters import nearest


@dataclass(frozen=True)
class Host:
    """What one version of Windows Server does by default.

    ``parallel_migrations`` is how many leave a node at once; ``spread`` the least and the most of a fixed
    time among the parameters, where its sources tell several.
    """

    name: str
    parameters: Mapping[str, Any]
    parallel_migrations: int
    source: str
    transports: tuple[str, ...] = ("tcpip", "compression", "smb", "smb_direct")
    spread: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def smb_limit_share(self) -> float:
        """Share of the sum of the node's adapter speeds that an SMB migration may use (1: no limit)."""
        return float(self.parameters.get("smb_limit_share", 1.0))


@dataclass(frozen=True)
class Adapter:
    """Descriptors in an adapter's rings: default and maximum, None where no source gives them."""

    name: str
    system: str
    source: str
    receive_default: int | None = None
    receive_most: int | None = None
    send_default: int | None = None
    send_most: int | None = None
    note: str = field(default="")


_ONE_STREAM_2012 = 4.0
_ONE_STREAM_2012R2 = 6.5

HOSTS: Mapping[str, Host] = {
    h.name: h
    for h in (
        Host(
            "windows_2008r2",
            {"stop_rule": "hyperv_2008r2", "transport": "tcpip", "stream_limit_gbps": _ONE_STREAM_2012},
            1,
            "10 passes: Directions on Microsoft 2009; one migration a pair of nodes: petri.com. Ceiling of "
            "one stream is that measured on 2012 (Savill).",
            transports=("tcpip",),
        ),
        Host(
            "windows_2012",
            {"stop_rule": "hyperv_2008r2", "transport": "tcpip", "stream_limit_gbps": _ONE_STREAM_2012},
            2,
            "TCP/IP only, several at once: petri.com; about 4 Gbit/s for one migration (Savill). "
            "Its pass limit is not known; that of 2008 R2 is taken.",
            transports=("tcpip",),
        ),
        Host(
            "windows_2012r2",
            {"stop_rule": "hyperv", "transport": "compression", "stream_limit_gbps": _ONE_STREAM_2012R2},
            2,
            "5 passes: Savill 2016; compression by default: Virtual PC Guy 2013; 6.3 to 6.75 Gbit/s for "
            "one migration: Van Hoof 2013; two at once: techcommunity 396609.",
        ),
        Host(
            "windows_2016",
            {"stop_rule": "hyperv", "transport": "compression", "stream_limit_gbps": _ONE_STREAM_2012R2},
            2,
            "as 2012 R2, without needing a cluster (windowsserverdocs live-migration-overview).",
        ),
        Host(
            "windows_2019",
            {"stop_rule": "hyperv", "transport": "compression"},
            2,
            "as 2012 R2 (windowsserverdocs live-migration-overview); two at once: techcommunity 396609.",
        ),
        Host(
            "windows_2022",
            {"stop_rule": "hyperv", "transport": "compression", "smb_limit_share": 0.25},
            1,
            "from the update of 2022-09: one migration at once in a cluster, SMB limited to 25 % of "
            "the sum of the node's adapters: techcommunity 3709680, windowsserverdocs 2025-10-23.",
        ),
        Host(
            "windows_2025",
            {"stop_rule": "hyperv", "transport": "compression", "smb_limit_share": 0.25},
            1,
            "as 2022; what it changed beside that is not documented for the duration of a migration.",
        ),
    )
}

_QEMU_HANDOFF = {"handoff_ms": 10.0, "transport": "tcpip"}
"""Its hand-off: 1.5 ms in this laboratory, 250 to 800 with 64 virtqueues (lore.kernel.org 2022)."""
_QEMU_SPREAD = {"handoff_ms": (1.5, 88.0)}
"""From this laboratory's, whose machine has no devices, to the longest pause in a public Proxmox VE log."""

PLATFORMS: Mapping[str, Host] = {
    h.name: h
    for h in (
        Host(
            "proxmox",
            {"stop_rule": "proxmox", "setup_s": 6.0, **_QEMU_HANDOFF},
            1,
            "QemuMigrate.pm (August 2026). 5 to 7 s around the transfer in four public task logs (2 to 5 "
            "before, 2 to 3 after; those of the form tests and Telmate/proxmox-api-go 115); pauses of 7 to "
            "88 ms there.",
            transports=("tcpip",),
            spread={"setup_s": (5.0, 7.0), **_QEMU_SPREAD},
        ),
        Host(
            "nova",
            {"stop_rule": "nova", **_QEMU_HANDOFF},
            1,
            "conf/libvirt.py: one at once by default. No source gives the time around it.",
            transports=("tcpip",),
            spread=_QEMU_SPREAD,
        ),
        Host(
            "kubevirt",
            {"stop_rule": "kubevirt", **_QEMU_HANDOFF},
            2,
            "MigrationConfiguration: 2 outgoing a node, 5 in the cluster; older versions hold a migration to "
            "64 MiB/s; no source gives the time around it.",
            transports=("tcpip",),
            spread=_QEMU_SPREAD,
        ),
        Host(
            "azure_local",
            {**HOSTS["windows_2025"].parameters, "setup_s": 12.0},
            1,
            "as windows_2025; the cluster's orchestration adds 10 s and more a machine (public runbook of "
            "2026-09: 16.4 s for one idle machine of 4 GB, 34.8 s for two; on 10 Gbit/s that is 14 and 15 s "
            "a machine).",
            spread={"setup_s": (10.0, 15.0)},
        ),
    )
}
"""Other platforms, by the same parameters; what is not among them no source gives."""

ADAPTERS: tuple[Adapter, ...] = (
    Adapter("ConnectX-3, WinOF 5.50", "Windows", "docs.nvidia.com WINOFv55053000", receive_default=4096),
    Adapter(
        "ConnectX-4, -5, -6, WinOF-2",
        "Windows",
        "public administrator's script",
        note="an administrator sets both to 4096; the defaults are not published",
    ),
    Adapter(
        "QLogic 3100",
        "Windows",
        "manualsonline, QLogic 3100, page 53",
        receive_default=16384,
        receive_most=32768,
    ),
    Adapter("Intel 82599 (X520)", "Linux", "public ethtool output", receive_most=4096, send_most=4096),
    Adapter("Intel XL710", "Linux", "docs.oracle.com E75876", receive_default=512, receive_most=4096),
    Adapter(
        "Broadcom bnxt 25G",
        "Solaris",
        "docs.oracle.com E87989",
        receive_default=1024,
        receive_most=4096,
        send_default=1024,
        send_most=4096,
    ),
    Adapter(
        "Broadcom BCM5709",
        "Linux",
        "public ethtool output",
        receive_default=255,
        receive_most=1020,
        send_default=255,
        send_most=255,
    ),
    Adapter(
        "Broadcom BCM5720",
        "Linux",
        "public ethtool output",
        receive_default=200,
        receive_most=2047,
        send_default=511,
        send_most=511,
    ),
    Adapter(
        "Intel X520, X710, E810",
        "Windows",
        "intel.com article 000005783 (not public in figures)",
        note="counts on Windows were not found",
    ),
)


def host(name: str) -> Host:
    """The preset of a version of Windows Server or of a platform; UserError with the nearest name else."""
    known = {**HOSTS, **PLATFORMS}
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}"
        raise UserError(f"there is no host preset {name!r}; {hint}")
    return known[name]
