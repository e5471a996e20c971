"""Durations and sizes as people write them: "1m30s" is 90.0 seconds, "20MB" 20,000,000 bytes.

Whatever cannot be read raises ValueError with a predicate ("must be …") that a message about a key can end with.
"""

import os
import re
from decimal import Decimal

from supervisor.text.words import shown

LONGEST = "36500d"  # a century: past it, deadlines no longer fit the clocks that they are handed to
LARGEST = "1000000GB"

_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,9})?"
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>{_NUMBER}){unit})?" for unit in ("d", "h", "m", "s", "ms")))
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SIZE = re.compile(rf"({_NUMBER}) ?(?:([kKMGT])(i?))?(B?)")
_POWERS = {None: 0, "k": 1, "m": 2, "g": 3, "t": 4}


def seconds(value: object, *, least: str = "0s", never: bool = False) -> float:
    """Read a duration of at least `least`; units d, h, m, s, ms, each once and in this order.

    `never` says in the message that the word is allowed too; the caller deals with it.
    """
    found = _seconds(value) if isinstance(value, str) else None
    if found is None:
        examples = '"10s" or "1m30s", or "never"' if never else '"10s" or "1m30s"'
        raise ValueError(f"must be a duration like {examples}, not {shown(value)}{_unit_hint(value)}")
    if not (_seconds(least) or 0.0) <= found <= (_seconds(LONGEST) or 0.0):
        raise ValueError(f'must be from "{least}" to "{LONGEST}", not {shown(value)}')
    return found


def size(value: object, *, least: str = "0B") -> int:
    """Read a size in bytes of at least `least`: a whole number, or text with a unit from B to TiB.

    k, K, kB and KB are 1,000 bytes, Ki and KiB are 1,024.
    """
    found = _bytes(value)
    if found is None:
        raise ValueError(
            f'must be a size like "20MB" or "512KiB", or a whole number of bytes, not {shown(value)}{_size_hint(value)}'
        )
    if not (_bytes(least) or 0) <= found <= (_bytes(LARGEST) or 0):
        raise ValueError(f'must be from "{least}" to "{LARGEST}", not {shown(value)}')
    return found


def memory(value: object) -> int:
    """Read a size in bytes, also as a share of this machine's memory: "5%"."""
    share = re.fullmatch(rf"({_NUMBER})%", value) if isinstance(value, str) else None
    if share is None:
        return _size_or_share(value)
    if not float(share[1]) < 100:
        raise ValueError(f"must be less than 100%, not {shown(value)}")
    return int(Decimal(share[1]) * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 100)


def _size_or_share(value: object) -> int:
    if _bytes(value) is None:
        raise ValueError(f'must be a size like "500MB", or a share of the memory like "5%", not {shown(value)}')
    return size(value)


def _seconds(text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        return None
    whole = sum(float(match[unit] or 0) * each for unit, each in _SECONDS.items())
    return whole + float(match["ms"] or 0) / 1000  # divided: 700 * 0.001 is not 0.7


def _bytes(value: object) -> int | None:
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None or not (match[2] or match[4]):
        return None
    return int(Decimal(match[1]) * (1024 if match[3] else 1000) ** _POWERS[match[2] and match[2].lower()])


def _size_hint(value: object) -> str:
    """Name the units where there is a number in front of something else."""
    known = isinstance(value, str) and re.match(rf"{_NUMBER} *[a-zA-Z]", value)
    return " (units: k, M, G, T, also with B; Ki, Mi, Gi, Ti, also with B)" if known else ""


def _unit_hint(value: object) -> str:
    """Guess that a number without a unit was meant as seconds, the commonest slip."""
    number = "" if isinstance(value, bool) else str(value) if isinstance(value, float | str) else _small(value)
    return f' (for seconds write "{number}s")' if re.fullmatch(_NUMBER, number) else ""


def _small(value: object) -> str:
    return str(value) if isinstance(value, int) and 0 <= value < 10**12 else ""
