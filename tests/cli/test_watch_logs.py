"""The verb watch on logs that grow: Proxmox's, which does not tell what remains, and virt-launcher's."""

import json
import math

import numpy as np
import pytest

from analysis.cli.watch import Reading, lines
from analysis.observations.files import read_all
from analysis.observations.polls import Poll, read_courses
from analysis.observations.tables import TableError
from analysis.studies.running import replay
from analysis.studies.running.course import course
from analysis.studies.running.forecast import Rule
from analysis.studies.running.guests import Told
from analysis.studies.running.outlook import outlook
from analysis.studies.running.watching import Watch

PAGE = 4096
KEY = "d3756404d701"


def grown(source, path, watched):
    """What is seen after each line of a log that grows, from the first that tells of a migration."""
    seen = []
    with path.open("w") as out:
        for line in source:
            out.write(line + "\n")
            out.flush()
            try:
                seen.append(watched.see(read_all([path]), with_levers=False))
            except TableError:
                continue
    return seen


@pytest.mark.parametrize(
    ("name", "outlooks", "status"),
    [
        ("proxmox_running.log", 2, "active"),
        ("proxmox_task.log", 5, "completed"),
        ("virt_launcher.jsonl", 1, "completed"),
        ("virt_launcher_completed.jsonl", 0, "completed"),
    ],
)
def test_a_log_that_grows_is_followed(repository, tmp_path, name, outlooks, status):
    """An outlook from the second look on (of Proxmox's the first), progress that never falls, its end."""
    source = (repository / "tests" / "observations" / "examples" / "forms" / name).read_text()
    seen = grown(source.splitlines(), tmp_path / name, Watch({"pass_limit": 20}))
    told = [one.outlook for one in seen if one.outlook]
    assert (len(told), seen[-1].status) == (outlooks, status)
    progress = [one.progress for one in told]
    assert progress == sorted(progress)
    assert all(one.end_s >= one.time_s for one in told)


def launcher(poll):
    """A poll as virt-launcher logs it, cut to whole MiB and milliseconds."""
    sent, left = (int(v // 2**20) for v in (poll.sent_bytes, poll.remaining_bytes))
    figures = (
        f"TimeElapsed:{1000 * poll.time_s:.0f}ms MemoryProcessed:{sent}MiB MemoryRemaining:{left}MiB "
        f"MemoryTotal:384MiB MemoryBandwidth:0Mbps DirtyRate:0Mbps Iteration:{poll.looks:.0f} "
        "ExpectedDowntime:100ms"
    )
    told = {"msg": f"Migration info for 1a: {figures}", "name": "web", "component": "virt-launcher"}
    return json.dumps(told | {"timestamp": f"2026-04-01T10:00:{poll.time_s:09.6f}Z"})


def test_a_log_of_virt_launcher_tells_what_qemu_does(tmp_path):
    """A near-critical migration of 12 s, half-way: its log, cut to MiB, tells the end as its polls do."""
    polls = [p for p in read_courses()[KEY][::10] if p.time_s < 6]
    path = tmp_path / "launcher.log"
    path.write_text("\n".join(map(launcher, polls)))
    now = Watch({"pass_limit": 29}).see(read_all([path]), with_levers=False).outlook
    assert now.pass_number == max(p.looks for p in polls)
    assert now.end_s == pytest.approx(12, rel=0.1)


def test_what_remains_is_not_guessed(repository):
    """The line for a person says that Proxmox does not tell it; an event has pass 0."""
    path = repository / "tests" / "observations" / "examples" / "forms" / "proxmox_running.log"
    seen = Watch().see(read_all([path]), with_levers=False)
    assert "what remains is not told | 0.881 Gbit/s | ends in" in lines(seen.outlook)[0]
    assert seen.outlook.pass_number == 0


def test_what_is_said_of_a_source_names_no_folder(repository):
    """What is piped is kept meanwhile in a folder that is nobody's business."""
    path = repository / "tests" / "observations" / "examples" / "forms" / "proxmox_running.log"
    seen = Reading(Watch(), {}).now(path)
    assert seen.record.sources[0].startswith("proxmox_running.log: taken for a task log of Proxmox VE")
    assert not any(str(path.parent) in note for note in seen.record.notes)


def test_bytes_sent_alone_tell_the_end_of_an_idle_guest():
    """8,000 of 10,000 pages have content: at 1,000 a second an idle guest ends after 8 s."""
    polls = [Poll(t, 1000 * t * (PAGE + 8), math.nan, 10_000 * PAGE) for t in np.arange(0.5, 4.1, 0.5)]
    here = course(polls)
    assert (here.blind, here.seen, here.pages_per_s) == (True, (), pytest.approx(1000))
    known = Told(dirty_pages_per_s=0.0, working_set_pages=1.0, pattern="uniform", content_pages=8000.0)
    assert outlook(here, Rule(), known, with_levers=False).end_s == pytest.approx(8, rel=0.02)


def test_bytes_sent_without_the_memory_tell_nothing():
    """Neither what remains nor how much there is."""
    assert course([Poll(t, 1e6 * t, math.nan) for t in (1.0, 2.0)]) is None


def test_bytes_sent_alone_are_better_than_a_division():
    """Near-critical migrations told without what remains, their guests known: 3 % where division has 30."""
    rows, courses = replay.scenarios().iloc[::6], replay.critical()
    blind = {
        k: [p._replace(remaining_bytes=math.nan, looks=math.nan) for p in courses[k]] for k in rows.index
    }
    found = replay.moments(rows, blind, "guest too", (0.5,), widen=True)
    assert found.error.abs().median() < 0.03 < 0.2 < found.usual_rate.abs().median()
    assert found.total_s.between(found.end_s_low90, found.end_s_high90).mean() > 0.8
