"""What programs print and people name, as text for a terminal: nothing in it acts, nothing in it hides. Pure.

    bytes a program printed ──plain──▶ text without escape sequences and controls (searched, recorded, sent as JSON)
    any text                ──visible──▶ the same with whatever a person would not see as an escape (`\\u202e`)

A terminal obeys control characters, and its reader is deceived by characters that turn the direction of text or that
take no room (CVE-2021-42574, "Trojan Source"). `-o json` and `--raw` stay exact; everything else that a person reads
goes through `visible`.
"""

import re

from supervisor.text.rows import SEQUENCE, is_moving, laid_out

_SEQUENCE = re.compile(SEQUENCE, re.VERBOSE)
_LINE_END = re.compile(r"\r+\n?")  # a terminal makes CR CR LF of a program's own CR LF
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROLS = dict.fromkeys((*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)))

_EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"
# what a terminal obeys, what turns the direction of text, and what takes no room; not: variation selectors
_UNSEEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers, vowels without a form
    "\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # of shorthand and of scores
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags; between them are variation selectors
    "]"
    # a joiner is part of an emoji between two of them (a family, a flag), and hidden anywhere else
    f"|(?<![{_EMOJI}\ufe0f])\u200d|\u200d(?![\u2190-\u2bff{_EMOJI}])"
)


def plain(data: bytes) -> str:
    """Return what a terminal would show of it: no control character but newline and tab, no sequence.

    A row of CRs before an LF is part of it; any other CR goes back to the beginning of its row, which is then written
    over. What is not UTF-8 becomes U+FFFD. Blanks at the end of rows go where anything has moved the cursor.
    """
    return obeyed(data.decode(errors="replace").rstrip("\r").replace("\r\n", "\n"))


def plain_lines(data: bytes) -> str:
    """Return what a terminal would show of each line by itself: a move to another row ends with its line."""
    text = data.decode(errors="replace").rstrip("\r").replace("\r\n", "\n")
    return "\n".join(map(obeyed, text.split("\n"))) if is_moving(text) else obeyed(text)


def obeyed(text: str) -> str:
    """Return what is shown of decoded text, in which each CR before an LF is gone; see `plain`."""
    if not _CONTROL.search(text):
        return text
    if "\r" in text:
        text = _LINE_END.sub(_line_end, text)
    if is_moving(text):
        return "\n".join(laid_out(text).lines()) + "\n" * text.endswith("\n")
    return _SEQUENCE.sub("", text).translate(_CONTROLS)


def last_redraw(line: bytes, longest: int) -> bytes:
    """Return what of a line, without its newline, is worth laying out: what follows its last CR if it is longer.

    A bar that is drawn again after each CR must not hide what it says now.
    """
    if len(line) <= longest:
        return line
    line = line.rstrip(b"\r")
    return line[line.rfind(b"\r") + 1 :]


def _line_end(found: re.Match[str]) -> str:
    return found[0][-1]


def visible(text: object, keep: str = "") -> str:
    r"""Return text with each character that a person would not see as an escape like \x1b, except those in `keep`."""
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], str(text))
