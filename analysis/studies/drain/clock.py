"""Clock times as an administrator writes them: ``23:30``, or a day with it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from analysis.errors import UserError

_TIME = re.compile(r"(\d{1,2})[:.](\d{2})(?::(\d{2}))?")


def read(text: str, said: str, after: datetime) -> datetime:
    """A time of day as the next one after a moment, or a moment of its own; UserError for what is past.

    >>> read("23:30", "--until", datetime(2026, 5, 4, 22, 0)).isoformat()
    '2026-05-04T23:30:00'
    >>> read("01:30", "--until", datetime(2026, 5, 4, 22, 0)).isoformat()
    '2026-05-05T01:30:00'
    """
    found = _TIME.fullmatch(text.strip())
    if found:
        hour, minute, second = (int(part or 0) for part in found.groups())
        if hour > 23 or minute > 59 or second > 59:
            raise UserError(f"{said} {text!r} is no time of day: hours go to 23, minutes to 59")
        day = after.replace(hour=hour, minute=minute, second=second, microsecond=0)
        return day if day >= after else day + timedelta(days=1)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UserError(f"{said} {text!r} is no time; write 23:30, or 2026-05-04T23:30") from None
    moment = moment.astimezone().replace(tzinfo=None) if moment.tzinfo else moment
    if moment < after:
        raise UserError(f"{said} {text} is past: it is before {after:%Y-%m-%d %H:%M}")
    return moment
