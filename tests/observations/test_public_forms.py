"""What people really have: logs, monitors' texts, objects of clusters, tables of spreadsheets.

The shapes of the examples are those of public documentation and reports; names and figures are invented. What
each must give was read off its text by hand.
"""

import gzip
import lzma
import math
from pathlib import Path

import pytest

from analysis.errors import UserError
from analysis.observations import recognise
from analysis.observations.files import read_all
from analysis.observations.sources import TableError

FORMS = Path(__file__).parent / "examples" / "forms"
GIB, KIB_PER_GIB = 2.0**30, 2.0**20
U, V = "22222222-aaaa-bbbb-cccc-000000000001", "33333333-aaaa-bbbb-cccc-000000000002"
NAN = math.nan


def row(**told):
    """What a row must say."""
    return told


MIGRATIONS = {
    "proxmox_task.log": [
        row(migration="106", status="completed", memory_gib=12.6, measured_stream_gib=11.7,
             measured_blackout_s=0.059, measured_total_s=15, measured_task_s=20, blackout_target_ms=100,
             began="2025-11-14 21:47:43", ended="2025-11-14 21:47:58", target_node="nodeb")],
    "qemu_info_migrate.txt": [
        row(status="completed", measured_total_s=18.342, measured_blackout_s=0.247, measured_setup_s=0.006,
             transferred_bytes=2201476 * 1024, measured_throughput_gbps=0.98341,
             memory_gib=4211528 / KIB_PER_GIB, measured_content_pages=548201, measured_zero_pages=554101,
             measured_sync_count=5)],
    "nova_compute.log": [
        row(status="completed", began="2026-03-02 10:14:05.211", ended="2026-03-02 10:14:37.023",
             measured_total_s=31.812, memory_gib=8607571968 / GIB, measured_stream_gib=NAN)],
    "kubevirt_migration.json": [
        row(migration="mig-a", vm="web", status="completed", mode="pre-copy", measured_total_s=38,
             source_node="a", target_node="b", parallel_migrations_per_cluster=5,
             parallel_outbound_migrations_per_node=2, measured_stream_gib=NAN, transferred_bytes=NAN)],
    "winevent_format_list.txt": [
        row(vm="APP01", status="completed", measured_blackout_s=63.1, ended="2025-11-03 14:14:07",
             began=NAN),
        row(vm="APP02", status="failed", reason="the limit of 2 at once was reached",
             simultaneous_migrations=2, ended="2025-11-03 14:20:31")],
    "hyperv_20417.csv": [
        row(vm="APP01", status="completed", measured_blackout_s=63.1, ended="2025-11-03 14:14:07",
             began=NAN)],
    "own_table_semicolons.csv": [
        row(migration=key, measured_total_s=total, memory_gib=memory)
        for key, total, memory in (("a", 36.9, 4), ("b", 72.4, 8), ("c", 81.3, 8))],
    "own_table_cp1252.csv": [
        row(workload="B\N{LATIN SMALL LETTER U WITH DIAERESIS}ro", measured_total_s=36.9, memory_gib=4),
        row(measured_total_s=1072.4, memory_gib=1024)],
    "own_table_utf16_tabs.txt": [
        row(measured_total_s=36.9), row(measured_total_s=81.25, dirty_pages_per_s=5000)],
    "own_table_excel.csv": [row(measured_total_s=36.9, bandwidth_gbps=1)],
    # Proxmox VE.
    "proxmox_4.log": [
        row(migration="105", status="completed", measured_total_s=7, measured_blackout_s=0.007,
             blackout_target_ms=100, measured_task_s=14, memory_gib=1082990592 / GIB,
             measured_stream_gib=NAN),
        row(migration="106", status="cancelled", measured_total_s=NAN, measured_task_s=6)],
    "proxmox_disks.log": [
        row(migration="117", measured_total_s=75, measured_task_s=368,
             measured_storage_gib=32 + 528 / KIB_PER_GIB,
             measured_stream_gib=7.7, measured_blackout_s=0.187, blackout_target_ms=200, memory_gib=8)],
    "proxmox_journal.log": [
        row(migration="201", measured_total_s=8, measured_blackout_s=0.041, measured_task_s=14,
             began="2026-05-04 07:00:03", measured_stream_gib=3.9),
        row(migration="202", measured_total_s=7, measured_blackout_s=0.088, measured_task_s=12,
             target_node="pve3", measured_stream_gib=1.9)],
    "proxmox_clock_back.log": [
        row(migration="130", status="completed", measured_total_s=NAN, measured_task_s=24,
             measured_blackout_s=0.064, measured_stream_gib=2)],
    "proxmox_aborted.log": [
        row(migration="140", status="failed", reason="online migrate failure - aborting", measured_task_s=302,
             measured_total_s=NAN)],
    "proxmox_running.log": [row(migration="150", status="active", measured_total_s=NAN, memory_gib=8)],
    # QEMU's monitor.
    "monitor_2_12_running.txt": [
        row(status="active", memory_gib=4194560 / KIB_PER_GIB, measured_total_s=NAN, measured_setup_s=0.031)],
    "monitor_0_12_disk.txt": [
        row(status="active", memory_gib=541056 / KIB_PER_GIB, measured_storage_gib=2600960 / KIB_PER_GIB)],
    "monitor_10_1.txt": [
        row(status="completed", measured_total_s=8.728, measured_blackout_s=0.032, measured_setup_s=0.008,
             memory_gib=8.13, measured_stream_gib=620 / 1024, measured_throughput_gbps=0.64936,
             measured_content_pages=147568, measured_zero_pages=2003477, measured_sync_count=3)],
    "monitor_10_kib.txt": [
        row(status="active", memory_gib=16798280 / KIB_PER_GIB, transferred_bytes=426629 * 1024)],
    "monitor_bare_completed.txt": [
        row(status="completed", measured_total_s=9.1, measured_blackout_s=0.061,
             transferred_bytes=1090000 * 1024)],
    "monitor_failed.txt": [
        row(status="failed", reason="Unable to write to socket: Connection reset by peer")],
    "monitor_xbzrle.txt": [
        row(measured_content_pages=548000, measured_zero_pages=100000, measured_total_s=30.5)],
    # OpenStack.
    "nova_two_machines.log": [
        row(migration=U, measured_total_s=10, began="2026-06-01 08:00:01.500"),
        row(migration=V, measured_total_s=43.25, memory_gib=4, blackout_target_ms=50)],
    "nova_failed.log": [
        row(status="failed", reason="operation failed: migration job: unexpectedly failed",
             ended="2026-06-03 00:00:20.500", measured_total_s=NAN)],
    "nova_block.log": [row(measured_storage_gib=20, measured_total_s=212, memory_gib=2)],
    "nova_kilo.log": [row(measured_total_s=20.75, memory_gib=1, began="2016-06-04 12:00:00")],
    "nova_clock_jump.log": [row(measured_total_s=39.5, memory_gib=4)],
    "server_migration_show.txt": [
        row(migration=U, status="running", memory_gib=4, source_node="c1", target_node="c2")],
    "server_migration.json": [row(migration=V, status="running", transferred_bytes=6442450944)],
    # oVirt.
    "vdsm_two.log": [
        row(status="failed", began="2026-01-10 10:00:05.600", memory_gib=8272 / 1024),
        row(status="completed", measured_total_s=21.1, measured_task_s=22, memory_gib=4176 / 1024)],
    "vdsm_shares_only.log": [row(status="completed", measured_total_s=20.75, measured_task_s=23)],
    # KubeVirt.
    "virt_launcher.jsonl": [
        row(migration="web", status="completed", measured_total_s=5.501, measured_blackout_s=NAN,
             memory_gib=4112 / 1024)],
    "virt_launcher_completed.jsonl": [
        row(migration="db", status="completed", measured_total_s=7.42, measured_blackout_s=0.118,
             measured_stream_gib=2210 / 1024, measured_throughput_gbps=2.499, measured_sync_count=4)],
    "virt_launcher_old_rates.log": [row(migration="ab12", status="cancelled")],
    "kubevirt_list.yaml": [
        row(migration="evict-1", vm="db", status="failed", measured_total_s=NAN, source_line=4,
             reason="Live migration stuck for 150 seconds and has been aborted"),
        row(migration="evict-2", vm="web", status="not ended", began="2026-05-12 10:03:00"),
        row(migration="cache", status="completed", mode="post-copy", measured_total_s=21)],
    # libvirt.
    "domjobinfo_0_9.txt": [row(status="active", memory_gib=1.004)],
    "domjobinfo_units.txt": [
        row(memory_gib=1536, measured_stream_gib=1280, measured_throughput_gbps=148.64 * 8 * 2**30 / 1e9,
             measured_total_s=8.612, measured_blackout_s=0.312)],
    "domjobinfo_bare_completed.txt": [
        row(status="completed", measured_total_s=9.5, measured_blackout_s=0.055)],
    "qmp_bare_completed.jsonl": [
        row(status="completed", measured_total_s=4.55, transferred_bytes=560000000)],
    # Xen.
    "xl_migrate.txt": [row(status="completed", memory_gib=2, stop_rule="xen", measured_total_s=NAN)],
    "xl_failed.txt": [row(status="failed")],
    "xl_verbose.txt": [
        row(status="completed", measured_brownout_s=9.234, memory_gib=1, measured_total_s=NAN,
             measured_sync_count=4)],
    "xend.log": [
        row(status="completed", measured_total_s=5, measured_brownout_s=1.903, measured_content_pages=32349)],
    "xenopsd.log": [
        row(vm="12345678-aaaa-bbbb-cccc-1234567890ab", status="completed", measured_total_s=39,
             memory_gib=4, stop_rule="xen")],
    "xenopsd_failed.log": [row(status="failed", began="2026-03-11 10:05:01", measured_total_s=NAN)],
    # PowerShell.
    "measure_command.txt": [row(vm="APP01", measured_total_s=74.3821234, memory_gib=8)],
    "measure_command_german.txt": [row(vm="SQL 02", measured_total_s=125.25, memory_gib=16)],
    "winevent_cluster_utf16.txt": [
        row(vm="FS04", status="failed", ended="2026-03-12 08:10:00"),
        row(vm="FS03", status="completed", ended="2026-03-12 08:15:00")],
}  # fmt: skip
"""What the rows of each example must say; NaN: it is not told."""

SAMPLES = {
    "proxmox_task.log": {"time_s": [1, 10, 14], "stream_gib": [727.3 / 1024, 6.9, 10.6]},
    "nova_compute.log": {
        "time_s": [0, 5, 30],
        "stream_gib": [0, 2291482624 / GIB, 9482362880 / GIB],
        "remaining_gib": [NAN, 6358171648 / GIB, 251658240 / GIB],
    },
    "monitor_2_12_running.txt": {"dirty_pages_per_s": [39044], "expected_blackout_s": [1.475],
                                 "remaining_gib": [376892 / KIB_PER_GIB], "throughput_gbps": [0.86683]},
    "monitor_10_1.txt": {"time_s": [6.092, 8.728], "dirty_pages_per_s": [1200, NAN],
                         "remaining_gib": [278 / 1024, 0]},
    "nova_clock_jump.log": {"time_s": [0, 30]},
    "nova_two_machines.log": {"time_s": [0, 0, 30]},
    "server_migration_show.txt": {"time_s": [10, 35], "stream_gib": [1, 3.5]},
    "vdsm_two.log": {"time_s": [10, 20, 10], "dirty_pages_per_s": [NAN, 0, 820],
                     "throughput_gbps": [112 * 2**23 / 1e9, 112 * 2**23 / 1e9, 111 * 2**23 / 1e9]},
    "virt_launcher.jsonl": {"time_s": [2.001, 4.001], "dirty_pages_per_s": [0, 32e6 / 8 / 4096]},
    "virt_launcher_old_rates.log": {"throughput_gbps": [NAN], "dirty_pages_per_s": [NAN]},
    "proxmox_clock_back.log": {"time_s": [4, NAN]},
    "proxmox_4.log": {"remaining_gib": [32460800 / GIB] * 2},
    "domjobinfo_0_9.txt": {"remaining_gib": [937 / KIB_PER_GIB]},
    "xenopsd.log": {"time_s": [37]},
    "measure_command.txt": {"time_s": []},
}  # fmt: skip

PASSES = {
    "xend.log": [0, 6036, 3766, 40],
    "xl_verbose.txt": [0, 954, 20, 20],
    # 1000 MiB are left, 3846 were, and 64000 pages with content and 796000 without were sent in between.
    "virt_launcher.jsonl": [0, (1000 - 3846) * 256 + 64000 + 796000],
}

SAYS = {
    "proxmox_clock_back.log": "line 4: the log's clock goes back by 3590 s",
    "nova_clock_jump.log": "line 2: stamps and counted seconds run apart by",
    "virt_launcher_old_rates.log": "MemoryBandwidth:14Mbps is far below the 964.7",
    "vdsm_shares_only.log": "line 1: this version of vdsm tells shares and no bytes",
    "xl_failed.txt": "line 3: 1044480 frames may include holes",
    "xl_verbose.txt": "line 5: pages sent are made of rate and time",
    "proxmox_4.log": "line 1: its stamps tell no year",
    "kubevirt_list.yaml": "line 35: an object of kind 'Pod' tells of no migration",
    "monitor_10_1.txt": "line 6: this version of QEMU tells sizes to three digits",
    "nova_block.log": "storage was copied too: the times are of both",
    "winevent_format_list.txt": "line 8: APP02 failed: the limit of 2 at once was reached",
    "own_table_cp1252.csv": "bytes that are not UTF-8 were read as cp1252",
    "winevent_cluster_utf16.txt": "is not compatible with the hardware requirements",
}


@pytest.fixture(scope="module")
def record():
    """A function that reads an example, once."""
    seen = {}

    def read(name):
        if name not in seen:
            seen[name] = read_all([FORMS / name])
        return seen[name]

    return read


def test_every_example_is_expected_here():
    """No example lies there unread; own_table_units.csv has a test of its own."""
    assert {path.name for path in FORMS.iterdir()} == {*MIGRATIONS, "own_table_units.csv"}


@pytest.mark.parametrize("name", MIGRATIONS)
def test_rows_say_what_the_text_says(record, name):
    """Each figure right to the digit; nothing where the text tells nothing; no migration too many."""
    rows = record(name).migrations.to_dict("records")
    assert len(rows) == len(MIGRATIONS[name])
    for row, wanted in zip(rows, MIGRATIONS[name], strict=True):
        for column, value in wanted.items():
            found = row.get(column, NAN)
            assert (
                found == pytest.approx(value, rel=1e-9, nan_ok=True)
                if not isinstance(value, str)
                else value == found
            ), column


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_say_what_the_text_says(record, name):
    """The moments of a migration, each figure right to the digit."""
    samples = record(name).samples
    for column, values in SAMPLES[name].items():
        assert samples[column].tolist() == pytest.approx(values, rel=1e-9, nan_ok=True), column


@pytest.mark.parametrize("name", PASSES)
def test_looks_count_the_dirty_pages(record, name):
    """Xen's tools count them themselves; virt-launcher's follow from pages sent and left."""
    assert record(name).passes.dirtied_pages.tolist() == PASSES[name]


@pytest.mark.parametrize("name", SAYS)
def test_gaps_are_told_with_file_and_line(record, name):
    """What is missing or odd is said once, and where."""
    told = [note for note in record(name).notes if SAYS[name] in note]
    assert len(told) == 1
    assert name in told[0]


@pytest.mark.thorough
@pytest.mark.parametrize("name", MIGRATIONS)
def test_a_file_without_its_last_lines_tells_no_end_it_did_not_see(name, tmp_path):
    """Cut after one of its lines, no total, pause or end appears that the whole does not tell."""
    raw = (FORMS / name).read_bytes()
    if b"\0" in raw or name.startswith("own"):
        return
    lines = raw.splitlines(keepends=True)
    cuts = range(1, len(lines), 1 + len(lines) // 8)
    whole = read_all([FORMS / name]).migrations
    totals = set(whole.measured_total_s.dropna())
    path = tmp_path / name
    for end in cuts:
        path.write_bytes(b"".join(lines[:end]))
        try:
            found = read_all([path]).migrations
        except UserError:
            continue
        assert set(found.measured_total_s.dropna()) <= totals
        assert len(found) <= len(whole)


UNITS = {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}


@pytest.mark.parametrize("unit", UNITS)
def test_every_unit_of_a_size_is_read_as_that(unit, tmp_path):
    """Proxmox, domjobinfo and QEMU's new monitor write whichever unit fits."""
    texts = {
        "p.log": "2026-01-01 00:00:00 starting online/live migration on x\n"
        f"2026-01-01 00:00:01 migration active, transferred 3.5 {unit} of 7.0 {unit} VM-state\n",
        "d.txt": f"Job type: Unbounded\nTime elapsed: 1000 ms\nData processed: 3.500 {unit}\n"
        f"Memory total: 7.000 {unit}\n",
        "m.txt": "(qemu) info migrate\nStatus: active\nTime (ms): total=1000\nRAM info:\n"
        f"  Sizes: total=7 {unit}\n"
        f"  Transfers: transferred=3.5 {unit}, remain=3 {unit}\n",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        (sample,) = read_all([path]).samples.to_dict("records")
        assert sample["stream_gib"] == pytest.approx(3.5 * UNITS[unit] / GIB)
        assert sample["memory_gib"] == pytest.approx(7 * UNITS[unit] / GIB)


@pytest.mark.parametrize(("name", "old", "new"), [
    ("monitor_bare_completed.txt", "240000 kbytes", "240000 kB"),
    ("monitor_10_1.txt", "459 MiB, remain", "459 MB, remain"),
    ("virt_launcher.jsonl", "MemoryProcessed:250MiB", "MemoryProcessed:250ms"),
])  # fmt: skip
def test_a_unit_that_means_something_else_is_no_figure(name, old, new, tmp_path):
    """Told with its line and left out: no figure is better than one in a unit that nobody knows."""
    text = (FORMS / name).read_text(encoding="utf-8")
    path = tmp_path / name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = read_all([path])
    assert math.isnan(found.samples.stream_gib.iloc[0])
    assert any("line" in note and ("unit" in note or "is not" in note) for note in found.notes)


JSONS = ["{}", "[]", "5", '"x"', "null", "[[[]]]", '{"a": {}}', '{"status": {}}', '{"status": {"phase": []}}',
         '{"status": ["a"], "ram": {}}', '{"kind": "VirtualMachineInstanceMigration", "status": 5}',
         '{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "status": {"phase": "a"}}',
         '{"return": {"status": {"a": {}}}}', '{"migration": {}}', '{"items": {"a": 1}}',
         '{"memory_processed_bytes": 5, "status": {}}']  # fmt: skip
ODD_JSONS = ['{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration", "metadata": 7}',
             '{"memory_processed_bytes": {"a": 1}, "status": "running"}',
             '{"migrations": [{"memory_processed_bytes": [], "status": "completed"}]}',
             '{"known": {"memory_gib": {}}, "status": "active"}',
             '{"status": "active", "ram": {"total": {}}}',
             '{"msg": "Migration info for x: TimeElapsed:5ms"}']  # fmt: skip
"""A migration can be told from these, and none of its figures."""


@pytest.mark.parametrize("text", JSONS)
def test_any_json_ends_in_a_sentence(text, tmp_path):
    """Whatever stands where another thing is due."""
    path = tmp_path / "any.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"any\.json"):
        read_all([path])


@pytest.mark.parametrize("text", ODD_JSONS)
def test_json_with_odd_figures_tells_none(text, tmp_path):
    """There is a migration, and nothing that was not told of it."""
    path = tmp_path / "any.json"
    path.write_text(text, encoding="utf-8")
    rows = read_all([path]).migrations
    assert len(rows) == 1
    assert rows[["measured_total_s", "measured_blackout_s", "measured_stream_gib"]].isna().all().all()


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_packed_log_is_the_log(pack, tmp_path):
    """As logrotate leaves it."""
    path = tmp_path / "task.log.1"
    path.write_bytes(pack((FORMS / "proxmox_task.log").read_bytes()))
    assert read_all([path]).migrations.measured_total_s.tolist() == [15]


def test_a_packed_log_that_is_cut_off_is_told(tmp_path):
    """Nothing is read of half a package."""
    path = tmp_path / "task.log.1.gz"
    path.write_bytes(gzip.compress((FORMS / "proxmox_task.log").read_bytes())[:-40])
    with pytest.raises(TableError, match=r"packed with gzip, and cannot be unpacked: it is cut off"):
        read_all([path])


def test_parts_of_a_rotated_log_are_one_log(tmp_path):
    """A migration goes on over the rotation, whatever the order of the files; apart it has no end."""
    lines = (FORMS / "nova_two_machines.log").read_bytes().splitlines(keepends=True)
    older, newer = tmp_path / "nova-compute.log.2.gz", tmp_path / "nova-compute.log.1"
    older.write_bytes(gzip.compress(b"".join(lines[:4])))
    newer.write_bytes(b"".join(lines[4:]))
    whole = read_all([FORMS / "nova_two_machines.log"]).migrations.measured_total_s.tolist()
    found = read_all([newer, older])
    assert found.migrations.measured_total_s.tolist() == whole == [10, 43.25]
    assert found.sources[0].startswith(
        f"{older}, {newer}: taken for parts of a log of OpenStack's nova-compute"
    )
    assert math.isnan(read_all([older]).migrations.measured_total_s.iloc[0])


def test_logs_of_different_machines_are_two_logs(tmp_path):
    """The same name in two folders is no rotation."""
    paths = []
    for node in ("c1", "c2"):
        (tmp_path / node).mkdir()
        paths.append(tmp_path / node / "nova-compute.log")
        paths[-1].write_bytes((FORMS / f"nova_{'block' if node == 'c1' else 'kilo'}.log").read_bytes())
    assert read_all(paths).migrations.measured_total_s.tolist() == [212, 20.75]


def test_a_log_that_tells_of_a_migration_far_down_is_found(tmp_path):
    """A service's log is mostly of other things: the first line that counts may be the 5,000th."""
    path = tmp_path / "nova-compute.log"
    other = "2026-03-02 10:00:00.000 7 DEBUG nova.compute [-] Running periodic task\n"
    path.write_text(5000 * other + (FORMS / "nova_compute.log").read_text(encoding="utf-8"), encoding="utf-8")
    assert recognise.recognise(path) == "nova"
    assert read_all([path]).migrations.source_line.tolist() == [5004]


def test_no_form_is_taken_for_another():
    """Each example is recognised as what its name says, and none as a table or as QEMU's JSON by default."""
    kinds = {path.name: recognise.recognise(path) for path in FORMS.iterdir()}
    begins = {"proxmox": "proxmox", "nova": "nova", "vdsm": "vdsm", "virt_launcher": "virt-launcher",
              "xl_": "xen", "xend": "xen", "xenopsd": "xenopsd", "kubevirt": "kubevirt",
              "server": "openstack",
              "monitor": "monitor", "qemu_info": "monitor", "qmp": "qemu", "domjobinfo": "libvirt",
              "measure": "powershell", "winevent": "events", "hyperv": "events", "own": "own"}  # fmt: skip
    for name, kind in kinds.items():
        assert kind == next(kind for begin, kind in begins.items() if name.startswith(begin)), name


def test_durations_that_contradict_are_left_out(tmp_path):
    """Ticks of one minute beside a total of two: neither is taken, and a sentence says so."""
    text = (FORMS / "measure_command.txt").read_text(encoding="utf-8").replace("743821234", "600000000")
    path = tmp_path / "m.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match="no duration of Measure-Command that can be read"):
        read_all([path])
