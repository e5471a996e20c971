"""When a program says that it can go on: a time that it has printed, as Unix time.

    "9pm (Asia/Bangkok)"  "at 14:30"  "Oct 6, 1pm"  "tomorrow 9:00"  "in 3h 20m"  "1749924000"  "2026-11-29T21:00:00Z"

What follows such a time is ignored; what has no such time at its beginning is not guessed at. A time without a zone is
one of this machine.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PAST = 3600.0  # seconds for which a time of day is one that has just passed, and not tomorrow's; by judgement
_LONGEST = 200  # characters that are looked at
_MILLISECONDS = 1e11  # Unix times from here on are in milliseconds: in seconds this is the year 5138
_SECONDS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_UNIT = r"w(?:eeks?)?|d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?"
_WORDS = re.compile(r"(?:(?:resets?|again|available|until|till|at|on|by|in|after)\b:? ?)*", re.I)
_UNIX = re.compile(r"@?(\d{10}(?:\d{3})?)(?:\.\d+)?(?![\d:-])")
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(Z|UTC|GMT|[+-]\d\d:?\d\d))?(?![\d:])", re.I
)
_PART = re.compile(rf"(\d{{1,6}}(?:\.\d{{1,6}})?) ?({_UNIT})(?![a-z])(?:,? and |[, ]*)?(?=\d|)", re.I)
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d\d))?(?::(\d\d))? ?(?:([ap])\.?m\b\.?)?(?![\d:])", re.I)
_ZONE = re.compile(r" ?(?:\(([^)]{1,64})\)|([A-Za-z]+/[A-Za-z_/+-]+|[A-Z]{3,5}|Z|[+-]\d\d:?\d\d)(?![\w/]))")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMED_DAY = re.compile(rf"(today|tomorrow|{'|'.join(_DAYS)})[a-z]*,?(?: at)? ", re.I)
_DATE = re.compile(
    rf"(?:({'|'.join(_MONTHS)})[a-z]*\.? (\d{{1,2}})|(\d{{1,2}})\.? ({'|'.join(_MONTHS)})[a-z]*\.?)(?:st|nd|rd|th)?"
    r"(?:,? (\d{4}))?,?(?: at)? ",
    re.I,
)


def read_until(text: str, now: float) -> float | None:
    """Return the time that the text begins with, as Unix time; None where it begins with none.

    A time of day is the next one, but for one that has passed within the last hour.
    """
    words = " ".join(text.split())[:_LONGEST]
    words = words[_WORDS.match(words).end() :]  # type: ignore[union-attr]  # it matches nothing, too
    for read in (_unix, _iso, _from_now, _on_a_day):
        with suppress(ValueError, OverflowError, OSError):
            return read(words, now)
    return None


def _unix(words: str, _now: float) -> float:
    at = float(_found(_UNIX, words)[1])
    return at / 1000 if at >= _MILLISECONDS else at


def _iso(words: str, _now: float) -> float:
    found = _found(_ISO, words)
    text = re.sub(r" ?(?:utc|gmt|z)$", "+00:00", found[0], flags=re.I)
    text = re.sub(r" (?=[+-]\d\d:?\d\d$)", "", text)
    moment = datetime.fromisoformat(text.upper())
    zone = None if moment.tzinfo else _zone_after(words[found.end() :])
    return (moment.replace(tzinfo=zone) if zone else moment).timestamp()


def _from_now(words: str, now: float) -> float:
    total = 0.0
    if not _PART.match(words):
        raise ValueError
    while part := _PART.match(words):
        total += float(part[1]) * _SECONDS[part[2][0].lower()]
        words = words[part.end() :]
    return now + total


def _on_a_day(words: str, now: float) -> float:
    """Read a time of day, maybe after a day or a date."""
    date_of = _DATE.match(words)
    named = None if date_of else _NAMED_DAY.match(words)
    day = date_of or named
    words = words[day.end() :] if day else words
    found = _found(_CLOCK, words)
    clock, zone = _clock(found), _zone_after(words[found.end() :])
    here = datetime.fromtimestamp(now).astimezone(zone)
    candidates = _dates(date_of, here) if date_of else _named(named[1].lower(), here) if named else _around(here)
    moments = [datetime.combine(each, clock, zone).timestamp() for each in candidates]
    return next((at for at in moments if at > now - PAST), moments[-1])


def _clock(found: re.Match[str]) -> time:
    hour, half = int(found[1]), (found[4] or "").lower()
    if not half and found[2] is None:
        raise ValueError("a number alone is no time")
    if half and not 1 <= hour <= 12:
        raise ValueError("no hour of half a day")
    return time(hour % 12 + 12 * (half == "p") if half else hour, int(found[2] or 0), int(found[3] or 0))


def _zone_after(words: str) -> tzinfo | None:
    """Return the zone that is named there; None: there is none. Raises ValueError for one that is not known."""
    found = _ZONE.match(words)
    if found is None:
        return None
    name = (found[1] or found[2]).strip()
    if re.fullmatch(r"[+-]\d\d:?\d\d|Z", name):
        return datetime.strptime(name, "%z").tzinfo
    try:
        return ZoneInfo({"GMT": "UTC"}.get(name, name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no known zone") from None


def _around(here: datetime) -> Iterator[date]:
    for days in (-1, 0, 1):
        yield here.date() + timedelta(days=days)


def _named(day: str, here: datetime) -> Iterator[date]:
    if day in ("today", "tomorrow"):
        yield here.date() + timedelta(days=day == "tomorrow")
        return
    ahead = (_DAYS.index(day) - here.weekday()) % 7
    yield here.date() + timedelta(days=ahead)
    yield here.date() + timedelta(days=ahead + 7)


def _dates(found: re.Match[str], here: datetime) -> Iterator[date]:
    month = _MONTHS.index((found[1] or found[4]).lower()) + 1
    day = int(found[2] or found[3])
    for year in [int(found[5])] if found[5] else [here.year, here.year + 1]:
        yield date(year, month, day)


def _found(pattern: re.Pattern[str], words: str) -> re.Match[str]:
    found = pattern.match(words)
    if found is None:
        raise ValueError
    return found
