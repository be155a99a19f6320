"""One round: a command is started, killed, started again, at last left alone, and what is there looked at."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.soak import processes
from tests.soak.processes import Cluster
from tests.soak.work import Work, made

PATIENCE_S = 300.0
START_S = 0.4
ENDS_S = 15.0
"""How long what a killed command started may take to notice."""
MOST = 12
"""Kills of one round."""
PARENT = "parent"
ORDERLY: dict[signal.Signals, tuple[int, ...]] = {signal.SIGINT: (130,), signal.SIGTERM: (130,)}


@dataclass
class Tally:
    """What was done and what was found wrong: kills by command, whom and how; sentences.

    ``deaf``: how many met Python's own start or end.
    """

    kills: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    deaf: int = 0
    rounds: int = 0
    faults: list[str] = field(default_factory=list)


@dataclass
class Deck:
    """Draws of which each kind comes up before one comes up again."""

    draw: random.Random
    _left: dict[str, list[Any]] = field(default_factory=dict)

    def deal(self, kinds: Iterable[Any], name: str = "") -> Any:
        """The next of some kinds, which go by a name."""
        if not self._left.get(name):
            self._left[name] = list(kinds)
            self.draw.shuffle(self._left[name])
        return self._left[name].pop()


class Kill(NamedTuple):
    """A signal to one of the processes, some seconds after the start."""

    moment: float
    whom: str
    number: signal.Signals
    deaf: bool = False  # it came in Python's own start or end, in which no program can answer a signal

    def __str__(self) -> str:
        return f"{self.number.name} of {self.whom} from {self.moment:.2f} s"


@dataclass
class Round:
    """A command in a folder of its own, with what it makes when nobody disturbs it."""

    work: Work
    folder: Path
    wanted: dict[str, bytes]
    seconds: float
    deck: Deck
    tally: Tally
    cluster: Cluster | None = None
    number: int = 0
    hit: str = ""

    def run(self, most: int) -> None:
        """Kill it up to so many times, then leave it alone."""
        self.out = self.folder / "a place"
        self._prepare()
        kills = sum(self.tally.kills.values())
        while (done := sum(self.tally.kills.values()) - kills) < most:
            if self._once(self._plan()) != 0:
                continue
            self._same(f"{self.work.name}, by itself")
            if done == sum(self.tally.kills.values()) - kills or self.number >= most:
                break
            self._prepare()
        self._finish()
        self.tally.rounds += 1
        shutil.rmtree(self.folder)

    def _prepare(self) -> None:
        """Begin anew, in an empty folder."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        self.work.prepare(self.out)

    def _plan(self) -> list[Kill]:
        """What is done to one start: the command is killed, or up to three helpers and then perhaps it."""
        whom = self.deck.deal([PARENT, *self.work.victims])
        if whom == PARENT:
            ways = [self._way(PARENT, ORDERLY | {signal.SIGKILL: ()})]
        else:
            times = 1 if whom == "scheduler" else self.deck.draw.randint(1, 3)
            ways = [self._way(whom, self.work.victims[whom]) for _ in range(times)]
            if self.deck.draw.random() < 0.4:
                ways.append(self._way(PARENT, ORDERLY | {signal.SIGKILL: ()}))
        # Most of Python's own start is left out.
        moments = sorted(
            START_S + self.deck.draw.random() * max(0.9 * self.seconds - START_S, 0.1) for _ in ways
        )
        return [Kill(moment, *way) for moment, way in zip(moments, ways, strict=True)]

    def _way(self, whom: str, signals: Iterable[signal.Signals]) -> tuple[str, signal.Signals]:
        return whom, self.deck.deal(signals, f"{whom}, signal")

    def _once(self, plan: list[Kill]) -> int:
        """Start it and kill at the moments planned; the exit code."""
        before = self._marks()
        process, begun = self._start(), time.monotonic()
        hits = [kill for planned in plan if (kill := self._landed(planned, process, begun))]
        code = self._wait(process)
        for kill in hits:
            self.tally.kills[self.work.name, kill.whom, kill.number.name] += 1
            self.tally.deaf += kill.deaf and kill.whom == PARENT
        told = f"{self.work.name}, {', '.join(map(str, hits)) or 'not hit'}"
        self._look(told, code, hits)
        self._marks_kept(told, before)
        return code

    def _landed(self, kill: Kill, process: subprocess.Popen[bytes], begun: float) -> Kill | None:
        """Wait for the moment, and for a helper to be there; send the signal. None if the command ended."""
        while process.poll() is None:
            late = time.monotonic() - begun - kill.moment
            deaf = not processes.listens(process.pid)
            if late >= 0 and self._kill(kill.whom, kill.number, process.pid):
                return kill._replace(deaf=deaf)
            time.sleep(min(0.1, max(-late, 0.02)))
        return None

    def _start(self):
        self.number += 1
        self.mark = f"{self.folder.name}-{self.number}"
        more = dict(self.work.environment)
        env = processes.environment(self.mark, more, self.folder / "kept")
        arguments = list(self.work.arguments)
        if self.work.dask:
            if self.cluster is None or self.hit == "scheduler":  # one that is still ending answers nobody
                self._new_cluster()
            self.hit = ""
            arguments += ["--scheduler", self.cluster.address]
        return processes.start(arguments, self.out, env, self.folder / "said.txt")

    def _new_cluster(self) -> None:
        self.close()
        place = self.folder / f"cluster-{self.number}"
        place.mkdir()
        self.cluster = Cluster(f"{self.folder.name}-cluster-{self.number}", place)

    def close(self) -> None:
        """End the cluster, if there is one; kernels that its killed workers left behind are faults."""
        if self.cluster is None:
            return
        until = time.monotonic() + ENDS_S
        while (left := self.cluster.victims("ipykernel_launcher")) and time.monotonic() < until:
            time.sleep(0.1)
        if left:
            self._fault(f"{self.work.name}: {len(left)} kernels of killed workers are left")
        self.cluster.close()

    def _kill(self, whom: str, number: signal.Signals, pid: int) -> bool:
        """Send the signal; False if there was nobody to get it."""
        if whom == PARENT:
            victims = [pid]
        elif self.work.dask:
            victims = self.cluster.victims(whom) if self.cluster else []
        else:
            found = processes.marked(self.mark).items()
            victims = [p for p, words in found if whom in words and p != pid]
            if whom == "zygote" and len(victims) > 1 and self.deck.draw.random() < 0.8:
                victims = sorted(victims)[1:]  # a kernel, which is a fork of it
        if not victims:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.deck.draw.choice(victims), number)
            self.hit = "scheduler" if whom == "scheduler" else self.hit
            return True
        return False

    def _wait(self, process) -> int:
        try:
            return process.wait(PATIENCE_S)
        except Exception:
            self._fault(f"{self.work.name} hangs")
            process.kill()
            return process.wait()

    def _look(self, told: str, code: int, hits: list[Kill]) -> None:
        """What must hold right after kills."""
        allowed = {0}
        for kill in hits:
            if kill.whom == PARENT:
                allowed |= set(ORDERLY.get(kill.number, [-kill.number]))
                allowed |= {-kill.number} if kill.deaf else set()
            else:
                allowed |= {1} if kill.whom != "scheduler" else {1, 2}
        if code not in allowed:
            self._fault(f"{told}: ended with {code}")
        said = (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
        if "Traceback" in said or "Exception ignored" in said or "Warning" in said:
            self._fault(f"{told}: says {said.strip()[-1500:]}")
        for pid, words in processes.left(self.mark, ENDS_S).items():
            self._fault(f"{told}: process {pid} is left: {words[:120]}")
        if not any(kill.whom == PARENT and kill.number == signal.SIGKILL for kill in hits):
            self._nothing_temporary(told)

    def _nothing_temporary(self, told: str) -> None:
        places = [self.folder / "kept" / name for name in ("temporary", "jupyter")]
        left = [str(p.relative_to(place)) for place in places for p in sorted(place.rglob("*"))]
        if left:
            self._fault(f"{told}: left {', '.join(left)}")
            for place in places:  # told once
                shutil.rmtree(place)
                place.mkdir()

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
        self._same(told)

    def _same(self, told: str) -> None:
        """What is there is what an undisturbed run makes."""
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
