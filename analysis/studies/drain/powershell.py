"""A plan as PowerShell that carries it out on a failover cluster: a queue that is worked off in the plan's
order."""

from __future__ import annotations

import re

import numpy as np

from analysis.studies.drain.answer import Drain

_HEAD = """# Moves {count} machines in the order of a plan; made by `python -m analysis drain`.
# NOT RUN on Windows by those who made it: read it, then try it with -WhatIf.
[CmdletBinding(SupportsShouldProcess)]
param()
$plan = @(
{rows}
)
$perNode = @{{ {limits} }}   # migrations at once, counted at the source and at the destination
$running = @()
$waiting = [System.Collections.Generic.List[object]]$plan
"""
_QUOTES = "'\u2018\u2019\u201a\u201b"
"""What PowerShell takes for a single quotation mark: the typewriter's, and four of printers."""
_LOOP = """while ($waiting.Count -or $running) {
    $running = @($running | Where-Object {
        $group = Get-ClusterGroup -Name $_.Name
        if ($group.State -eq 'Failed') { Write-Warning "$($_.Name) failed" }
        "$($group.OwnerNode)" -ne $_.To -and $group.State -ne 'Failed'
    })
    foreach ($move in @($waiting)) {
        $out = @($running | Where-Object From -eq $move.From).Count
        $in = @($running | Where-Object To -eq $move.To).Count
        if ($out -ge $perNode[$move.From] -or $in -ge $perNode[$move.To]) { continue }
        [void]$waiting.Remove($move)
        if ($PSCmdlet.ShouldProcess($move.Name, "$($move.Kind) migration to $($move.To)")) {
            Move-ClusterVirtualMachineRole -Name $move.Name -Node $move.To -MigrationType $move.Kind -Wait 0
            $running += $move
        }
    }
    if ($running) { Start-Sleep -Seconds 1 }
}
"""


def script(found: Drain) -> str:
    """PowerShell that moves the machines of a drain, each to its node, in the plan's order.

    A plan that leaves links free for each move at full rate is carried out with one move at a time a node.
    """
    names = np.array(found.problem.cluster.names, object)
    source, to = names[found.problem.source], names[found.plan.destination]
    live = found.problem.live
    rows = [
        f"    [pscustomobject]@{{ Name = {_quoted(found.problem.names[k])}; From = {_quoted(source[k])}; "
        f"To = {_quoted(to[k])}; Kind = '{'Live' if live[k] else 'Quick'}' }}"
        for k in found.plan.order
    ]
    used = [name for name in names if name in set(source) | set(to)]
    cluster = found.problem.cluster
    limits = "; ".join(
        f"{_quoted(name)} = "
        f"{1 if found.plan.policy.room >= 1 else min(cluster.out_limit[k], cluster.in_limit[k])}"
        for k, name in enumerate(cluster.names)
        if name in used
    )
    return _HEAD.format(count=len(rows), rows="\n".join(rows), limits=limits) + _LOOP


def _quoted(text: str) -> str:
    """A text as PowerShell takes it literally: any of five quotation marks ends one, and stands when doubled.

    >>> print(_quoted("web'; Stop-Computer; '"))
    'web''; Stop-Computer; '''
    """
    return "'" + re.sub(f"([{_QUOTES}])", r"\1\1", str(text)) + "'"
