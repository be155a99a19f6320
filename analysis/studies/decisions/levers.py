"""What an administrator can change about a live migration: a table, one row a change.

A row says which parameters a change sets, what has to be at hand for it, with which other settings it works,
the PowerShell that sets it and the one that reads today's value, its price, and where that stands. To add a
lever add a row: the adviser, its table and its commands take it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis import presets
from analysis.errors import UserError
from analysis.parameters import PARAMETERS, nearest


@dataclass(frozen=True)
class Lever:
    """One change.

    ``sets``: parameters and their new values; :data:`AT_HAND` for a value that whoever asks has at hand.
    ``needs``: what has to be at hand (a name of :data:`NEEDS`), empty for a mere setting; ``without``: what
    must not be. ``works_with``:
    values of other parameters, after all changes, without which this one does nothing. ``only``: ``more`` or
    ``less`` where the change is none in the other direction; ``adds``: the value comes on top of today's.
    ``warns``: a parameter, and below which value of it the change harms. Levers that set the same parameter
    exclude each other.
    """

    name: str
    what: str
    sets: Mapping[str, Any]
    command: str
    reads: str
    price: str
    source: str
    needs: str = ""
    without: str = ""
    works_with: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    only: str = ""
    adds: bool = False
    warns: tuple[str, float, str] | None = None

    @property
    def sets_it(self) -> str:
        """The command, with the value that is at hand in its place."""
        value = self.sets[self.group]
        shown = (
            f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
        )
        return self.command.replace("<buffers>", shown)

    @property
    def group(self) -> str:
        """Levers of one group exclude each other: the first parameter that they set."""
        return next(iter(self.sets))


AT_HAND = "at hand"
"""Stands for the value that whoever asks has at hand."""
NEEDS: Mapping[str, tuple[str, str]] = {
    "rdma": ("", "adapters and switches that do RDMA"),
    "jumbo": ("", "switches that carry packets of 9000 bytes all the way"),
    "dedicated": ("", "a network for migrations alone"),
    "native": ("", "a physical adapter, or RSS in the host's virtual one"),
    "cores": ("spare_cores", "cores that can be freed, for example cores=8"),
    "buffers": ("receive_buffers", "most descriptors of the adapters, for example buffers=4096"),
    "link": ("bandwidth_gbps", "a faster link, for example link=25"),
    "version": ("version", "a later Windows Server on both hosts, for example version=windows_2025"),
}
"""What may be at hand: the parameter that its value is of (empty: it is there or not), and what it is."""
USUAL: Mapping[str, Any] = {"buffers": 4096}
"""What is at hand unless something else is said: adapters of servers have 4096 descriptors and more."""

VERSION, AT_ONCE = "version", "at_once"
"""Columns of a scenario of the adviser that are no parameters of the model."""
_OPTION = "Set-VMHost -VirtualMachineMigrationPerformanceOption "
_READ_OPTION = "(Get-VMHost).VirtualMachineMigrationPerformanceOption"
_VMHOST = "learn.microsoft.com, Set-VMHost"
_NIC = "Set-NetAdapterAdvancedProperty -Name <adapter> -RegistryKeyword "
_READ_NIC = "Get-NetAdapterAdvancedProperty -Name <adapter> -RegistryKeyword "
_NIC_SOURCE = "learn.microsoft.com, Performance tuning network adapters"
_SET_AT_ONCE = (
    "Set-VMHost -MaximumVirtualMachineMigrations <n>; (Get-Cluster).MaximumParallelMigrations = <n>"
)
_READ_AT_ONCE = "(Get-VMHost).MaximumVirtualMachineMigrations; (Get-Cluster).MaximumParallelMigrations"
_AT_ONCE_SOURCE = "techcommunity ba-p/3709680: the cluster's value, 1 since 2022-09, goes before the host's"
_OVER_TCP = {"transport": ("tcpip", "compression", "smb")}
_OVER_SMB = {"transport": ("smb", "smb_direct")}

# A table is read by rows.
# fmt: off
LEVERS: tuple[Lever, ...] = (
    Lever("version", "a later Windows Server on both hosts", {VERSION: AT_HAND},
          "Update-ClusterFunctionalLevel, after a rolling upgrade of the nodes",
          "(Get-CimInstance Win32_OperatingSystem).Caption; (Get-Cluster).ClusterFunctionalLevel",
          "licences, and an upgrade of every node; a cluster goes back no more",
          "learn.microsoft.com, Cluster operating system rolling upgrade", needs="version"),
    Lever("link", "a faster link", {"bandwidth_gbps": AT_HAND},
          "New adapters and ports; then Add-VMMigrationNetwork <subnet>",
          "(Get-NetAdapter <adapter>).LinkSpeed", "adapters, ports and cables",
          "learn.microsoft.com, Live Migration overview", needs="link", only="more"),
    Lever("tcpip", "the option TCP/IP", {"transport": "tcpip"}, _OPTION + "TCPIP", _READ_OPTION,
          "one connection, held by one core", _VMHOST),
    Lever("compression", "the option Compression", {"transport": "compression"}, _OPTION + "Compression",
          _READ_OPTION, "takes all idle cores of the source while it runs", _VMHOST,
          warns=("spare_cores", 1.0, "without spare cores nothing is compressed and guests may be slowed")),
    # Where adapters can do RDMA, SMB uses it by itself.
    Lever("smb", "the option SMB", {"transport": "smb"}, _OPTION + "SMB", _READ_OPTION,
          "processor time on both hosts; counts against the limit on SMB", _VMHOST, without="rdma"),
    Lever("smb_direct", "the option SMB with RDMA (SMB Direct)", {"transport": "smb_direct"},
          "Enable-NetAdapterRdma <adapter>; " + _OPTION + "SMB",
          "Get-NetAdapterRdma; Get-SmbClientNetworkInterface; " + _READ_OPTION,
          "RoCE needs priority flow control on every switch; counts against the limit on SMB",
          "learn.microsoft.com, SMB Direct", needs="rdma"),
    Lever("smb_limit", "no limit on SMB", {"smb_limit_share": 1.0},
          "(Get-Cluster).SetSMBBandwidthLimit = 0; Remove-SmbBandwidthLimit -Category LiveMigration",
          "Get-Cluster | Format-List *SMBBandwidth*; Get-SmbBandwidthLimit",
          "storage and heartbeats on the same adapters may starve while a machine moves",
          "windowsserverdocs, Live Migration SMB bandwidth control cluster-wide, 2025-10-23",
          works_with=_OVER_SMB, only="more"),
    Lever("smb_connections", "eight connections of SMB for each adapter", {"streams": 8.0},
          "Set-SmbClientConfiguration -ConnectionCountPerRssNetworkInterface 8",
          "(Get-SmbClientConfiguration).ConnectionCountPerRssNetworkInterface",
          "a core busy for each connection", "learn.microsoft.com, Set-SmbClientConfiguration",
          works_with={"transport": ("smb",)}, only="more"),
    Lever("receive_queues", "eight receive queues (RSS)", {"receive_queues": 8.0},
          "Set-NetAdapterRss -Name <adapter> -NumberOfReceiveQueues 8", "Get-NetAdapterRss -Name <adapter>",
          "interrupts on eight cores", _NIC_SOURCE, works_with={"transport": ("smb",)}, only="more"),
    Lever("receive_buffers", "all receive buffers of the adapter", {"receive_buffers": AT_HAND},
          _NIC + "'*ReceiveBuffers' -RegistryValue <buffers>", _READ_NIC + "'*ReceiveBuffers'",
          "some MiB of memory a queue; the adapter restarts", _NIC_SOURCE, needs="buffers",
          works_with=_OVER_TCP, only="more"),
    Lever("send_buffers", "all send buffers of the adapter", {"send_buffers": AT_HAND},
          _NIC + "'*TransmitBuffers' -RegistryValue <buffers>", _READ_NIC + "'*TransmitBuffers'",
          "some MiB of memory a queue; the adapter restarts", _NIC_SOURCE, needs="buffers",
          works_with=_OVER_TCP, only="more"),
    Lever("interrupt_moderation", "no interrupt moderation", {"interrupt_moderation_us": 0.0},
          _NIC + "'*InterruptModeration' -RegistryValue 0", _READ_NIC + "'*InterruptModeration'",
          "more interrupts: a core may become the limit, which the model does not reckon", _NIC_SOURCE,
          works_with=_OVER_TCP, only="less"),
    Lever("jumbo", "jumbo frames", {"mtu_bytes": 9000.0}, _NIC + "'*JumboPacket' -RegistryValue 9014",
          _READ_NIC + "'*JumboPacket'", "a switch or node that differs slows or breaks migrations",
          _NIC_SOURCE, needs="jumbo", only="more"),
    Lever("window", "a TCP window of 16 MiB", {"socket_buffer_kib": 16384.0},
          "Set-NetTCPSetting -SettingName DatacenterCustom -AutoTuningLevelLocal Normal",
          "Get-NetTCPSetting | Format-Table SettingName, AutoTuningLevelLocal",
          "memory of the sockets", "learn.microsoft.com, Set-NetTCPSetting", works_with=_OVER_TCP,
          only="more"),
    Lever("native_adapter", "a physical adapter, or RSS in the host's virtual one",
          {"adapter_limit_gbps": float("nan")},
          "Enable-NetAdapterRss -Name 'vEthernet (<network>)'", "Get-NetAdapterRss; Get-NetAdapterVmq",
          "a port, or cores for the virtual switch", "Savill, windowsitpro.com, 10 Gbit/s adapters",
          needs="native", works_with=_OVER_TCP),
    Lever("dedicated", "a network of its own", {"network": "dedicated"},
          "Set-VMHost -UseAnyNetworkForMigration $false; Add-VMMigrationNetwork <subnet>",
          "Get-VMMigrationNetwork; (Get-VMHost).UseAnyNetworkForMigration; Get-ClusterNetwork",
          "adapters and ports that only migrations use", "learn.microsoft.com, network I/O performance",
          needs="dedicated"),
    Lever("bandwidth_limit", "no limit on the migration's bandwidth", {"bandwidth_limit_share": 1.0},
          "Set-VMNetworkAdapter -ManagementOS -Name <adapter> -MaximumBandwidth 0; "
          "Remove-NetQosPolicy <policy>",
          "Get-VMNetworkAdapter -ManagementOS | Select-Object Name, BandwidthSetting; Get-NetQosPolicy",
          "other traffic on the link waits for migrations", "learn.microsoft.com, Set-VMNetworkAdapter",
          only="more"),
    Lever("spare_cores", "more spare cores for the compressor", {"spare_cores": AT_HAND},
          "Move-VM <other machines> <other node>, or Set-VMProcessor -VMName <other machine> -Maximum 50",
          "Get-Counter '\\Hyper-V Hypervisor Logical Processor(_Total)\\% Total Run Time'",
          "other machines move first, or get less", "Virtual PC Guy, 2013-10-29", needs="cores",
          works_with={"transport": ("compression",)}, adds=True),
    Lever("one_at_once", "one migration at a time", {AT_ONCE: 1}, _SET_AT_ONCE.replace("<n>", "1"),
          _READ_AT_ONCE, "the others wait", _AT_ONCE_SOURCE),
    Lever("two_at_once", "two migrations at a time", {AT_ONCE: 2}, _SET_AT_ONCE.replace("<n>", "2"),
          _READ_AT_ONCE, "each takes longer, and may be frozen longer", _AT_ONCE_SOURCE),
    Lever("four_at_once", "four migrations at a time", {AT_ONCE: 4}, _SET_AT_ONCE.replace("<n>", "4"),
          _READ_AT_ONCE, "each takes longer, and may be frozen longer", _AT_ONCE_SOURCE),
)
# fmt: on
BY_NAME: Mapping[str, Lever] = {lever.name: lever for lever in LEVERS}


def at_hand(text: str) -> dict[str, Any]:
    """What is at hand, from ``rdma,cores=8``; UserError for what is none, with the nearest name.

    >>> at_hand("rdma, cores=8")
    {'buffers': 4096, 'rdma': True, 'cores': 8.0}
    """
    found = dict(USUAL)
    for part in (piece.strip() for piece in text.split(",") if piece.strip()):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in NEEDS:
            near = nearest(name, NEEDS)
            hint = f"; did you mean {near!r}?" if near else "."
            raise UserError(f"nothing called {name!r} can be at hand{hint} There are {', '.join(NEEDS)}")
        found[name] = _value(name, value if equals else "")
    return found


def _value(name: str, text: str) -> Any:
    parameter, meaning = NEEDS[name]
    if not parameter:
        if text:
            raise UserError(f"{name} is at hand or not and takes no value, but was given {text!r}")
        return True
    if not text:
        raise UserError(f"{name} needs a value: {meaning}")
    if parameter == VERSION:
        return presets.host(text).name
    return float(PARAMETERS[parameter].check(text))
