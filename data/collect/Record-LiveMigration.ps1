<#
.SYNOPSIS
Records the performance counters and events of live migrations on a Hyper-V host.

.DESCRIPTION
NOT RUN ON WINDOWS BY THIS STUDY: written from documentation, with care; please report what differs on your host.

Run it on the sending host, in an elevated PowerShell (5.1 or later), before the migration begins; stop it with
Ctrl+C, or let it end after -Seconds. It only reads: no setting of the host is changed. It writes to -Folder

  counters.csv   a row a value, once a second: TimeStamp, Path (English), Value
  events.csv     the events of live migrations since the start: TimeCreated, Id, ProviderName, Properties, Message
  events.xml     the same events in the log's own XML
  known.csv      the memory of each running machine, which no counter tells: migration, memory_gib

and they are read, on any machine, by
  python -m analysis observe counters.csv events.csv known.csv

.PARAMETER Folder
Where to write; made if it is not there. Files of an earlier recording are not overwritten.

.PARAMETER Seconds
How long to record, 0 for until Ctrl+C.

.EXAMPLE
.\Record-LiveMigration.ps1 -Folder C:\Temp\migration -Seconds 600
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $Folder,
    [ValidateRange(0, 86400)] [int] $Seconds = 0
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

# English names; on a Windows in another language they are translated below, by their numbers in the registry.
$wanted = [ordered]@{
    'Hyper-V VM Live Migration' = @(
        'Transfer Pass: Number', 'Transfer pass: Dirty Page Count', 'Transfer Pass: Is blackout',
        'Transfer pass: CPU Cap', 'Memory Walker: Uncompressed Bytes Sent',
        'Memory Walker: Bytes Sent for Compression', 'Compressor: Compressed Bytes Sent',
        'Compressor: Enabled Threads', 'TCP Transport: Bytes Sent/sec',
        'TCP Transport: Posted Receive Buffer Count', 'TCP Transport: Total buffer count',
        'SMB Transport: Bytes Sent/sec', 'SMB Transport: Bytes Sent')
    'Network Adapter' = @('Bytes Sent/sec', 'Packets Received Discarded', 'Packets Outbound Discarded')
}
$eventIds = 22507, 22508, 22509, 20415, 20417, 20418, 21024, 21111, 21125, 21501, 21502
$logs = 'Microsoft-Windows-Hyper-V-Worker*', 'Microsoft-Windows-Hyper-V-VMMS*',
    'Microsoft-Windows-Hyper-V-High-Availability*'

function Get-NameTable {
    # Name by number: the registry holds number, name, number, name, ...
    param([string] $Language)
    $table = @{}
    $key = "HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Perflib\$Language"
    $list = (Get-ItemProperty -Path $key -Name Counter).Counter
    for ($i = 0; $i + 1 -lt $list.Count; $i += 2) {
        if ($list[$i] -and -not $table.ContainsKey($list[$i])) { $table[$list[$i]] = $list[$i + 1] }
    }
    $table
}

function Get-Translation {
    # Local names by English ones; an English name that stands for several numbers takes the first that differs.
    $english = Get-NameTable -Language '009'
    $local = Get-NameTable -Language 'CurrentLanguage'
    $translation = @{}
    foreach ($number in $english.Keys) {
        $name = $english[$number]
        if ($local.ContainsKey($number) -and -not $translation.ContainsKey($name)) { $translation[$name] = $local[$number] }
    }
    $translation
}

function Get-LocalName {
    param([hashtable] $Translation, [string] $Name)
    if ($Translation.ContainsKey($Name)) { $Translation[$Name] } else { $Name }
}

New-Item -ItemType Directory -Force -Path $Folder | Out-Null
$counterFile, $eventFile, $xmlFile, $knownFile = 'counters.csv', 'events.csv', 'events.xml', 'known.csv' |
    ForEach-Object { Join-Path $Folder $_ }
foreach ($file in $counterFile, $eventFile, $xmlFile, $knownFile) {
    if (Test-Path $file) { throw "$file exists already; name another folder" }
}

$translation = Get-Translation
$paths = foreach ($set in $wanted.Keys) {
    foreach ($counter in $wanted[$set]) {
        '\{0}(*)\{1}' -f (Get-LocalName $translation $set), (Get-LocalName $translation $counter)
    }
}
# Local parts of a path back into English, so that the file reads the same everywhere. Paths come in lower case.
$back = @{}
foreach ($set in $wanted.Keys) {
    $back[(Get-LocalName $translation $set).ToLowerInvariant()] = $set
    foreach ($counter in $wanted[$set]) { $back[(Get-LocalName $translation $counter).ToLowerInvariant()] = $counter }
}

function ConvertTo-EnglishPath {
    param([string] $Path)
    if ($Path -notmatch '^(?<host>\\\\[^\\]+)\\(?<set>[^(\\]+)(?<instance>\(.*\))?\\(?<counter>[^\\]+)$') { return $Path }
    $set, $counter = $Matches.set.ToLowerInvariant(), $Matches.counter.ToLowerInvariant()
    if ($back.ContainsKey($set)) { $set = $back[$set] }
    if ($back.ContainsKey($counter)) { $counter = $back[$counter] }
    '{0}\{1}{2}\{3}' -f $Matches.host, $set, $Matches.instance, $counter
}

$begun = Get-Date
$invariant = [Globalization.CultureInfo]::InvariantCulture

# Counters name a machine in lower case. Of two machines with one name nothing could be told, so neither is written.
Get-VM | Where-Object MemoryAssigned -GT 0 | Group-Object { $_.Name.ToLowerInvariant() } | Where-Object Count -EQ 1 |
    ForEach-Object {
        [pscustomobject]@{
            migration  = $_.Name
            memory_gib = ($_.Group[0].MemoryAssigned / 1GB).ToString('F3', $invariant)
        }
    } | Export-Csv -Path $knownFile -NoTypeInformation -Encoding UTF8
Write-Host "Recording to $Folder since $begun; Ctrl+C ends it."
try {
    # Instances of the migration set exist only while a migration runs, so each second asks anew what there is.
    # Get-Counter itself takes the second: rates need two looks.
    while ($Seconds -eq 0 -or ((Get-Date) - $begun).TotalSeconds -lt $Seconds) {
        $taken = Get-Counter -Counter $paths -SampleInterval 1 -MaxSamples 1 -ErrorAction SilentlyContinue
        if (-not $taken) { Start-Sleep -Milliseconds 200; continue }
        $stamp = $taken.Timestamp.ToString('yyyy-MM-dd HH:mm:ss.fff', $invariant)
        # Status 0 is a valid value; the figure is written with a decimal point in every language.
        $taken.CounterSamples | Where-Object Status -EQ 0 | ForEach-Object {
            [pscustomobject]@{
                TimeStamp = $stamp
                Path      = ConvertTo-EnglishPath $_.Path
                Value     = $_.CookedValue.ToString('F6', $invariant)
            }
        } | Export-Csv -Path $counterFile -Append -NoTypeInformation -Encoding UTF8
    }
}
finally {
    # Also after Ctrl+C: what was recorded stays, and the events of that time are added.
    $found = @(Get-WinEvent -ListLog $logs -ErrorAction SilentlyContinue | Where-Object RecordCount -GT 0 |
        ForEach-Object {
            Get-WinEvent -FilterHashtable @{ LogName = $_.LogName; Id = $eventIds; StartTime = $begun } -ErrorAction SilentlyContinue
        } | Sort-Object TimeCreated)
    $found | ForEach-Object {
        [pscustomobject]@{
            TimeCreated  = $_.TimeCreated.ToString('yyyy-MM-dd HH:mm:ss.fff', $invariant)
            Id           = $_.Id
            ProviderName = $_.ProviderName
            Properties   = ($_.Properties | ForEach-Object { [string]$_.Value }) -join '|'
            Message      = $_.Message
        }
    } | Export-Csv -Path $eventFile -NoTypeInformation -Encoding UTF8
    '<Events>', ($found | ForEach-Object { $_.ToXml() }), '</Events>' | Set-Content -Path $xmlFile -Encoding UTF8
    Write-Host "$($found.Count) events of live migrations; the recording is in $Folder"
}
