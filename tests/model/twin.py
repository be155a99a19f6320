"""A slow, obvious twin of the model: one migration, pass by pass, in plain Python numbers.

It is written from the published rules, the facts and the docstrings, shares no code with
``analysis.model``, and is the oracle of the tests: ``twin.migrate(**scenario)`` gives the outcomes
of one migration. What the model has in closed form or by a fixed rule of quadrature (the ring law, a
ceiling that varies) is integrated numerically here. Only constants that were fitted or measured are
written a second time.
"""

import math
from itertools import pairwise

from scipy.integrate import quad
from scipy.optimize import brentq

PAGE = 4096
GIB = 2**30

RULES = {
    "hyperv": {"pass_limit": 5, "target_ms": 750},
    "hyperv_2008r2": {"pass_limit": 10, "target_ms": 750},
    "qemu": {
        "pass_limit": None,
        "target_ms": 300,
        "stops_at_target": True,
        "check_s": 0.061,
        "delay_s": 0.06,
        "lifts_limit": True,
        "head_start_s": 0.009,
    },
    "xen": {"pass_limit": 29, "target_ms": 0, "few_pages": 50, "sent_limit": 3},
    "simgrid": {"pass_limit": None, "target_ms": 30, "stops_at_target": True},
}
RULES |= {
    name: RULES["qemu"] | more
    for name, more in {
        "qemu_autoconverge": {"throttle": (0.2, 0.1)},
        "qemu_post_copy": {"out_pass": 1, "out": "post_copy"},
        "nova": {"target_ms": 50, "last_ms": 500, "steps": 10, "step_s_per_gib": 75, "out_s_per_gib": 800},
        "proxmox": {"target_ms": 100, "doubles_after": 5},
        "kubevirt": {"out_s_per_gib": 150, "stall": (150, 0.0)},
    }.items()
}
RULES |= {
    name: RULES[of] | more
    for name, of, more in (
        ("nova_post_copy", "nova", {"out": "post_copy"}),
        ("nova_pause", "nova", {"out": "time_up"}),
        ("kubevirt_post_copy", "kubevirt", {"out": "post_copy"}),
        (
            "kubevirt_ramp",
            "kubevirt",
            {"target_ms": 150, "last_ms": 1050, "steps": 7, "step_s": 10, "from_pass": 2},
        ),
        ("kubevirt_stall", "kubevirt", {"last_ms": 900, "stall": (40, 0.04), "raises": 1.5}),
    )
}
STREAMS = {"tcpip": 1, "compression": 1, "smb": 4, "smb_direct": 2}
GROWTH_AND_KEPT = {"cubic": (0.53, 0.7), "reno": (1.0, 0.5)}
CUBE = {"cubic": 0.4, "reno": 0.0}
SCATTER, CLUMPS, CALM = 0.3, 10, 12
SPREAD, FILL, FILL_FULL = 1 / 3, 0.77, 0.13
NEVER = 1e-9
CLUMP_PACKETS, WINDOW_NORM, WAIT_NORM = 6.7, 6.5, 4.0
RDMA_HEADERS, RDMA_PAYLOADS = 44, (256, 512, 1024, 2048, 4096)
TIE = 0.005
PATIENCE = 2000
"""Passes after which the twin gives up and calls a migration ``unfinished``."""


# --- rings ----------------------------------------------------------------------------------


def arrivals(window, rate, fixed_s, delay_s):
    """E[min(W, A (P + X))] as the facts give it: A P + A b (1 - exp(-(W/A - P)/b)) for W > A P, else W."""
    if window <= rate * fixed_s:
        return window
    if delay_s == 0:
        return rate * fixed_s
    return rate * fixed_s + rate * delay_s * (1 - math.exp(-(window / rate - fixed_s) / delay_s))


def overflow(buffers, rate, moderation_s, delay_s):
    """P(A (tau + X) > N), X exponential of mean ``delay_s``; without a delay it rises over one packet."""
    spare, late = buffers - rate * moderation_s, rate * delay_s
    some = 1 - math.exp(-2 * late)
    if spare <= -1:
        return 1.0
    if spare < 0:
        return -spare + (1 + spare) * some
    return some * math.exp(-spare / late) if late > 0 else 0.0


def send_ring(buffers, rate, moderation_s, delay_s):
    """Descriptors filled at every completion interrupt, which comes a packet's time later at the earliest."""
    fixed = max(moderation_s, 1 / rate)
    return min(rate, arrivals(buffers, rate, fixed, delay_s) / (fixed + delay_s))


def blind_ring(buffers, rate, moderation_s, delay_s):
    """What a ring passes of a saturated line: E[min(N, A C)] / E[C]."""
    if moderation_s + delay_s == 0:
        return rate
    return min(rate, arrivals(buffers, rate, moderation_s, delay_s) / (moderation_s + delay_s))


def receive_ring(buffers, rate, moderation_s, delay_s, round_trip_s=0.0, streams=1, control="cubic"):
    """The ring law at N, or at just the packets of an interval that always overflows if that carries more."""
    if overflow(buffers, rate, moderation_s, delay_s) < NEVER:
        return rate
    if control == "bbr":
        return blind_ring(buffers, rate, moderation_s, delay_s)
    rest = (rate, moderation_s, delay_s, round_trip_s, streams, control)
    of_an_interval = max(min(buffers, rate * moderation_s), 1)
    chance = overflow(buffers, rate, moderation_s, delay_s)
    return max(fitted_ring(buffers, chance, *rest), fitted_ring(of_an_interval, 1.0, *rest))


def fitted_ring(buffers, chance, rate, moderation_s, delay_s, round_trip_s, streams, control):
    """The ring law of the facts, section 3 no. 5, integrated, with renewals: where a climb begins and ends.

    A climb begins at the lossless window, or where the loss before left the window; its end is the mean of
    what the integrated hazard lets it reach, so begin and end are found together.
    """
    growth, kept = GROWTH_AND_KEPT[control]
    fixed = moderation_s if round_trip_s + 1 / rate <= moderation_s else round_trip_s + moderation_s
    fixed = max(fixed, 1 / rate)
    path = round_trip_s * rate
    lossless = buffers * (1 + path / buffers) ** SPREAD
    cycle = max(rate * (moderation_s + delay_s), 1)
    quiet = (1 - chance) ** max(path / cycle, CALM)

    def rise_per_trip(top):
        """Reno's line or CUBIC's cube: what is lost is regained in K seconds, (lost / C)**(1/3)."""
        lost = (1 - kept) * top / streams
        cube = 0.0
        if CUBE[control]:
            cube = lost / (lost / CUBE[control]) ** (1 / 3) * (fixed + delay_s)
        return growth, cube

    def climbed(start, top):
        full = min(start / path, 1) if path > 0 else 1.0
        seen = chance * (full * quiet + 1 - quiet)
        return _overshoot(start, cycle, seen / (max(rise_per_trip(top)) * streams))

    if climbed(lossless, lossless / kept) > lossless / kept - lossless:
        far = lossless
        while climbed(far, far / kept) > far / kept - far:
            far *= 2
        begin = brentq(lambda w: climbed(w, w / kept) - (w / kept - w), far / 2, far, xtol=1e-12 * far)
        top = begin / kept
    else:
        begin, top = lossless, lossless + climbed(lossless, lossless)
    line, cube = rise_per_trip(top)
    by_cube = min(max((cube / line - 1 / 3) * 1.5, 0), 1)
    fall = (1 - kept) * (1 + (streams - 1) / 2) / streams * (1 - by_cube / 2)
    scatter = SCATTER * max(1 - lossless / (kept * top), 0)
    bottom, top = top * (1 - fall - scatter), top * (1 + scatter)
    fill = FILL + FILL_FULL * chance
    longer = max(path - buffers, 0)
    fill += (1 - fill) * quiet * longer / (longer + CLUMPS + buffers / 2)
    corner = rate * fixed / fill
    edges = [bottom, *([corner] if bottom < corner < top else []), top]
    total = sum(
        quad(lambda w: arrivals(fill * w, rate, fixed, delay_s), a, b, epsrel=1e-11)[0]
        for a, b in pairwise(edges)
    )
    mean = total / (top - bottom)
    return min(rate, mean / (fixed + delay_s), blind_ring(buffers, rate, moderation_s, delay_s))


def _overshoot(lossless, cycle, hazard):
    """Integral of the survival of a window that climbs past the lossless one: hazard * max(1, w / cycle)."""

    def climbed(w):
        """Integral of max(1, v / cycle) over v from the lossless window to w."""
        flat = max(min(w, cycle) - lossless, 0)
        start = max(lossless, cycle)
        return flat + (max(w, start) ** 2 - start**2) / (2 * cycle)

    far = lossless + 1
    while hazard * climbed(far) < 50:
        far = lossless + 1.5 * (far - lossless)
    edges = [lossless, *([cycle] if lossless < cycle < far else []), far]
    return sum(
        quad(lambda w: math.exp(-hazard * climbed(w)), a, b, epsrel=1e-11, limit=200)[0]
        for a, b in pairwise(edges)
    )


# --- the link -------------------------------------------------------------------------------


def efficiency(p):
    """Payload over what the line carries for it."""
    if p["transport"] == "smb_direct":
        payload = max(size for size in RDMA_PAYLOADS if size <= p["mtu_bytes"] - RDMA_HEADERS)
        return payload / (payload + RDMA_HEADERS + p["frame_overhead_bytes"])
    return (p["mtu_bytes"] - p["header_bytes"]) / (p["mtu_bytes"] + p["frame_overhead_bytes"])


def varying(ceiling, spread, line):
    """Mean of min(line, C) for a ceiling C that is log-normal around its median."""
    if spread == 0:
        return ceiling

    def weighted(z):
        return min(line, ceiling * math.exp(spread * z)) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    corner = math.log(line / ceiling) / spread
    edges = sorted({-12.0, min(max(corner, -12.0), 12.0), 12.0})
    return sum(quad(weighted, a, b, epsrel=1e-12)[0] for a, b in pairwise(edges))


def ceilings(p, receive=receive_ring):
    """Every ceiling [Gbit/s of payload] by name; ``receive`` may replace the ring law.

    What arrives at the receive rings is what the line, the socket, the cores, the adapter and other
    traffic let through.
    """
    line = p["bandwidth_gbps"] * efficiency(p)
    found = {"line_rate": line}
    share = p["bandwidth_limit_share"]
    if p["transport"].startswith("smb"):
        share = min(share, p["smb_limit_share"] * p["adapters"])
    if share < 1:
        found["bandwidth_limit"] = line * share
    if p["network"] == "shared":
        found["other_traffic"] = line * (1 - p["background_share"])
    if p["transport"] == "smb_direct":
        return found
    streams = p["streams"] or STREAMS[p["transport"]]
    rate = p["bandwidth_gbps"] * 1e9 / 8 / (p["mtu_bytes"] + p["frame_overhead_bytes"])
    bits = (p["mtu_bytes"] - p["header_bytes"]) * 8 / 1e9
    receive_tau, delay = p["interrupt_moderation_us"] / 1e6, p["receive_delay_us"] / 1e6
    send_tau = receive_tau if p["send_moderation_us"] is None else p["send_moderation_us"] / 1e6
    way = p["round_trip_ms"] / 1e3 + receive_tau + delay + CLUMP_PACKETS / rate
    window = streams * p["socket_buffer_kib"] * 1024 * 8 / 1e9 / way
    found["socket_buffer"] = (line**-WINDOW_NORM + window**-WINDOW_NORM) ** (-1 / WINDOW_NORM)
    found["streams"] = varying(streams * p["stream_limit_gbps"], p["stream_limit_spread"], line)
    if p["adapter_limit_gbps"] is not None:
        found["host_adapter"] = p["adapter_limit_gbps"]
    queues = min(p["receive_queues"], streams)
    arriving = min(rate, min(found.values()) / bits) / queues
    received = receive(
        p["receive_buffers"],
        arriving,
        receive_tau,
        delay,
        p["round_trip_ms"] / 1e3,
        streams / queues,
        p["congestion_control"],
    )
    sent = send_ring(p["send_buffers"], rate, send_tau, p["send_delay_us"] / 1e6)
    if sent < rate:
        found["send_buffers"] = sent * bits
    if received < arriving:
        found["receive_buffers"] = queues * received * bits
    return found


def link(p, receive=receive_ring):
    """Payload rate [Gbit/s] of the lowest ceiling, and the first name within half a per cent of it."""
    found = ceilings(p, receive)
    least = min(found.values())
    return least, next(name for name, value in found.items() if value <= least * (1 + TIE))


def compressor(link_rate, ratio, can_compress, waits):
    """Memory bytes and link bytes per second of a sender that compresses.

    Compressed pages need ``1 / ratio`` of the link. What the link has left carries raw pages, or
    nothing where pages wait for the compressor; where it compresses and sends in turn, both wait.
    """
    if waits == "in_turn" and can_compress > 0:
        rates = (can_compress, link_rate * ratio)
        compressed = sum(rate**-WAIT_NORM for rate in rates) ** (-1 / WAIT_NORM)
    else:
        compressed = min(can_compress, link_rate * ratio)
    raw = link_rate - compressed / ratio if waits == "no" else 0.0
    return compressed + raw, compressed / ratio + raw


def rates(p, receive=receive_ring):
    """Goodput [Gbit/s], memory and stream bytes per second, and what binds."""
    gbps, limited_by = link(p, receive)
    memory = sent = gbps * 1e9 / 8
    if p["transport"] == "compression":
        can_compress = p["compress_gib_per_s_per_core"] * p["spare_cores"] * GIB
        if can_compress < memory * p["compression_ratio"]:
            limited_by = "spare_cores"
        memory, sent = compressor(memory, p["compression_ratio"], can_compress, p["compressor_waits"])
    return gbps, memory, memory / sent if sent else 1.0, limited_by


# --- the guest ------------------------------------------------------------------------------


def classes(p, pages):
    """Write classes (rate, size) of the random patterns; Zipf has one class for every rank."""
    rate = p["dirty_pages_per_s"]
    if p["write_pattern"] == "hotcold":
        share, writes = p["hot_page_share"], p["hot_write_share"]
        if share in (0, 1):
            return [(rate, pages)]
        return [(rate * writes, pages * share), (rate * (1 - writes), pages * (1 - share))]
    if p["write_pattern"] == "zipf":
        ranks = range(1, round(pages) + 1)
        total = sum(rank ** -p["zipf_exponent"] for rank in ranks)
        return [(rate * rank ** -p["zipf_exponent"] / total, 1.0) for rank in ranks]
    return [(rate, pages)]


def written(t, clean, group):
    """Distinct pages out of so many clean ones of a group that are written in t seconds.

    At random each is hit alike; in turn the clean ones come first, since what is dirty was written last.
    """
    rate, size, cyclic = group
    if size == 0 or rate == 0:
        return 0.0
    return min(rate * t, clean) if cyclic else clean * -math.expm1(-rate * t / size)


# --- passes ---------------------------------------------------------------------------------


class Rule:
    """A stop rule while it runs: the target of each moment, the guest's throttle, and when it gives up."""

    def __init__(self, rule, p):
        def asked(name, usual):
            return usual if p.get(name) is None else p[name]

        gib = max(p.get("memory_gib", 0), 2)
        self.rule, self.needs = rule, p.get("write_processor_share", 1)
        self.first = asked("blackout_target_ms", rule["target_ms"])
        self.last = asked("last_target_ms", rule.get("last_ms", math.inf))
        self.steps = asked("target_steps", rule.get("steps", 0))
        self.every = asked("target_step_s", rule.get("step_s", rule.get("step_s_per_gib", 0) * gib))
        if not (self.every > 0 and self.first < self.last < math.inf):
            self.steps = 0
        if "out_s_per_gib" in rule:
            rule = rule | {"out_s": rule["out_s_per_gib"] * gib}
        self.out_s = asked("give_up_after_s", rule.get("out_s", math.inf))
        self.out_pass = math.inf if p.get("give_up_after_s") else rule.get("out_pass", math.inf)
        self.clock_from = None if rule.get("from_pass") else 0.0
        self.doubled = self.rises = self.high = 0
        self.raised, self.throttle, self.slowed_s = False, 0.0, 0.0
        self.period_from, self.dirtied, self.sent = 0.0, 0.0, 0.0
        self.lows = []

    def target_ms(self, now):
        if self.raised:
            return max(self.first, self.last)
        if self.doubled:
            return max(self.first, min(self.first * 2**self.doubled, self.last, 2_000_000))
        if not self.steps or self.clock_from is None:
            return self.first
        step = min(max(int((now - self.clock_from) / self.every + 1e-9), 0), self.steps)
        return self.first + step * (self.last - self.first) / self.steps

    def highest_ms(self):
        return max(self.first, self.last) if self.steps or self.raised else self.target_ms(0)

    def guest_runs(self):
        """Share of its writes that the guest keeps up: it has 1 - p of a processor and needs some of it."""
        return min(1.0, (1 - self.throttle) / self.needs) if self.needs else 1.0

    def synchronised(self, number, now, duration, sent, dirtied):
        """The end of a pass, at which QEMU counts what is dirty."""
        self.slowed_s += self.throttle * duration
        if self.rule.get("from_pass") == number:
            self.clock_from = now
        if "doubles_after" in self.rule and dirtied > 0:
            self.rises += min(duration / 0.1, 1)
            if self.rises > self.rule["doubles_after"]:
                self.rises, self.doubled = 0, self.doubled + 1
        self.dirtied, self.sent = self.dirtied + dirtied, self.sent + sent
        if "throttle" in self.rule and now - self.period_from >= 1:
            first, more = self.rule["throttle"]
            if self.dirtied > self.sent / 2:
                self.high += 1
                if self.high == 2:
                    self.high = 0
                    self.throttle = min(self.throttle + more, 0.99) if self.throttle else first
            self.period_from, self.dirtied, self.sent = now, 0.0, 0.0

    def gives_up(self, number, now, left, rate):
        """True at a time-out, after the last pass, or where no new low was reached for long."""
        patience, share = self.rule.get("stall", (math.inf, 0))
        if not self.lows or left < self.lows[-1][1] * (1 - share) - 1:
            self.lows.append((now, left))
        if number >= self.out_pass or now >= self.out_s * (1 - 1e-9):
            return True
        if now - self.lows[-1][0] < patience * (1 - 1e-9):
            return False
        if self.raised or "raises" not in self.rule:
            return True
        if left / rate > self.rule["raises"] * max(self.first, self.last) / 1000:
            return True
        self.raised = True
        self.lows.append((now, self.lows[-1][1]))
        return False


# In one piece, so that it can be held against the rules as they are written.
def precopy(content, zero, top, rate, ahead, groups, rule, pass_limit=None, asked=None):  # noqa: C901
    """Pass after pass until the rule says stop; ``groups`` of pages: (rate, size, written in turn).

    ``dirty``: pages of each group that wait to be sent. What a pass leaves unsent of them is as large a part
    as it leaves of all that waited; of the first pass, as large a part as it leaves of the machine.

    ``ahead``: pages of the first pass that nobody waits for, less those in whose time zero pages are told
    of. Endless is what comes back to the very
    residual of an earlier pass, or waits for a link that carries nothing; not while its rule still changes.
    ``asked``: the parameters, for a rule that changes (:class:`Rule`).
    """
    limit = rule["pass_limit"] if pass_limit is None else pass_limit
    running = Rule(rule, asked or {})
    changes = running.steps or running.out_s < math.inf or rule.keys() & CHANGING
    machine = content + zero
    remaining, elapsed, sent, number, log = content, 0.0, 0.0, 0, []
    had, dirty, waiting = set(), [size for _, size, _ in groups], machine
    while True:
        number += 1
        behind = (zero, top) if number == 1 else (0.0, 0.0)
        begun = elapsed if elapsed > 0 or not rate else -ahead / rate
        in_pass, unscanned = _send(remaining, *behind, rate, running, begun, rule.get("check_s"))
        carried = remaining - in_pass
        waited = max(in_pass - ahead, 0.0) if number == 1 else in_pass
        duration = waited / rate if rate > 0 else math.inf if waited > 0 else 0.0
        kept = [pages * carried / waiting if waiting else 0.0 for pages in dirty]
        lived = duration * running.guest_runs()
        new = [written(lived, g[1] - k, g) for g, k in zip(groups, kept, strict=True)]
        dirty = [k + n for k, n in zip(kept, new, strict=True)]
        dirtied = sum(new)
        waiting = carried + dirtied
        log.append((number, elapsed, duration, in_pass, dirtied, carried + dirtied))
        remaining, elapsed, sent = carried + dirtied, elapsed + duration, sent + in_pass
        if duration == math.inf:
            reason = "endless"
            break
        running.synchronised(number, elapsed, duration, in_pass, dirtied)
        target = pages_within(rate, running.target_ms(elapsed))
        if remaining < 1:
            reason = "nothing_left"
        elif in_pass < rule.get("few_pages", 0):
            reason = "few_pages"
        elif rule.get("stops_at_target") and remaining + unscanned <= target:
            reason = "target_met"
        elif limit is not None and number >= limit:
            reason = "pass_limit"
        elif "sent_limit" in rule and sent > rule["sent_limit"] * machine:
            reason = "sent_limit"
        elif running.gives_up(number, elapsed, remaining, rate):
            reason = rule.get("out", "cancelled")
        elif not changes and limit is None and remaining in had:
            reason = "endless"
        elif number >= PATIENCE:
            reason = "unfinished"
        else:
            had.add(remaining)
            continue
        break
    if reason == "pass_limit" and rule.get("delay_s"):
        more = min(remaining, rate * rule["delay_s"])
        left = remaining - more
        kept = [pages * left / waiting for pages in dirty]
        lived = more / rate * running.guest_runs()
        again = sum(written(lived, g[1] - k, g) for g, k in zip(groups, kept, strict=True))
        running.slowed_s += running.throttle * more / rate
        log.append((number + 1, elapsed, more / rate, more, again, left + again))
        remaining, elapsed, sent = left + again, elapsed + more / rate, sent + more
    stays = reason in ("endless", "cancelled")
    own_goal = reason in ("nothing_left", "few_pages", "target_met")
    return {
        "passes": number,
        "stop_reason": reason,
        "converged": own_goal or (not stays and reason != "post_copy" and remaining <= target),
        "residual_pages": remaining,
        "brownout_s": math.inf if stays else elapsed,
        "sent_pages": math.inf if stays else sent,
        "throttled_share": 0.0 if stays or not elapsed else running.slowed_s / elapsed,
        "log": log,
    }


CHANGING = {"throttle", "out_pass", "doubles_after", "stall", "out_s_per_gib"}


def pages_within(rate, ms):
    """Pages sent in some milliseconds: none without a target, however fast the link."""
    return rate * ms / 1000 if ms > 0 else 0.0


def _send(remaining, zero, top, rate, running, begun, check_s):
    """Content sent in a pass, and zero pages not passed over: all of it, or up to the look that ends it.

    The order is content, zero pages, content at the top. Zero pages take no time but count as
    remaining until they are passed over. The pass also ends when the rule gives up; ``begun`` is its time.
    """
    if rate in (0, math.inf):
        return remaining, 0.0
    by_then = max(rate * (running.out_s - begun), 0.0)
    if check_s is None:
        return min(remaining, by_then), 0.0
    between = rate * check_s
    highest = rate * running.highest_ms() / 1000
    looks = max(1, int((remaining - highest) / between) - 1)  # before these more than the target is unsent
    while True:
        unsent = max(remaining - looks * between, 0.0)
        ahead = zero if unsent > top else 0.0
        target = rate * running.target_ms(begun + looks * check_s) / 1000
        met = unsent + ahead <= target + 1e-9 * between or unsent == 0
        if met or looks * between >= by_then:
            sent = min(remaining - unsent, by_then)
            return sent, zero if remaining - sent > top else 0.0
        looks += 1


def _fitting(groups, machine):
    """Groups that are written, together no larger than the machine: else all of them smaller."""
    fits = min(1.0, machine / max(sum(size for rate, size, _ in groups if rate > 0), 1e-300))
    return [(rate, size * fits, cyclic) for rate, size, cyclic in groups]


# --- the whole ------------------------------------------------------------------------------


def migrate(groups=None, receive=receive_ring, **p):
    """Outcomes of one migration; every parameter must be given, None for "as the preset has it".

    ``groups`` replaces the exact write classes and ``receive`` the integrated ring law (by the model's
    approximations of them, for a comparison of all the rest to rounding).
    """
    rule = RULES[p["stop_rule"]]
    gbps, memory_rate, ratio, limited_by = rates(p, receive)
    paused_gbps, paused_rate, paused_ratio = gbps, memory_rate, ratio
    if rule.get("lifts_limit"):
        paused_gbps, paused_rate, paused_ratio, _ = rates(p | {"bandwidth_limit_share": 1}, receive)
    page_bytes = PAGE + p["page_header_bytes"]
    pages_per_s = memory_rate / page_bytes
    machine = p["memory_gib"] * GIB / PAGE
    content = min(machine * p["resident_share"] + p["extra_resident_mib"] * 2**20 / PAGE, machine)
    working_set = min(p["working_set_gib"], p["memory_gib"]) * GIB / PAGE
    groups = classes(p, working_set) if groups is None else groups
    idle = [(p["idle_dirty_pages_per_s"], p["idle_working_set_mib"] * 2**20 / PAGE)]
    cyclic = p["write_pattern"] == "sequential"
    told_s = (machine - content) * p["zero_page_bytes"] / (gbps * 1e9 / 8)

    ended = precopy(
        content,
        machine - content,
        min(machine * p["top_content_share"], content),
        pages_per_s,
        p["send_ahead_mib"] * 2**20 / page_bytes * ratio - pages_per_s * told_s,
        _fitting([(*g, cyclic) for g in groups] + [(*g, False) for g in idle], machine),
        rule,
        p["pass_limit"],
        p,
    )
    state = p["state_mib"] * 2**20
    residual = ended["residual_pages"]
    sending_s = residual * page_bytes / paused_rate if paused_rate > 0 else math.inf if residual else 0.0
    post_copy = sending_s if ended["stop_reason"] == "post_copy" else 0.0
    residual_s = 0.0 if post_copy else max(sending_s - rule.get("head_start_s", 0), 0)
    blackout = residual_s + state / (paused_gbps * 1e9 / 8) + p["handoff_ms"] / 1000
    page_stream = (ended["sent_pages"] / ratio + residual / paused_ratio) * page_bytes
    stream = (page_stream + (machine - content) * p["zero_page_bytes"] + state) / GIB
    return {
        "goodput_gbps": gbps,
        "memory_rate_gib_per_s": pages_per_s * PAGE / GIB,
        "limited_by": limited_by,
        "passes": ended["passes"],
        "stop_reason": ended["stop_reason"],
        "converged": ended["converged"],
        "residual_pages": residual,
        "brownout_s": ended["brownout_s"],
        "blackout_s": blackout,
        "total_s": p["setup_s"] + ended["brownout_s"] + blackout + post_copy,
        "throttled_share": ended["throttled_share"],
        "post_copy_s": post_copy,
        "memory_sent_gib": (ended["sent_pages"] + residual) * PAGE / GIB,
        "stream_gib": stream,
        "wire_gib": stream / efficiency(p),
        "log": ended["log"],
    }
