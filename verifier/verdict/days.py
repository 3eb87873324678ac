"""Days and instants: what a printed date and a last day have to do with a block's time.

Indonesia has three zones without daylight saving time, and neither a receipt nor the chain says in which an institute
lies. A date has come once it has come in one of them; midnights of the three are different instants, so that a last
day can be told from its end. Source: docs/spec/verification.md 2.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone

WIB, WIT = timezone(timedelta(hours=7), "WIB"), timezone(timedelta(hours=9), "WIT")
# In which zone a day ends at an hour of UTC.
_ZONE_OF_MIDNIGHT = {17: "WIB", 16: "WITA", 15: "WIT"}
_FIRST_DAY = date(1970, 1, 1)
# The last second that a date says in UTC; block times end earlier, so that every zone says them.
LAST_SECOND = 253_402_300_799


def utc(seconds: int) -> datetime:
    """A time in seconds since 1970 as a date and time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def day_of(seconds: int) -> int:
    """The date of an instant in Western Indonesia Time, as days since 1970-01-01."""
    return (utc(seconds).astimezone(WIB).date() - _FIRST_DAY).days


def date_of(day: int) -> str:
    """Such a day as a date, YYYY-MM-DD."""
    return (_FIRST_DAY + timedelta(days=day)).isoformat()


def begin_of(day: int) -> int:
    """The first second of such a day."""
    return int(datetime.combine(_FIRST_DAY + timedelta(days=day), time(), WIB).timestamp())


def lag(printed: str, seconds: int) -> int:
    """The days from a printed date to an instant: 0 on that day in any zone, below 0 before it came in one."""
    since_first, since_last = (
        (utc(seconds).astimezone(zone).date() - date.fromisoformat(printed)).days for zone in (WIB, WIT)
    )
    return since_first if since_first > 0 else min(since_last, 0)


def last_day(until: int) -> tuple[str, str] | None:
    """The last day on which what ends at an instant holds, and its zone; nothing where it ends within a day."""
    end = utc(until)
    if (end.minute, end.second) != (0, 0) or end.hour not in _ZONE_OF_MIDNIGHT:
        return None
    # At that hour it is midnight in the zone, and in UTC still the day that ended.
    return end.date().isoformat(), _ZONE_OF_MIDNIGHT[end.hour]
