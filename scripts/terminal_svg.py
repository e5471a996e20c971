"""A terminal as an SVG: the text, its colours, and each word in its place, whatever fonts a reader has."""

import re
from collections.abc import Iterator
from html import escape

from wcwidth import wcswidth

from supervisor.text.runs import PLAIN, Colour, Run, Style, lines

CELL, LINE, SIZE = 8.4, 19, 14  # pixels
EDGE = 12
COLOURS = ("#14171c", "#ff6b6b", "#7ddf8a", "#f5c96a", "#7aa2f7", "#d7a1ff", "#7fd7e8", "#d6dae0")
FONTS = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
TEXT, FAINT, GROUND = "#d6dae0", "#868e99", "#14171c"


def drawn(text: str, columns: int, title: str) -> str:
    """Return the text, with its SGR codes, as a dark terminal of this width has it."""
    rows = [row for line in lines(text.rstrip("\n")) for row in _rows(line, columns)]
    shapes = [shape for at, row in enumerate(rows) for shape in _row(row, at)]
    width, height = columns * CELL + 2 * EDGE, len(rows) * LINE + 2 * EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{width:.0f}" height="{height}" rx="6" fill="{GROUND}"/>\n'
        f'<g font-family="{FONTS}" font-size="{SIZE}" fill="{TEXT}">\n' + "\n".join(shapes) + "\n</g>\n</svg>\n"
    )


def _rows(line: list[Run], columns: int) -> Iterator[list[Run]]:
    """Give the rows of a line: a character that does not fit begins the next one."""
    row: list[Run] = []
    x = 0
    for text, style in line:
        for char in text:
            wide = max(0, wcswidth(char))
            if x + wide > columns:
                yield row
                row, x = [], 0
            if row and row[-1][1] == style:
                row[-1] = (row[-1][0] + char, style)
            else:
                row.append((char, style))
            x += wide
    yield row


def _row(row: list[Run], number: int) -> Iterator[str]:
    x, y = 0, number * LINE + EDGE
    for text, style in row:
        wide = wcswidth(text)
        text_colour, ground = _colours(style)
        if ground:
            place = f'x="{EDGE + x * CELL:.1f}" y="{y}" width="{wide * CELL:.1f}" height="{LINE}"'
            yield f'<rect {place} fill="{ground}" shape-rendering="crispEdges"/>'
        for word in re.finditer(r"\S+", text):
            yield _word(word[0], x + wcswidth(text[: word.start()]), y + 14, text_colour, style)
        x += wide


def _colours(style: Style) -> tuple[str | None, str | None]:
    """Return the colours of the text and of what is behind it; None: those of the terminal."""
    text, ground = _hex(style.fg) or (FAINT if style.faint else None), _hex(style.bg)
    return (ground or GROUND, text or TEXT) if style.inverse else (text, ground)


def _hex(colour: Colour) -> str | None:
    if isinstance(colour, int):
        return COLOURS[colour % 8] if colour < 16 else None
    return colour


def _word(word: str, x: int, y: int, colour: str | None, style: Style = PLAIN) -> str:
    look = f' fill="{colour}"' if colour else ""
    look += ' font-weight="bold"' if style.bold else ""
    look += ' text-decoration="underline"' if style.underline else ""
    length = f'textLength="{wcswidth(word) * CELL:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{EDGE + x * CELL:.1f}" y="{y}" {length}{look}>{escape(word)}</text>'
