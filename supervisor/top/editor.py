"""The one line that is typed in: a filter, a pattern, a prompt. Pure.

Its keys come through the one widget, in the order in which they were typed: a widget of its own would get the focus too
late, and keys that are typed fast would be taken for commands.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from supervisor.text.cells import width
from supervisor.text.plain import visible
from supervisor.text.runs import PLAIN, Style
from supervisor.top.lines import BOLD, Line, cells, clipped

_CURSOR = Style(inverse=True)
_WORD = re.compile(r"\S*\s*\Z")
_BREAK = "⏎"  # a new line in a text that was pasted


@dataclass(slots=True)
class Editor:
    """`cursor`: how many characters stand before it."""

    label: str
    text: str = ""
    cursor: int = 0

    def insert(self, text: str) -> None:
        """Put text at the cursor; without control characters but new lines."""
        text = "".join(char for char in re.sub(r"\r\n?", "\n", text) if char.isprintable() or char == "\n")
        self._replace(self.cursor, self.cursor, text)

    def press(self, key: str, character: str | None) -> bool:
        """Do what a key means here; return whether the text has changed."""
        before = self.text
        if does := _KEYS.get(key):
            does(self)
        elif character and character.isprintable():
            self.insert(character)
        return self.text != before

    def line(self, room: int) -> Line:
        """Return the label and as much of the text as fits, the cursor within it."""
        label: Line = [(f" {visible(self.label)}: ", BOLD)]
        room -= cells(label)
        before, at, behind = (self._shown(part) for part in self._around())
        text: Line = [(before, PLAIN), (at or " ", _CURSOR), (behind, PLAIN)]
        return [*label, *clipped(text, max(0, width(before) + 2 - room), room)]

    def _around(self) -> tuple[str, str, str]:
        return self.text[: self.cursor], self.text[self.cursor : self.cursor + 1], self.text[self.cursor + 1 :]

    def _shown(self, text: str) -> str:
        return visible(text.replace("\n", _BREAK))

    def _replace(self, start: int, end: int, text: str = "") -> None:
        self.text = self.text[:start] + text + self.text[end:]
        self.cursor = start + len(text)

    def _go(self, to: int) -> None:
        self.cursor = min(max(0, to), len(self.text))

    def _word_begins(self) -> int:
        found = _WORD.search(self.text[: self.cursor].rstrip())
        return found.start() if found else 0


_KEYS: dict[str, Callable[[Editor], None]] = {
    "left": lambda line: line._go(line.cursor - 1),
    "right": lambda line: line._go(line.cursor + 1),
    "home": lambda line: line._go(0),
    "end": lambda line: line._go(len(line.text)),
    "backspace": lambda line: line._replace(max(0, line.cursor - 1), line.cursor),
    "delete": lambda line: line._replace(line.cursor, line.cursor + 1),
    "ctrl+w": lambda line: line._replace(line._word_begins(), line.cursor),
    "ctrl+u": lambda line: line._replace(0, line.cursor),
    "ctrl+k": lambda line: line._replace(line.cursor, len(line.text)),
}
_KEYS |= {
    "ctrl+b": _KEYS["left"],
    "ctrl+f": _KEYS["right"],
    "ctrl+a": _KEYS["home"],
    "ctrl+e": _KEYS["end"],
    "ctrl+h": _KEYS["backspace"],
    "ctrl+d": _KEYS["delete"],
    "alt+backspace": _KEYS["ctrl+w"],
}
