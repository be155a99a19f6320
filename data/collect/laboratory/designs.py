"""Random configurations near the link's limit: the list behind ``data/stops_own_migrations.csv``.

    python3 -m data.collect.laboratory.designs --seed 19 --rows 22 --out near_the_limit.csv

Guests of 224 to 320 MiB on links of 150 to 300 Mbit/s, that write 0.6 to 1.4 of what the link carries: a
first pass of 4 to 12 s. A working set is small enough for a pass to end, and for the next to be one.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from data.collect.laboratory.configurations import Configuration, write_list

LOW, HIGH = 0.6, 1.4
GROWING = ("steps", "ramp", "doubling")
SHARES = (0, 20, 35, 50)
"""Processor shares of throttled guests: none, and such that a throttle of 60 to 80 % bites."""


def near_the_limit(rows: int, seed: int) -> list[Configuration]:
    """Auto-converge, growing limits and post-copy, so many rows of each, in random order; then plain ones."""
    dice = random.Random(seed)
    made = [
        one for k in range(rows) for one in (throttled(dice, k), growing(dice, k), postcopied(dice, k, rows))
    ]
    dice.shuffle(made)
    plain = {"group": "own-fixed", "rule": "fixed", "timeout_s": 60.0}
    return made + [drawn(dice, first_limit_ms=dice.choice((30, 100)), **plain) for _ in range(rows // 2)]


def drawn(dice: random.Random, **more: Any) -> Configuration:
    """A guest and a link, with the writing drawn evenly over the range."""
    link, ratio = dice.randrange(150, 301, 10), dice.uniform(LOW, HIGH)
    filled = dice.randrange(128, 225, 16)
    return Configuration(
        memory_mib=filled + 96,
        filled_mib=filled,
        working_set_mib=dice.randrange(32, filled * 3 // 4, 8),
        write_rate_pages_per_s=round(ratio * link * 1e6 / 8 / 4096),
        write_pattern=dice.choice(("uniform", "uniform", "hotcold", "zipf")),
        link_mbit_per_s=link,
        **more,
    )


def throttled(dice: random.Random, k: int) -> Configuration:
    """A row of auto-converge."""
    share, first = SHARES[k % len(SHARES)], dice.choice((30, 100))
    kind = {"group": "own-autoconverge", "rule": "autoconverge", "timeout_s": 60.0}
    return drawn(dice, processor_share_pct=share, first_limit_ms=first, **kind)


def growing(dice: random.Random, k: int) -> Configuration:
    """A row of a limit that grows: nova's, KubeVirt's and Proxmox VE's in turn."""
    rule = GROWING[k % len(GROWING)]
    more: dict[str, Any] = {}
    if rule != "doubling":
        more = {"ceiling_ms": dice.choice((500, 1000)), "steps": 10 if rule == "steps" else 7,
                "step_every_s": dice.choice((1.0, 2.0))}  # fmt: skip
    if rule == "ramp":
        more["after_sync"] = 3
    return drawn(
        dice, group="own-growing", rule=rule, first_limit_ms=dice.choice((30, 50)), timeout_s=60.0, **more
    )


def postcopied(dice: random.Random, k: int, rows: int) -> Configuration:
    """A row of post-copy: the switch comes at a time spread from the first pass to well after it."""
    one = drawn(dice, group="own-postcopy", rule="postcopy", first_limit_ms=30, timeout_s=60.0)
    first_pass_s = one.filled_mib * 2**20 * 8 / (one.link_mbit_per_s * 1e6)
    at = first_pass_s * (0.4 + 1.2 * (k + 0.5) / rows)
    return replace(one, postcopy_at_s=round(at, 1))


@click.command()
@click.option("--rows", default=22, show_default=True, help="Rows of each of the three ways.")
@click.option("--seed", default=19, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(rows: int, seed: int, out: Path) -> None:
    """Write a list of random configurations near the link's limit."""
    write_list(out, near_the_limit(rows, seed))


if __name__ == "__main__":
    main()
