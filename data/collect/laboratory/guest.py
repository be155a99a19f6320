"""The guest: built from ``guest.c``, told on its command line what to do, heard on its serial line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from data.collect.laboratory.configurations import Configuration

SOURCE = Path(__file__).with_name("guest.c")
PAGES_PER_MIB = 256
# A kernel of its own: no library, no start-up code, one segment whose header QEMU finds in the first 8 KiB.
BUILD = (
    "gcc -m32 -march=i686 -O2 -std=gnu11 -Wall -Wextra -ffreestanding -nostdlib -static -fno-pie -no-pie "
    "-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none "
    "-fno-tree-loop-distribute-patterns -Wl,-N,-Ttext=0x100000,--build-id=none"
).split()


class Report(NamedTuple):
    """What the guest says: seconds since it began to write, by its own clock, and page writes so far."""

    time_s: float
    writes: int


def build(folder: Path) -> Path:
    """The guest's image, built in a folder; CalledProcessError where the compiler fails."""
    image = folder / "guest.elf"
    subprocess.run([*BUILD, str(SOURCE), "-o", str(image)], check=True, capture_output=True, text=True)
    return image


def command_line(one: Configuration) -> str:
    """What the guest is told: memory in pages, shares in per cent, the exponent in thousandths."""
    told = {
        "filled": one.filled_mib * PAGES_PER_MIB,
        "working": one.working_set_mib * PAGES_PER_MIB,
        "rate": one.write_rate_pages_per_s,
        "pattern": one.write_pattern,
        "hot": one.hot_share_of_working_set_pct,
        "tohot": one.writes_to_hot_pct,
        "zipf": round(one.zipf_exponent * 1000),
        "random": one.random_bytes_per_page_pct,
        "share": one.processor_share_pct,
    }
    return " ".join(f"{name}={value}" for name, value in told.items())


def ready(serial: Path) -> bool:
    """Whether the guest has filled its memory."""
    return serial.exists() and "R\n" in serial.read_text(encoding="ascii", errors="replace")


def reports(serial: Path) -> list[Report]:
    """What the guest has said so far; a line that is still being written is left out."""
    text = serial.read_text(encoding="ascii", errors="replace") if serial.exists() else ""
    return [
        Report(int(ms) / 1000, int(n)) for ms, n in re.findall(r"^W (\d+) (\d+)\r?\n", text, re.MULTILINE)
    ]


def rate(told: list[Report]) -> float | None:
    """Page writes a second from the first to the last report, by its clock; None for fewer than two."""
    if len(told) < 2 or told[-1].time_s <= told[0].time_s:
        return None
    return (told[-1].writes - told[0].writes) / (told[-1].time_s - told[0].time_s)
