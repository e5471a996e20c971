"""What a pane shows: the last capture, with a digest that tells whether it changed."""

import hashlib
import re

from actors.frozen import frozen

MAX_SCREEN_BYTES = 2 * 1024 * 1024  # a worker; a 200×50 pane in full colour is about 100 kB
TOTAL_WARNING_BYTES = 100 * 1000 * 1000  # of all workers together

# a control sequence (colours), an operating system command (links), a character set, or two bytes
_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]+[0-~]|.)", re.DOTALL)


@frozen
class Screen:
    """One capture. `digest` covers all of it, so an edit anywhere is a change."""

    content: bytes
    digest: bytes

    @classmethod
    def of(cls, captured: bytes, *, previous: "Screen | None" = None) -> "Screen":
        """Return the screen of a capture; `previous` when nothing changed."""
        digest = hashlib.blake2b(captured, digest_size=16).digest()
        if previous is not None and previous.digest == digest:
            return previous
        return cls(tail(captured, MAX_SCREEN_BYTES), digest)


def tail(captured: bytes, limit: int) -> bytes:
    """Return up to the last `limit` bytes, from the start of a line: never inside an escape sequence or a character."""
    if len(captured) <= limit:
        return captured
    start = len(captured) - limit
    if captured[start - 1 : start] == b"\n":
        return captured[start:]
    newline = captured.find(b"\n", start, -1)  # the last byte ends the last line and begins none
    return captured[newline + 1 if newline >= 0 else _after_partial(captured, start) :]


def _after_partial(captured: bytes, start: int) -> int:
    """Return where to start in a line longer than the limit: after the escape sequence or character that is cut."""
    escape = captured.rfind(b"\x1b", 0, start)
    sequence = _ESCAPE.match(captured, escape) if escape >= 0 else None
    if sequence:
        start = max(start, sequence.end())
    while start < len(captured) and 0x80 <= captured[start] < 0xC0:
        start += 1
    return start
