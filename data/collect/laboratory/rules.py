"""Ways to stop that a manager plays from outside: when it changes the downtime limit, or orders post-copy.

Each rule looks at every poll and says what is to be done now. QEMU's own rule (what remains over the measured
bandwidth is less than the limit) and its auto-converge run inside QEMU and need nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from data.collect.laboratory.configurations import Configuration

T = TypeVar("T")


class Look(NamedTuple):
    """What a manager sees of a running migration: seconds since its start, bitmap synchronisations, bytes."""

    time_s: float
    syncs: int
    sent_bytes: int
    remaining_bytes: int


class Order(NamedTuple):
    """What is to be done: a new downtime limit [ms], or the switch to post-copy."""

    limit_ms: int | None = None
    postcopy: bool = False


class Rule(Protocol):
    """A way to stop."""

    def order(self, look: Look) -> Order | None:
        """What is to be done at this moment, if anything."""


class Fixed:
    """The limit stays what it is."""

    def order(self, look: Look) -> Order | None:
        """Never anything."""
        return None


@dataclass
class Steps:
    """OpenStack nova's: equal steps to a ceiling, one every few seconds from the start on."""

    first_ms: float
    ceiling_ms: float
    steps: int
    every_s: float
    taken: int = 0

    def order(self, look: Look) -> Order | None:
        """The limit of the last step that is due."""
        due = min(int(look.time_s / self.every_s), self.steps)
        if due <= self.taken:
            return None
        self.taken = due
        return Order(limit_ms=int(self.first_ms + (self.ceiling_ms - self.first_ms) * due / self.steps))


@dataclass
class Ramp:
    """KubeVirt's: once a number of synchronisations has passed, equal steps with a pause before each."""

    first_ms: float
    ceiling_ms: float
    steps: int
    pause_s: float
    after_sync: int
    taken: int = 0
    since_s: float | None = None

    def order(self, look: Look) -> Order | None:
        """The next step, where the pause is over."""
        if look.syncs < self.after_sync or self.taken >= self.steps:
            return None
        if self.since_s is None:
            self.since_s = look.time_s
        if look.time_s - self.since_s < self.pause_s:
            return None
        self.taken, self.since_s = self.taken + 1, look.time_s
        return Order(
            limit_ms=int(self.first_ms + (self.ceiling_ms - self.first_ms) * self.taken / self.steps)
        )


@dataclass
class Doubling:
    """Proxmox VE's: a poll a second, ten a second near the end; six without progress double the limit.

    Near the end means that less remains than is sent in a second; no progress, that more remains than at
    the poll before, or nothing.
    """

    limit_ms: int
    without: int = 0
    before_bytes: int | None = None
    next_s: float = 1.0

    def order(self, look: Look) -> Order | None:
        """Twice the limit, where six polls have come without progress."""
        if look.time_s < self.next_s:
            return None
        near = look.remaining_bytes < look.sent_bytes / look.time_s
        self.next_s = look.time_s + (0.1 if near else 1.0)
        grown = self.before_bytes is not None and look.remaining_bytes > self.before_bytes
        self.before_bytes = look.remaining_bytes
        self.without += grown or look.remaining_bytes == 0
        if self.without <= 5:
            return None
        self.without, self.limit_ms = 0, 2 * self.limit_ms
        return Order(limit_ms=self.limit_ms)


@dataclass
class PostCopy:
    """The switch after a time: the machine goes over, the rest of its memory follows."""

    at_s: float
    ordered: bool = False

    def order(self, look: Look) -> Order | None:
        """The switch, once."""
        if self.ordered or look.time_s < self.at_s:
            return None
        self.ordered = True
        return Order(postcopy=True)


def rule_of(one: Configuration) -> Rule:
    """The rule of a configuration, at its beginning."""
    if one.rule == "postcopy":
        return PostCopy(_given(one.postcopy_at_s))
    if one.rule == "doubling":
        return Doubling(one.first_limit_ms)
    if one.rule not in ("steps", "ramp"):
        return Fixed()
    first, ceiling, steps = one.first_limit_ms, _given(one.ceiling_ms), _given(one.steps)
    if one.rule == "steps":
        return Steps(first, ceiling, steps, _given(one.step_every_s))
    return Ramp(first, ceiling, steps, _given(one.step_every_s), _given(one.after_sync))


def _given(value: T | None) -> T:
    """A value that reading the configuration has made sure of."""
    assert value is not None
    return value
