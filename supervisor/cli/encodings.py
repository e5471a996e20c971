"""What a stream gets whose encoding lacks a character: an ASCII form, else `?`, as wide as the character was.

So no text ever ends a command with a traceback, and columns stay straight. A path that is not UTF-8 goes out byte by
byte, as it came in. A terminal gets the encoding of its locale, though names of files are UTF-8 everywhere.
"""

import codecs
import io
import locale
import os
import re
import sys
from collections.abc import Iterator
from typing import TextIO

from supervisor.text.cells import width

LENIENT = "panevisor-lenient"
_FORMS = str.maketrans("…·–—→←↑↓│─×±“”‘’«»∞", "~.--><^v|-x+\"\"''<>*")
_SURROGATE = re.compile("[\ud800-\udfff]")  # a byte that is no UTF-8 (PEP 383), or half a character


def open_leniently(*streams: TextIO) -> None:
    """Have each of these streams take any text."""
    codecs.register_error(LENIENT, _replaced)
    forced = "utf8" in sys._xoptions and not os.environ.get("PYTHONIOENCODING")  # by us: see __main__
    encoding = locale.getencoding() if forced else None
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=encoding, errors=LENIENT)


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what stands for the characters at the error's start, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    if _SURROGATE.match(lost):
        byte = ord(lost[0]) - 0xDC00
        return bytes([byte]) if 0x80 <= byte <= 0xFF else "?", error.start + 1
    text = _SURROGATE.split(lost)[0]
    forms = "".join(form if form.isascii() else "?" * width(each) for each, form in _forms(text))
    return forms, error.start + len(text)


def _forms(text: str) -> Iterator[tuple[str, str]]:
    """Yield each character as a reader sees it, and its ASCII form, if it has one."""
    from wcwidth import iter_graphemes  # only now: 20 ms

    return ((each, each.translate(_FORMS)) for each in iter_graphemes(text))
