"""What a program sends to its terminal to be noticed: the bell, a notification (OSC 9, OSC 777), a title. Pure.

tmux hands none of them on, so they are read from the bytes of the log. In tmux programs often wrap them (DCS tmux;),
with each escape character doubled; that changes nothing here.
"""

import re

from actors.frozen import frozen
from supervisor.text.plain import plain

NEAR = 4096  # bytes: what a program draws when it has rung; with more after it, the call is over

_TRIES = 10  # titles without an end, the last of which is cut and the others are noise

_TITLE = re.compile(rb"\x1b\][02];([^\x07\x1b\n]{0,1000})(?:\x07|\x1b+\\)")
_CALL = re.compile(
    rb"\x1b\](?:(?P<notice>9);(?![0-9]+(?:;|\x07|\x1b))|(?P<rich>777);notify;)"
    rb"(?P<text>[^\x07\x1b\n]{0,1000})(?:\x07|\x1b+\\)"
    rb"|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b+\\)"  # any other OSC: the bell that ends it is none
    rb"|(?P<bell>\x07)"
)
_UNFINISHED = re.compile(rb"\x1b(?:\][^\x07\x1b\n]{0,1000}\x1b*)?\Z")


@frozen
class Signs:
    """What bytes hold: the call at their end, if there is one (in words), and the last title in them."""

    call: str | None = None
    title: str | None = None
    kept: bytes = b""  # the beginning of a sequence; it goes before the next bytes


def signs_in(data: bytes) -> Signs:
    """Return the signs in these bytes. A call with more than NEAR bytes after it is over."""
    call = None
    for found in _CALL.finditer(data, _begin(data)):
        text = plain(found["text"] or b"").strip()
        if (found["bell"] or found["notice"] or found["rich"]) and found.end() >= len(data) - NEAR:
            said = ": ".join(part for part in text.split(";", 1) if part) if found["rich"] else text
            call = said or call or "it rang the bell"
    unfinished = _UNFINISHED.search(data, max(0, len(data) - 2 * NEAR))
    return Signs(call, _title(data), unfinished[0] if unfinished else b"")


def _begin(data: bytes) -> int:
    """Return where to begin so that all near calls are found, and not within a sequence, whose end may be a bell."""
    near = max(0, len(data) - NEAR - 1200)
    opened = data.rfind(b"\x1b]", 0, near)
    closed = opened < 0 or data.find(b"\x07", opened, near) >= 0 or data.find(b"\x1b", opened + 1, near) >= 0
    return near if closed else opened


def _title(data: bytes) -> str | None:
    """Return the last title; searched from the end, as a program that works sets one after the other."""
    end = len(data)
    for _ in range(_TRIES):
        at = max(data.rfind(b"\x1b]0;", 0, end), data.rfind(b"\x1b]2;", 0, end))
        if at < 0:
            return None
        if found := _TITLE.match(data, at):
            return plain(found[1]).strip()
        end = at
    return None
