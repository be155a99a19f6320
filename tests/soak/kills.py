"""One round: a command is started, killed, started again, at last left alone, and what is there looked at."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak import processes
from tests.soak.processes import Cluster
from tests.soak.work import Work, made

PATIENCE_S = 300.0
ENDS_S = 15.0
"""How long what a killed command started may take to notice."""
MOST = 8
"""Kills of one round."""
ORDERLY = {signal.SIGINT: (130,), signal.SIGTERM: (130,)}


@dataclass
class Tally:
    """What was done and what was found wrong: kills by command, whom and how; sentences."""

    kills: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rounds: int = 0
    ended: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Round:
    """A command in a folder of its own, with what it makes when nobody disturbs it."""

    work: Work
    folder: Path
    wanted: dict[str, bytes]
    seconds: float
    draw: random.Random
    tally: Tally
    cluster: Cluster | None = None
    number: int = 0

    def run(self, most: int) -> None:
        """Kill it up to so many times, then leave it alone."""
        self.out = self.folder / "a place"
        self.out.mkdir(parents=True)
        self.work.prepare(self.out)
        for _ in range(most):
            code = self._once(self.draw.choices(*self._ways())[0])
            if code == 0:
                break
        self._finish()
        self.tally.rounds += 1
        shutil.rmtree(self.folder)

    def _ways(self) -> tuple[list[tuple[str, signal.Signals]], list[int]]:
        parent = [("parent", s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)]
        helpers = [(word, signal.SIGKILL) for word in self.work.victims]
        return [*parent, *helpers], [1] * 3 + [2 if word != "scheduler" else 1 for word in self.work.victims]

    def _once(self, way: tuple[str, signal.Signals]) -> int:
        """Start it and kill once, at a moment drawn; the exit code."""
        whom, number = way
        before = self._marks()
        process = self._start()
        # Python's own start, in which no program can answer a signal, is left out.
        time.sleep(0.4 + self.draw.random() * self.seconds)
        hit = self._kill(whom, number, process.pid) if process.poll() is None else False
        code = self._wait(process)
        told = f"{self.work.name}, {number.name} of {whom}"
        if hit:
            self.tally.kills[self.work.name, whom, number.name] += 1
        self._look(told, code, hit, whom, number)
        self._marks_kept(told, before)
        return code

    def _start(self):
        self.number += 1
        self.mark = f"{self.folder.name}-{self.number}"
        more = dict(self.work.environment)
        env = processes.environment(self.mark, more, self.folder / "kept")
        arguments = list(self.work.arguments)
        if self.work.dask:
            if self.cluster is None or not self.cluster.victims("scheduler"):
                self._new_cluster()
            arguments += ["--scheduler", self.cluster.address]
        return processes.start(arguments, self.out, env, self.folder / "said.txt")

    def _new_cluster(self) -> None:
        if self.cluster is not None:
            self.cluster.close()
        place = self.folder / f"cluster-{self.number}"
        place.mkdir()
        self.cluster = Cluster(f"{self.folder.name}-cluster-{self.number}", place)

    def _kill(self, whom: str, number: signal.Signals, pid: int) -> bool:
        """Send the signal; False if there was nobody to get it."""
        if whom == "parent":
            victims = [pid]
        elif self.work.dask:
            victims = self.cluster.victims(whom)
        else:
            found = processes.marked(self.mark).items()
            victims = [p for p, words in found if whom in words and p != pid]
            if whom == "zygote" and len(victims) > 1 and self.draw.random() < 0.8:
                victims = sorted(victims)[1:]  # a kernel, which is a fork of it
        for victim in self.draw.sample(victims, min(1, len(victims))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, number)
                return True
        return False

    def _wait(self, process) -> int:
        try:
            return process.wait(PATIENCE_S)
        except Exception:
            self._fault(f"{self.work.name} hangs")
            process.kill()
            return process.wait()

    def _look(self, told: str, code: int, hit: bool, whom: str, number: signal.Signals) -> None:
        """What must hold right after a kill."""
        allowed = {0}
        if hit and whom == "parent":
            allowed |= {-number} if number == signal.SIGKILL else set(ORDERLY[number])
        elif hit:
            allowed |= {1} if whom != "scheduler" else {1, 2}
        if code not in allowed:
            self._fault(f"{told}: ended with {code}")
        said = (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
        if "Traceback" in said or "Exception ignored" in said or "Warning" in said:
            self._fault(f"{told}: says {said.strip()[-1500:]}")
        for pid, words in processes.left(self.mark, ENDS_S).items():
            self._fault(f"{told}: process {pid} is left: {words[:120]}")
        if not (hit and number == signal.SIGKILL):
            self._nothing_temporary(told)

    def _nothing_temporary(self, told: str) -> None:
        names = [p for p in (self.folder / "kept").rglob("*") if p.parent.name in ("temporary", "jupyter")]
        if names:
            self._fault(f"{told}: left {', '.join(p.name for p in names)}")

    def _marks(self) -> dict[str, str]:
        """How often each notebook ran that is finished."""
        marks, records = self.out / "marks", self.out / "out" / "executed"
        done = {
            p.stem.rpartition("=")[2] for p in records.glob("*.json") if '"failure": null' in p.read_text()
        }
        return {n: (marks / n).read_text() for n in done if (marks / n).exists()}

    def _marks_kept(self, told: str, before: dict[str, str]) -> None:
        after = self._marks()
        for n, runs in before.items():
            if after.get(n) != runs:
                self._fault(f"{told}: notebook {n}, which was finished, was lost or run again")

    def _finish(self) -> None:
        """Leave it alone: everything must be there as if nothing had happened, and nothing else."""
        told = f"{self.work.name}, left alone"
        before = self._marks()
        process = self._start()
        code = self._wait(process)
        said = (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
        if code != 0:
            self._fault(f"{told}: ended with {code}: {said.strip()[-1500:]}")
        self._marks_kept(told, before)
        for pid, words in processes.left(self.mark, ENDS_S).items():
            self._fault(f"{told}: process {pid} is left: {words[:120]}")
        self._nothing_temporary(told)
        found = made(self.out)
        for name in sorted(found.keys() | self.wanted.keys()):
            if found.get(name) != self.wanted.get(name):
                self._fault(f"{told}: {name} {_how(found.get(name), self.wanted.get(name))}")

    def _fault(self, sentence: str) -> None:
        self.tally.faults.append(sentence)
        print(f"FAULT {sentence}", flush=True)


def _how(found: bytes | None, wanted: bytes | None) -> str:
    """How a file is other than it should be; where it differs, from the first place on."""
    if found is None or wanted is None:
        return "is missing" if found is None else "is new"
    at = next((i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), len(wanted))
    return f"differs: {found[at - 20 : at + 100]!r} for {wanted[at - 20 : at + 100]!r}"
