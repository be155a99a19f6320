"""``make soak``: hundreds of kills, a full disk, a folder that can only be read, two runs at once.

``python -m tests.soak --kills 300 --seed 1 --minutes 45``; exit code 1 where anything was found. Needs Linux.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.soak import places, processes
from tests.soak.kills import MOST, Cluster, Deck, Round, Tally
from tests.soak.work import ALL, Work, made


def main() -> int:
    """Soak; say what was done; the exit code."""
    asked = _asked()
    works = [w for w in ALL if not asked.only or w.name in asked.only]
    tally, begun = Tally(), time.monotonic()
    draw = random.Random(asked.seed)
    order, decks = Deck(draw), {work.name: Deck(draw) for work in works}
    with tempfile.TemporaryDirectory(prefix="soak ") as name:
        folder = Path(name)
        wanted = {}
        # Names of one length: what holds a path is then as long as what it is compared with.
        _undisturbed(works[0], folder / "first")  # may compile what the others find compiled
        for i, work in enumerate(works):
            wanted[work.name] = _undisturbed(work, folder / f"whole-{i:03}")
            print(f"{work.name} takes {wanted[work.name][1]:.1f} s undisturbed", flush=True)
        until = time.monotonic() + 60 * asked.minutes
        number = 0
        while sum(tally.kills.values()) < asked.kills and time.monotonic() < until:
            number += 1
            work = order.deal(w for w in works for _ in range(w.weight))
            files, seconds = wanted[work.name]
            one = Round(work, folder / f"round-{number:03}", files, seconds, decks[work.name], tally)
            try:
                one.run(min(MOST, asked.kills - sum(tally.kills.values())))
            finally:
                one.close()
            minutes = (time.monotonic() - begun) / 60
            print(f"{sum(tally.kills.values()):4} kills, {minutes:4.1f} min: {work.name}", flush=True)
        if not asked.only:
            for check in places.CHECKS:
                tally.faults += check(folder / check.__name__)
                print(check.__doc__.splitlines()[0], flush=True)
    return _told(tally, asked, time.monotonic() - begun)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="at least so many, unless time runs out")
    parser.add_argument("--seed", type=int, default=1, help="of moments, signals and victims")
    parser.add_argument("--minutes", type=float, default=45.0, help="of kills, after which no round begins")
    parser.add_argument("--only", action="append", help="only this command, by its name; may be repeated")
    return parser.parse_args()


def _undisturbed(work: Work, folder: Path) -> tuple[dict[str, bytes], float]:
    """What a command makes when nobody disturbs it, and the seconds that it takes."""
    out = folder / "a place"
    out.mkdir(parents=True)
    work.prepare(out)
    env = processes.environment(folder.name, work.environment, folder / "kept")
    cluster, arguments = None, list(work.arguments)
    if work.dask:
        cluster = Cluster(f"{folder.name}-cluster", folder)
        arguments += ["--scheduler", cluster.address]
    try:
        begun = time.monotonic()
        code = processes.start(arguments, out, env, folder / "said.txt").wait(600)
        assert code == 0, (folder / "said.txt").read_text()
        return made(out), time.monotonic() - begun
    finally:
        if cluster:
            cluster.close()


def _told(tally: Tally, asked: argparse.Namespace, seconds: float) -> int:
    """Print the figures; the exit code."""
    print()
    for (work, whom, number), times in sorted(tally.kills.items()):
        print(f"{times:5}  {number:8} {work}: {whom}")
    kills = sum(tally.kills.values())
    print(f"\n{kills} kills ({tally.deaf} of a command as Python starts or ends) in {tally.rounds} rounds "
          f"and {seconds / 60:.1f} min, seed {asked.seed}: {len(tally.faults)} faults")  # fmt: skip
    for fault in tally.faults:
        print(f"  {fault}")
    return int(bool(tally.faults) or kills == 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
