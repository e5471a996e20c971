r"""What a terminal shows of a text whose sequences move its cursor: a light line discipline. Pure.

    text ──tokens──▶ runs of cells, moves, erasures ──▶ rows with a cursor ──▶ lines

    "50%\r100%"                100%                        one row, overwritten
    "is\x1b[1Cready"           is ready                    a gap is blanks
    "\x1b[2;1Hb\x1b[1;1Ha"     a, b                        a row that is addressed is a line

The text is a log, so it has no height: the last TALLEST rows can be addressed, and those above them are done. The first
absolute address begins a *frame* below all that was printed. A frame that was drawn by addresses and is then cleared
gives way to the next one. Lines that were only printed stay when the screen is cleared, as they do in a log. Rows that
nothing touched are left out. Nothing here wraps a row: where a real screen is needed, tmux is asked for it.
"""

import re
from collections import deque
from dataclasses import dataclass, field

WIDEST = 1000  # cells; no move goes further to the right
TALLEST = 200  # rows that can be addressed
MOST_MARKS = 32  # characters in one cell; the next mark is one of its own
MOST_DONE = 20_000  # rows; a few bytes can make a wide one, so the oldest go

SEQUENCE = r"""
      (?:\x1b\[|\x9b) (?P<params>[0-?]*) [ -/]* (?P<final>[@-~]?)  # CSI: colours, cursor
    | (?:\x1b\] | \x9d) [^\n\x07\x1b\x9c]* (?:\x07|\x1b\\|\x9c)?   # OSC: titles, links; without end: to the line's end
    | (?:\x1b[PX^_] | [\x90\x98\x9e\x9f])                          # DCS, SOS, PM, APC
      (?: [^\x1b\x80-\x9f]*+ (?:\x1b\\|\x9c)                       # over many lines, if nothing but text is before the
        | [^\n\x1b\x9c]* (?:\x1b\\|\x9c)? )                        # end: so nothing is searched twice; else as OSC
    | \x1b [ -/]* (?P<escaped>[0-~]?)                              # charsets and the rest
"""
# Every repetition stands before a character that it cannot take itself, so each search is over in one pass.
_TOKEN = re.compile(rf"(?P<text>[^\x00-\x1f\x7f-\x9f]+) | {SEQUENCE} | (?P<control>[\x00-\x1f\x7f-\x9f])", re.VERBOSE)
_MOVING = re.compile(  # it begins with one set of characters, which is what a search is quick at
    r"""
    [\x08\x0b\x0c\r\x1b\x9b]
    (?: (?<=[\x08\x0b\x0c\r])
      | (?<=\x1b) [78DEMc]
      | (?: (?<=\x9b) | (?<=\x1b) \[ ) (?: [0-9;]*[@-IPXZ`abdefrsu] | [1-3][JK] | \?[0-9;]*[hl] ) )
    """,
    re.VERBOSE,
)
_SCREENS = {"47", "1047", "1049"}  # private modes: the alternate screen
_Cells = list[str]  # a wide character and a tab are followed by empty cells


def is_moving(text: str) -> bool:
    """Whether anything in it moves the cursor but newlines, so that the text is not what a terminal shows.

    To erase what is right of the cursor does nothing as long as the cursor stands at the end.
    """
    return _MOVING.search(text) is not None


@dataclass(slots=True)
class Rows:
    """Rows as far as they are drawn, and the cursor, which is in the last TALLEST of them."""

    done: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_DONE))
    """The rows above those that can be addressed."""
    rows: list[_Cells | None] = field(default_factory=lambda: [None])
    """The rows that can be addressed; None: nothing has touched it."""
    row: int = 0
    column: int = 0
    height: int = TALLEST
    """The rows that scroll, if the program has said that: those below stand still."""
    is_frame: bool = False
    """Whether the first of `rows` is where the program drew its first row by an address."""
    is_drawn: bool = False
    """Whether rows of this frame were addressed, and not only printed one after the other."""
    saved: tuple[int, int] = (0, 0)
    last: str = " "

    def feed(self, text: str) -> None:
        """Obey a text; a sequence must not be cut in two."""
        for token in _TOKEN.finditer(text):
            match token.lastgroup:
                case "text":
                    self._print(token["text"])
                case "control":
                    self._control(token["control"])
                case "final":
                    self._csi(token["params"], token["final"])
                case "escaped":
                    self._escape(token["escaped"])

    def lines(self) -> list[str]:
        """Return the rows that were touched, without blanks at their end."""
        return [*self.done, *(_shown(row) for row in self.rows if row is not None)]

    # ── cells ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _cells(self) -> _Cells:
        row = self.rows[self.row]
        if row is None:
            row = self.rows[self.row] = []
        return row

    def _print(self, text: str) -> None:
        cells = text if text.isascii() else _wide(text)
        self._put(self._cells(), self.column, cells)
        self.column += len(cells)
        self.last = text[-1]

    def _put(self, row: _Cells, start: int, cells: str | _Cells) -> None:
        end = start + len(cells)
        row.extend(" " * (start - len(row)))
        _break(row, start)
        _break(row, end)
        row[start:end] = cells

    def _tab(self) -> None:
        stop = self.column // 8 * 8 + 8
        row = self._cells()
        if self.column >= len(row):
            self._put(row, self.column, ["\t", *[""] * (stop - self.column - 1)])
        self.column = stop

    # ── moves ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _control(self, control: str) -> None:
        match control:
            case "\n":
                self._cells()
                self._down()
                self.column = 0
            case "\r":
                self.column = 0
            case "\b":
                self.column = max(0, self.column - 1)
            case "\t":
                self._tab()
            case "\x0b" | "\x0c":
                self._down()

    def _down(self) -> None:
        """Go to the next row; at the end of those that scroll, the first is done."""
        if self.row not in (self.height - 1, TALLEST - 1):
            self._go(self.row + 1, self.column)
            return
        self.column = min(self.column, WIDEST - 1)
        if (first := self.rows.pop(0)) is not None:
            self.done.append(_shown(first))
        self.rows.insert(self.row, None)
        self.saved = (max(0, self.saved[0] - 1), self.saved[1])

    def _go(self, row: int, column: int) -> None:
        row = min(max(0, row), TALLEST - 1)
        widest = WIDEST - 1 if row != self.row else max(self.column, WIDEST - 1)
        self.row, self.column = row, min(max(0, column), widest)
        self.rows.extend([None] * (row + 1 - len(self.rows)))

    def _escape(self, final: str) -> None:
        match final:
            case "D":
                self._down()
            case "E":
                self._down()
                self.column = 0
            case "M":
                self._go(self.row - 1, self.column)
            case "7":
                self.saved = (self.row, self.column)
            case "8":
                self._go(*self.saved)
            case "c":
                self._clear()
                self._go(0, 0)

    def _csi(self, params: str, final: str) -> None:
        if params[:1] in ("<", "=", ">", "?"):
            if final in ("h", "l") and not _SCREENS.isdisjoint(params[1:].split(";")):
                self._begin_frame(0, 0)
            return
        numbers = [int(number[:6]) if number.isdecimal() else 0 for number in params.split(";")[:2]]
        first, second = numbers[0], max(1, *numbers[1:], 1)
        if not (self._relative(final, max(1, first)) or self._absolute(final, first, second)):
            self._edit(final, first)

    def _relative(self, final: str, count: int) -> bool:
        match final:
            case "A":
                self._go(self.row - count, self.column)
            case "B" | "e":
                self._go(self.row + count, self.column)
            case "C" | "a":
                self._go(self.row, self.column + count)
            case "D":
                self._go(self.row, self.column - count)
            case "E":
                self._go(self.row + count, 0)
            case "F":
                self._go(self.row - count, 0)
            case _:
                return False
        return True

    def _absolute(self, final: str, first: int, second: int) -> bool:
        match final:
            case "G" | "`":
                self._go(self.row, first - 1)
            case "H" | "f":
                self._address(first - 1, second - 1)
            case "d":
                self._address(first - 1, self.column)
            case "r":
                self.height = second if first <= 1 < second < TALLEST else TALLEST
                self._address(0, 0)
            case "s":
                self.saved = (self.row, self.column)
            case "u":
                self._go(*self.saved)
            case _:
                return False
        return True

    def _address(self, row: int, column: int) -> None:
        if not self.is_frame:
            self._begin_frame(0, 0)
        self.is_drawn = self.is_drawn or row > 0
        self._go(row, column)

    def _begin_frame(self, row: int, column: int) -> None:
        """Begin a frame below all that was touched, with the cursor there in it."""
        self.done.extend(_shown(touched) for touched in self.rows if touched is not None)
        self.rows, self.saved = [None], (0, self.saved[1])
        self.is_frame, self.is_drawn = True, False
        self._go(row, min(column, WIDEST - 1))

    # ── erasures ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _edit(self, final: str, number: int) -> None:
        row, column, count = self.rows[self.row], self.column, min(max(1, number), WIDEST)
        if final == "b":
            self._print(self.last * min(count, max(1, WIDEST - column)))
        elif final == "J":
            self._erase_screen(number)
        elif row is not None and (column < len(row) or final == "K"):
            self._edit_row(row, final, number, min(count, len(row) - column))

    def _edit_row(self, row: _Cells, final: str, how: int, count: int) -> None:
        column, whole = self.column, len(row)
        if whole > WIDEST and (final, how) not in (("K", 0), ("K", 2)):
            return  # no terminal is so wide, and each of these would cost a copy of the row
        match final:
            case "K" if how == 0:
                _break(row, column)
                del row[column:]
            case "K" if how == 1:
                self._put(row, 0, " " * min(column + 1, whole))
            case "K" if how == 2:
                self.rows[self.row] = None
            case "X":
                self._put(row, column, " " * count)
            case "P":
                self._put(row, column, " " * count)
                del row[column : column + count]
            case "@":
                _break(row, column)
                row[column:column] = " " * count
                del row[max(WIDEST, whole) :]

    def _erase_screen(self, how: int) -> None:
        if how == 2 or (how == 0 and (self.row, self.column) == (0, 0) and self.is_frame):
            self._clear()
        elif how == 0:
            self._edit("K", 0)
            del self.rows[self.row + 1 :]
        elif how == 1:
            self._edit("K", 1)
            self.rows[: self.row] = [None] * self.row

    def _clear(self) -> None:
        """Drop a frame that was drawn. What was only printed stays, and a new frame begins below it."""
        if self.is_drawn:
            self.rows = [None] * len(self.rows)
            self.is_drawn = False
        else:
            self._begin_frame(self.row if self.is_frame else 0, self.column)


def laid_out(text: str) -> Rows:
    """Return the rows that a terminal would have, and where its cursor would stand."""
    rows = Rows()
    rows.feed(text)
    return rows


def _wide(text: str) -> _Cells:
    """Return the cells of a text: a wide character takes two, a mark none of its own."""
    from wcwidth import wcwidth  # only now: 20 ms

    cells: _Cells = []
    for char in text:
        width = 1 if char.isascii() else wcwidth(char)
        if width > 0:
            cells += [char, ""] if width == 2 else [char]
        elif cells and len(cells[base := -1 - (cells[-1] == "")]) < MOST_MARKS:
            cells[base] += char
        else:
            cells.append(char)  # it may belong to what was printed before; a cell of its own loses no text
    return cells


def _shown(row: _Cells) -> str:
    return "".join(row).rstrip(" ")


def _break(row: _Cells, column: int) -> None:
    """Blank the wide character or tab that reaches over the border left of `column`."""
    end = start = column
    while end < len(row) and row[end] == "":
        end += 1
    if end > column:
        while start > 0 and row[start] == "":
            start -= 1
        row[start:end] = " " * (end - start)
