"""Polls of the laboratory, as QEMU answers ``query-migrate``."""


def answer(poll, status="active"):
    """What QEMU says at a poll; of one that is completed with its pause."""
    ram = {"total": 384 * 2**20, "transferred": int(poll.sent_bytes), "remaining": int(poll.remaining_bytes),
           "dirty-sync-count": int(poll.looks), "dirty-pages-rate": int(poll.dirty_pages_per_s)}  # fmt: skip
    whole = {"status": status, "total-time": round(poll.time_s * 1000), "ram": ram}
    return whole | ({"downtime": 90} if status == "completed" else {"expected-downtime": 100})
