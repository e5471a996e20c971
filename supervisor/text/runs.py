r"""What `tmux capture-pane -e` prints, as runs of text in one style each; its twin is page/static/sgr.js. Pure.

    "\x1b[1;31mfailed\x1b[0m: disk full"   ──runs──▶   ("failed", bold, red), (": disk full", plain)

A capture has colours as SGR codes, line drawing between SO and SI, and links. A style goes on over the end of a line.
Everything else that acts on a terminal, turns the direction of text or breaks a line is left out, so what comes out can
be shown anywhere. tests/fast/text/sgr.json has the cases for both twins.
"""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from supervisor.text.rows import SEQUENCE

_HIDDEN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_TOKEN = re.compile(rf"(?P<text>[^\n{_HIDDEN}]+) | {SEQUENCE} | (?P<shift>[\x0e\x0f]) | .", re.VERBOSE | re.DOTALL)
_DRAWN = str.maketrans("`afgijklmnopqrstuvwxyz{|}~", "◆▒°±␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

Colour = int | str | None
"""0 to 255 of the palette, or `#rrggbb`; None: that of the terminal."""


class Style(NamedTuple):
    """How a run looks. `drawing`: letters stand for lines and corners; the text of a run already has those."""

    fg: Colour = None
    bg: Colour = None
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: bool = False
    inverse: bool = False
    hidden: bool = False
    strike: bool = False
    drawing: bool = False


PLAIN = Style()
Run = tuple[str, Style]
_SETS = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 8: "hidden", 9: "strike", 21: "underline"}
_RESETS = {
    22: ("bold", "faint"),
    23: ("italic",),
    24: ("underline",),
    27: ("inverse",),
    28: ("hidden",),
    29: ("strike",),
}
_CODES = {name: code for code, name in _SETS.items() if code < 10}


def lines(captured: str) -> Iterator[list[Run]]:
    """Yield the runs of each line. Neighbours in one style are one run, and no run is empty."""
    style = PLAIN
    for line in captured.split("\n"):
        found, style = runs(line, style)
        yield found


def runs(line: str, style: Style = PLAIN) -> tuple[list[Run], Style]:
    """Return the runs of a line that begins in `style`, and the style in which the next line begins."""
    found: list[Run] = []
    for token in _TOKEN.finditer(line):
        match token.lastgroup:
            case "text":
                text = token["text"].translate(_DRAWN) if style.drawing else token["text"]
                look = style._replace(drawing=False) if style.drawing else style
                if found and found[-1][1] == look:
                    text = found.pop()[0] + text
                found.append((text, look))
            case "final" if token["final"] == "m" and token[0][-2:-1] not in (" ", "/"):
                style = _changed(style, token["params"])
            case "shift":
                style = style._replace(drawing=token["shift"] == "\x0e")
    return found, style


def standalone(captured: str) -> list[str]:
    """Return its lines with text and SGR codes alone; each begins plain, so that any of them can be shown by itself."""
    return ["".join(map(_written, line)) for line in map(_trimmed, lines(captured))]


def tail(captured: str, most: int) -> list[str]:
    """Return the last lines that say something, up to `most`, as of `standalone`: with a letter or digit in them."""
    said = [line for line in lines(captured) if any(_says(text) for text, style in line if not style.hidden)]
    return ["".join(map(_written, _trimmed(line))) for line in said[-most:]]


def _says(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _trimmed(line: list[Run]) -> list[Run]:
    """Drop blanks at the end that nobody sees."""
    line = list(line)
    while line and line[-1][1].bg is None and not any((line[-1][1].inverse, line[-1][1].underline, line[-1][1].strike)):
        text, style = line.pop()
        if text := text.rstrip(" "):
            return [*line, (text, style)]
    return line


def _written(run: Run) -> str:
    text, style = run
    return text if style == PLAIN else f"\x1b[{_codes(style)}m{text}\x1b[0m"


@functools.lru_cache(maxsize=1024)
def _codes(style: Style) -> str:
    looks = [str(code) for name, code in _CODES.items() if getattr(style, name)]
    return ";".join([*looks, *_colour(3, style.fg), *_colour(4, style.bg)])


def _colour(ground: int, colour: Colour) -> list[str]:
    match colour:
        case None:
            return []
        case str():
            return [f"{ground}8;2;" + ";".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))]
        case int() if colour < 8:
            return [f"{ground}{colour}"]
        case _:
            return [f"{ground}8;5;{colour}"]


@functools.lru_cache(maxsize=4096)
def _changed(style: Style, params: str) -> Style:
    """Return the style after an SGR sequence; a code that is not known changes nothing."""
    if not re.fullmatch(r"[0-9;:]*", params):
        return style  # private: no SGR
    parts = params.split(";")
    while parts:
        first, *more = parts.pop(0).split(":")
        number = _number(first)
        if number not in (38, 48, 58):
            style = _simple(style, number, more)
            continue
        if not more:  # its arguments are the next codes
            count = {"5": 2, "2": 4}.get(parts[0] if parts else "", 0)
            more, parts = parts[:count], parts[count:]
        elif more[0] == "2" and len(more) > 4:  # 38:2:SPACE:R:G:B
            del more[1]
        colour = _extended(more)
        if colour is not None and number != 58:  # 58: of the underline
            style = style._replace(fg=colour) if number == 38 else style._replace(bg=colour)
    return style


def _extended(arguments: list[str]) -> Colour:
    numbers = [_number(part) for part in arguments]
    match numbers:
        case [5, int() as index] if index < 256:
            return index
        case [2, int() as red, int() as green, int() as blue, *_] if max(red, green, blue) < 256:
            return f"#{red:02x}{green:02x}{blue:02x}"
    return None


def _simple(style: Style, number: int | None, more: list[str]) -> Style:
    match number:
        case 0:
            return PLAIN._replace(drawing=style.drawing)
        case 4 if more:
            return style._replace(underline=more[0] != "0")
        case 39:
            return style._replace(fg=None)
        case 49:
            return style._replace(bg=None)
        case int() if number in _SETS:
            return style._replace(**{_SETS[number]: True})
        case int() if number in _RESETS:
            return style._replace(**dict.fromkeys(_RESETS[number], False))
        case int() if 30 <= number <= 37 or 90 <= number <= 97:
            return style._replace(fg=number - 30 if number < 90 else number - 82)
        case int() if 40 <= number <= 47 or 100 <= number <= 107:
            return style._replace(bg=number - 40 if number < 100 else number - 92)
    return style


def _number(part: str) -> int | None:
    return int(part or "0") if len(part) < 6 else None
