"""Points in time as people write them: "5 min ago", "09:30", "yesterday 18:00", an ISO 8601 time. Pure."""

import re
from contextlib import suppress
from datetime import datetime, time, timedelta

from supervisor.text.words import shown

EXAMPLES = '"10m", "5 min ago", "09:30", "yesterday 18:00" or "2026-11-28 02:36:19"'
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}
_UNIT = r"ms|w(?:eeks?)?|d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?"
_PART = re.compile(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?) ?({_UNIT})(?![a-z])[ ,]*")
_AHEAD = 60  # seconds: clocks differ by a little
_DAYS_BACK = {"today": 0, "yesterday": 1}


def moment(text: str, now: float) -> float:
    """Return what is meant, as Unix time; times are local unless they say otherwise. Raises ValueError.

    A time of day is the last one: at 00:10, "23:50" is twenty minutes ago.
    """
    words = " ".join(text.lower().split())
    found = _first_reading(words, now)
    if found is None:
        raise ValueError(f"must be a time like {EXAMPLES}, not {shown(text)}")
    if found > now + _AHEAD:
        here = datetime.fromtimestamp(now).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
        raise ValueError(f"must be in the past, not {shown(text)}: now it is {here}")
    return found


def _first_reading(words: str, now: float) -> float | None:
    for read in (_ago, _time_of_day, _iso):
        with suppress(ValueError, OverflowError):
            return read(words, now)
    return None


def _ago(words: str, now: float) -> float:
    rest = words.removeprefix("-").removesuffix(" ago").strip()
    if rest == "now":
        return now
    total, read = 0.0, 0
    while rest or not read:
        part = _PART.match(rest)
        if part is None:
            raise ValueError
        unit = part[2] if part[2] == "ms" else part[2][0]
        read += 1
        total += float(part[1]) * _SECONDS[unit]
        rest = rest[part.end() :]
    return now - total


def _time_of_day(words: str, now: float) -> float:
    here = datetime.fromtimestamp(now).astimezone()
    day, _, at = words.partition(" ") if words.split(" ")[0] in _DAYS_BACK else ("", "", words)
    if not words or (at and not re.match(r"[0-9]{1,2}:", at)):
        raise ValueError
    clock = time.fromisoformat(at.upper().zfill(len(at) + (at[1:2] == ":"))) if at else time()
    if clock.tzinfo is not None:
        here = here.astimezone(clock.tzinfo)
    meant = datetime.combine(here.date() - timedelta(days=_DAYS_BACK.get(day, 0)), clock)
    if not day and meant.timestamp() > now + _AHEAD:
        meant -= timedelta(days=1)
    return meant.timestamp()


def _iso(words: str, now: float) -> float:
    if not re.match(r"@[0-9]+(?:\.[0-9]+)?$|[0-9]{4}-[0-9]{2}-[0-9]{2}", words):
        raise ValueError
    if words.startswith("@"):
        return float(words[1:])
    text = re.sub(r" ?(?:utc|gmt)$", "Z", words).upper()
    text = re.sub(r" (?=[+-][0-9]{2}:?[0-9]{2}$|Z$)", "", text)
    return datetime.fromisoformat(text).timestamp()


def hours(value: object) -> tuple[int, int] | None:
    """Return the minutes of the day at which hours like "22:00-07:00" begin and end; raises ValueError."""
    if value is None:
        return None
    clock = "([01][0-9]|2[0-3]):([0-5][0-9])"
    found = re.fullmatch(f"{clock}-{clock}", value) if isinstance(value, str) else None
    if found is None or found[1] + found[2] == found[3] + found[4]:
        raise ValueError(f'must be hours of the day like "22:00-07:00", not {shown(value)}')
    parts = [int(part) for part in found.groups()]
    return 60 * parts[0] + parts[1], 60 * parts[2] + parts[3]
