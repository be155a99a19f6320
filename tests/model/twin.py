"""A slow, obvious twin of the model: one migration, pass by pass, in plain Python numbers.

It is written from the published rules and the docstrings, shares no code with ``analysis.model``,
and is the oracle of the tests: ``twin.migrate(**scenario)`` gives the outcomes of one migration.
Only the presets of the stop rules that have no published number (QEMU's check interval and the
delay of a forced stop, both measured) are written here a second time.
"""

import math

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
    },
    "xen": {"pass_limit": 29, "target_ms": 0, "few_pages": 50, "sent_limit": 3},
}
ENDLESS = 1000


def link(p):
    """Payload rate [Gbit/s] of the lowest ceiling, and its name; the first of equal ones."""
    payload = p["mtu_bytes"] - p["header_bytes"]
    line = p["bandwidth_gbps"] * payload / (p["mtu_bytes"] + p["frame_overhead_bytes"])
    ceilings = [("line_rate", line)]
    if p["bandwidth_limit_share"] < 1:
        ceilings.append(("bandwidth_limit", line * p["bandwidth_limit_share"]))
    if p["network"] == "shared":
        ceilings.append(("other_traffic", line * (1 - p["background_share"])))
    send_wait = p["interrupt_moderation_us"] / 1e6
    receive_wait = send_wait + p["receive_delay_us"] / 1e6
    if send_wait > 0:
        ceilings.append(("send_buffers", p["send_buffers"] * payload * 8 / send_wait / 1e9))
    if receive_wait > 0:
        ceilings.append(("receive_buffers", p["receive_buffers"] * payload * 8 / receive_wait / 1e9))
    ceilings.append(("streams", p["streams"] * p["stream_limit_gbps"]))
    name, gbps = min(ceilings, key=lambda ceiling: ceiling[1])
    return gbps, name


def compressor(link_rate, ratio, can_compress):
    """Memory bytes per second when a second of link time is spent on compressed and on raw pages.

    Compressed pages need ``1 / ratio`` of the link; what the link has left carries raw pages.
    """
    if can_compress >= link_rate * ratio:
        return link_rate * ratio
    return can_compress + (link_rate - can_compress / ratio)


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


def distinct(t, groups, *, cyclic=False):
    """Distinct pages dirtied in t seconds: each class saturates at its size."""
    total = 0.0
    for rate, size in groups:
        if size > 0:
            total += min(rate * t, size) if cyclic else size * -math.expm1(-rate * t / size)
    return total


def precopy(resident, machine, rate, dirtied_in, rule, pass_limit=None, target_ms=None):
    """Pass after pass until the rule says stop; ``dirtied_in(t)`` gives distinct pages."""
    limit = rule["pass_limit"] if pass_limit is None else pass_limit
    target = rate * (rule["target_ms"] if target_ms is None else target_ms) / 1000
    remaining, elapsed, sent, number, log = resident, 0.0, 0.0, 0, []
    while True:
        number += 1
        before = remaining
        in_pass = _send(remaining, rate, target, rule.get("check_s"))
        carried = remaining - in_pass
        dirtied = dirtied_in(in_pass / rate) * (1 - carried / machine)
        log.append((number, elapsed, in_pass / rate, in_pass, dirtied, carried + dirtied))
        remaining, elapsed, sent = carried + dirtied, elapsed + in_pass / rate, sent + in_pass
        if remaining < 1:
            reason = "nothing_left"
        elif remaining < rule.get("few_pages", 1):
            reason = "few_pages"
        elif rule.get("stops_at_target") and remaining <= target:
            reason = "target_met"
        elif limit is not None and number >= limit:
            reason = "pass_limit"
        elif "sent_limit" in rule and sent > rule["sent_limit"] * machine:
            reason = "sent_limit"
        elif limit is None and (abs(remaining - before) <= 1e-13 * before or number >= ENDLESS):
            reason = "endless"
        else:
            continue
        break
    if reason == "pass_limit" and rule.get("delay_s"):
        more = min(remaining, rate * rule["delay_s"])
        left = remaining - more
        remaining = left + dirtied_in(more / rate) * (1 - left / machine)
        elapsed, sent = elapsed + more / rate, sent + more
    own_goal = reason in ("nothing_left", "few_pages", "target_met")
    return {
        "passes": number,
        "stop_reason": reason,
        "converged": own_goal or (reason != "endless" and remaining <= target),
        "residual_pages": remaining,
        "brownout_s": math.inf if reason == "endless" else elapsed,
        "sent_pages": math.inf if reason == "endless" else sent,
        "log": log,
    }


def _send(remaining, rate, target, check_s):
    """Pages sent in a pass: all of them, or up to the first check that finds the target met."""
    if check_s is None:
        return remaining
    checks = 1
    while remaining - checks * rate * check_s > max(target, 0):
        checks += 1
    return min(remaining, checks * rate * check_s)


def migrate(groups=None, **p):
    """Outcomes of one migration; every parameter must be given, None for "as the preset has it".

    ``groups`` replaces the exact write classes (the model's Zipf classes, for a comparison of all
    the rest to rounding).
    """
    gbps, limited_by = link(p)
    link_gib = gbps * 1e9 / 8 / GIB
    memory_gib = link_gib
    if p["transport"] == "compression":
        can_compress = p["compress_gib_per_s_per_core"] * p["spare_cores"]
        memory_gib = compressor(link_gib, p["compression_ratio"], can_compress)
        if can_compress < link_gib * p["compression_ratio"]:
            limited_by = "spare_cores"
    ratio = memory_gib / link_gib
    memory_gib *= PAGE / (PAGE + p["page_header_bytes"])
    rate = memory_gib * GIB / PAGE
    machine = p["memory_gib"] * GIB / PAGE
    working_set = min(p["working_set_gib"], p["memory_gib"]) * GIB / PAGE
    groups = classes(p, working_set) if groups is None else groups
    cyclic = p["write_pattern"] == "sequential"

    ended = precopy(
        machine * p["resident_share"],
        machine,
        rate,
        lambda t: distinct(t, groups, cyclic=cyclic),
        RULES[p["stop_rule"]],
        p["pass_limit"],
        p["blackout_target_ms"],
    )
    state = p["state_mib"] * 2**20
    blackout = ended["residual_pages"] / rate + state / (link_gib * GIB) + p["handoff_ms"] / 1000
    pages = ended["sent_pages"] + ended["residual_pages"]
    stream = (pages * (PAGE + p["page_header_bytes"]) / ratio + state) / GIB
    efficiency = (p["mtu_bytes"] - p["header_bytes"]) / (p["mtu_bytes"] + p["frame_overhead_bytes"])
    return {
        "goodput_gbps": gbps,
        "memory_rate_gib_per_s": memory_gib,
        "limited_by": limited_by,
        "passes": ended["passes"],
        "stop_reason": ended["stop_reason"],
        "converged": ended["converged"],
        "residual_pages": ended["residual_pages"],
        "brownout_s": ended["brownout_s"],
        "blackout_s": blackout,
        "total_s": p["setup_s"] + ended["brownout_s"] + blackout,
        "memory_sent_gib": pages * PAGE / GIB,
        "stream_gib": stream,
        "wire_gib": stream / efficiency,
        "log": ended["log"],
    }
