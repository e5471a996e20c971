"""How wide text is on a terminal, in cells, and how it is cut to a width. Pure.

    "api" 3      "東京" 4      "e" + U+0301 1      a family of emoji 2

What a reader sees as one character is never cut in two. wcwidth knows the widths; text of ASCII alone never loads it.
"""

ELLIPSIS = "…"


def width(text: str) -> int:
    """Return how many cells it takes; it must hold nothing that acts on a terminal (see `plain.visible`)."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # only now: 20 ms

    return max(0, wcswidth(text))


def padded(text: str, cells: int, *, right: bool = False) -> str:
    """Return it with blanks up to `cells`, before it where it is set `right`."""
    blanks = " " * (cells - width(text))
    return blanks + text if right else text + blanks


def cut(text: str, cells: int) -> str:
    """Return it, with its end cut off where it takes more than `cells`."""
    if width(text) <= cells:
        return text
    return _head(text, cells - 1) + ELLIPSIS if cells > 0 else ""


def cut_middle(text: str, cells: int) -> str:
    """Return it, with its middle cut out where it takes more than `cells`: names differ at both ends."""
    if width(text) <= cells:
        return text
    if cells < 3:
        return cut(text, cells)
    tail = (cells - 1) // 2
    return _head(text, cells - 1 - tail) + ELLIPSIS + _head(text, tail, backwards=True)


def wrapped(line: str, cells: int | None, indent: int) -> list[str]:
    """Return the line as lines of at most `cells`, broken between words, the further ones indented; None: whole.

    It may be painted. Where the indent would leave little room, the line is left to the terminal.
    """
    if cells is None or (line.isascii() and len(line) <= cells) or cells < 2 * indent + 16:
        return [line]
    from wcwidth import wrap  # only now: 20 ms

    return wrap(line, cells, subsequent_indent=" " * indent, break_on_hyphens=False)


def _head(text: str, cells: int, *, backwards: bool = False) -> str:
    """Return as many whole characters as fit, from the beginning or from the end."""
    if text.isascii():
        return text[len(text) - cells :] if backwards else text[:cells]
    from wcwidth import iter_graphemes

    kept: list[str] = []
    for character in reversed(list(iter_graphemes(text))) if backwards else iter_graphemes(text):
        cells -= width(character)
        if cells < 0:
            break
        kept.append(character)
    return "".join(reversed(kept) if backwards else kept)
