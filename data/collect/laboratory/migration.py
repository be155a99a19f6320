"""One migration: two machines, a link, the rule that is played, and what was seen, as one record."""

from __future__ import annotations

import os
import re
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data.collect.laboratory import guest, leftovers, link, machine
from data.collect.laboratory.configurations import Configuration
from data.collect.laboratory.machine import LaboratoryError, Machine
from data.collect.laboratory.rules import Look, Rule, rule_of
from data.collect.qemu import ENDED, Qmp

BEFORE_S = 3.5
"""How long the guest writes before it is moved."""
POLL_S = 0.02
POLLED = ("dirty-sync-count", "transferred", "remaining", "dirty-pages-rate")
"""Of QEMU's answer about memory what is kept of a poll; then expected downtime [ms] and throttle [%]."""
PORT = 4444
CAPABILITIES = {
    "autoconverge": {"source": ["auto-converge"], "target": []},
    "postcopy": {"source": ["postcopy-ram"], "target": ["postcopy-ram", "postcopy-blocktime"]},
}


@dataclass
class Course:
    """What was seen while a migration ran; times in seconds since its start."""

    polls: list[list[Any]] = field(default_factory=list)
    changes: list[tuple[float, int | None, str]] = field(default_factory=list)
    cancelled: bool = False
    memory: dict[str, Any] = field(default_factory=dict)
    """QEMU's last word about memory: it has none once a migration is cancelled."""


@dataclass(frozen=True)
class Pair:
    """The machine that leaves and the one that it becomes, each with its monitor."""

    source: Machine
    target: Machine
    ask_source: Qmp
    ask_target: Qmp


def measure(one: Configuration, image: Path, accelerator: str) -> dict[str, Any]:
    """Measure one configuration; nothing that was started or made for it stays."""
    with ExitStack() as undo:
        folder = Path(undo.enter_context(leftovers.folder()))
        spaces = undo.enter_context(link.limited(leftovers.NAMESPACES, one.link_mbit_per_s))
        options = [*machine.hardware(accelerator), "-m", str(one.memory_mib), "-kernel", str(image),
                   "-append", guest.command_line(one)]  # fmt: skip
        target = machine.started(undo, folder, spaces[1], [*options, "-incoming", "defer"])
        source = machine.started(undo, folder, spaces[0], options)
        pair = Pair(source, target, source.session(undo), target.session(undo))
        source.wait_for(lambda: guest.ready(source.serial), "the guest filled its memory")
        written_from = time.monotonic()
        processor = machine.processor_of(source, pair.ask_source)
        time.sleep(BEFORE_S)
        shares = processor.shares()
        return recorded(one, pair, written_from) | {"processor_pct": shares}


def recorded(one: Configuration, pair: Pair, written_from: float) -> dict[str, Any]:
    """Move the guest, and tell everything about it."""
    prepare(one, pair)
    load = os.getloadavg()[0]
    before = guest.reports(pair.source.serial)
    if len(before) < 4:
        raise LaboratoryError(f"the guest told only {len(before)} times what it wrote in {BEFORE_S} s")
    offset_s = time.monotonic() - written_from
    pair.ask_source.ask("migrate", {"uri": f"tcp:{link.TARGET}:{PORT}"})
    course = followed(pair, rule_of(one), one)
    after = guest.reports(pair.target.serial)
    end = ended(pair)
    # The target of a cancelled migration ends by itself, and hears no more questions.
    told = {} if course.cancelled else pair.ask_target.ask("query-migrate")
    return {
        "key": one.key,
        "configuration": asdict(one),
        "status": "timeout" if course.cancelled else end["status"],
        "error": end.get("error-desc"),
        "end": {"ram": course.memory} | end,
        "postcopy_blocked_ms": told.get("postcopy-blocktime"),
        "polls": course.polls,
        "changes": course.changes,
        "syncs": synchronisations(pair.source.trace.read_text(errors="replace")),
        "written_before": before,
        "written_during": guest.reports(pair.source.serial)[len(before) - 1 :],
        "written_after": after,
        "started_after_s": offset_s,
        "host_load": load,
    }


def prepare(one: Configuration, pair: Pair) -> None:
    """Capabilities and limits on both sides; the target listens."""
    wanted = CAPABILITIES.get(one.rule, {"source": [], "target": []})
    for name, qmp in (("source", pair.ask_source), ("target", pair.ask_target)):
        on = [{"capability": each, "state": True} for each in wanted[name]]
        if on:
            qmp.ask("migrate-set-capabilities", {"capabilities": on})
        qmp.ask("migrate-set-parameters", {"max-bandwidth": 10**11, "downtime-limit": one.first_limit_ms})
    pair.ask_target.ask("migrate-incoming", {"uri": f"tcp:{link.TARGET}:{PORT}"})


def followed(pair: Pair, rule: Rule, one: Configuration) -> Course:
    """Look at the migration again and again, play the rule, and cancel what takes too long."""
    course, begun, qmp = Course(), time.monotonic(), pair.ask_source
    course.changes.append((0.0, one.first_limit_ms, "limit"))
    throttle = 0
    while True:
        answer = qmp.ask("query-migrate")
        at = time.monotonic() - begun
        course.polls.append(poll(at, answer))
        course.memory = answer.get("ram", course.memory)
        if (now := answer.get("cpu-throttle-percentage", 0)) != throttle:
            throttle = now
            course.changes.append((round(at, 3), None, f"throttle {now}"))
        if answer["status"] in ENDED:
            return course
        if answer["status"] == "active" and not course.cancelled:
            play(qmp, rule, course, look_of(at, answer))
        if at > one.timeout_s and not course.cancelled:
            qmp.ask("migrate_cancel")
            course.cancelled = True
        if at > one.timeout_s + 60:
            raise LaboratoryError(f"QEMU did not end its migration within a minute of {one.timeout_s:g} s")
        time.sleep(POLL_S)


def ended(pair: Pair) -> dict[str, Any]:
    """QEMU's last answer; the total time comes a moment after the word that it has completed."""
    answer: dict[str, Any] = pair.ask_source.ask("query-migrate")

    def told() -> bool:
        answer.update(pair.ask_source.ask("query-migrate"))
        return answer["status"] != "completed" or bool(answer.get("total-time"))

    pair.source.wait_for(told, "QEMU told the total time", 10)
    return answer


def poll(at: float, answer: dict[str, Any]) -> list[Any]:
    """A line of the course: seconds since the start, then :data:`POLLED` and what follows it."""
    ram = answer.get("ram", {})
    rest = [answer.get("expected-downtime"), answer.get("cpu-throttle-percentage")]
    return [round(at, 3), *(ram.get(name) for name in POLLED), *rest]


def look_of(at: float, answer: dict[str, Any]) -> Look:
    """What a manager sees at a poll."""
    ram = answer["ram"]
    return Look(at, ram["dirty-sync-count"], ram["transferred"], ram["remaining"])


def play(qmp: Qmp, rule: Rule, course: Course, look: Look) -> None:
    """Do what the rule wants now, and note it."""
    order = rule.order(look)
    if order is None:
        return
    if order.postcopy:
        qmp.ask("migrate-start-postcopy")
        course.changes.append((round(look.time_s, 3), None, "postcopy"))
    if order.limit_ms is not None:
        qmp.ask("migrate-set-parameters", {"downtime-limit": order.limit_ms})
        course.changes.append((round(look.time_s, 3), order.limit_ms, "limit"))


def synchronisations(trace: str) -> list[tuple[float, int]]:
    """Of QEMU's trace: seconds since the start, and what it counts as dirty, for each synchronisation."""
    lines = re.findall(r"^\d+@(\d+\.\d+):(\w+) ?(.*)$", trace, re.MULTILINE)
    begun = next(
        (float(at) for at, name, said in lines if name == "migrate_set_state" and "setup" in said), None
    )
    if begun is None:
        raise LaboratoryError("QEMU traced no beginning; its log backend for traces is needed")
    ends = [(float(at) - begun, said) for at, name, said in lines if name == "migration_bitmap_sync_end"]
    return [(round(at, 4), int(said.split()[-1])) for at, said in ends]
