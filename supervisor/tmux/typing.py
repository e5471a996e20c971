"""Typing into a pane, and looking at the place where its input is shown.

    LookAtInput ──▶ one question, and one capture where the rows matter ──▶ Sight
    Type        ──▶ one line that tmux drops unless pane, life, cursor and a person's last key are as expected

Rows are captured by a client of their own and never through the control client: a row could look like an answer.
"""

import fcntl
import os
import re
import secrets
import struct
import termios
import time
from collections.abc import Iterator
from dataclasses import replace

from actors.errors import NotAsked, TerminalError
from actors.frozen import frozen
from actors.ports import LookAnswer, TypeAnswer
from actors.values.effects import LookAtInput, Type
from actors.values.facts import InputSeen, Typed, TypeHeld, TypeRefused, TypeUnknown
from actors.values.typing import Rows, Sight
from supervisor.attention.foreground import reader_of
from supervisor.text.cells import width
from supervisor.text.plain import plain
from supervisor.tmux.client import Block, ControlClient
from supervisor.tmux.words import EXPIRED, LOOK_FORMAT, MOVED, TYPED, TYPISTS_FORMAT, in_time, type_into, words

EXPIRY = 4  # whole seconds an order stays valid inside tmux; longer than the deadline of its answer
TYPE_GUARDS = 2  # commands at the beginning of a line that types: in time, and the pane is alive and the life's
_CHOOSES = re.compile(r"[\s│┃|]*[>❯›»](?:\s|$)")  # a row that begins with a prompt
_SGR = re.compile(r"\x1b\[([0-9;:]*)m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*.|[\x0e\x0f]")


class Typist:
    """Types and looks over a control client. Every call is bounded in time."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, orders: list[LookAtInput]) -> list[LookAnswer]:
        """Look at several panes: one round over the control client, and one capture of all whose rows are wanted."""
        lines = [line for order in orders for line in (_question(order.pane), words(*_who(order.pane)))]
        try:
            said = iter([_said(blocks) for blocks in self._client.run(*lines)])
            sights = [_sight(next(said), next(said), order.life) for order in orders]
            seen = list(zip(orders, sights, strict=True))
            rows = self._captured([order for order, sight in seen if _wants_rows(order, sight)])
        except TerminalError:
            return [TypeHeld(order.life, order.piece, unasked=True) for order in orders]
        return [_seen(order, sight, rows) for order, sight in seen]

    def _captured(self, orders: list[LookAtInput]) -> dict[str, str]:
        """Return what these panes show, by pane: a line in `LOOK_FORMAT` for that moment, and the rows."""
        if not orders:
            return {}
        mark = secrets.token_hex(16)
        head = f"{mark} {LOOK_FORMAT}"
        commands = [f"{_question(o.pane, head)}\ncapture-pane -p -e -N -t {o.pane}\n" for o in orders]
        printed = self._client.batch("".join(commands)).decode(errors="replace")
        sections = printed.split(f"{mark} ")[1:]
        if len(sections) != len(orders):
            raise TerminalError("a pane has gone meanwhile")
        return {order.pane: section for order, section in zip(orders, sections, strict=True)}

    # ── typing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def type(self, order: Type) -> TypeAnswer:
        try:
            if time.monotonic() >= order.until or (order.if_taken and self._unread(order.pane)):
                return TypeHeld(order.life, order.piece)
            if not order.content and not order.keys:
                return Typed(order.life, order.piece)
            (blocks,) = self._client.run(in_time(int(time.time()) + EXPIRY, type_into(order)))
        except NotAsked:
            return TypeHeld(order.life, order.piece, unasked=True)
        except TerminalError:
            return TypeUnknown(order.life, order.piece)
        return _typing_answer(order, blocks)

    def _unread(self, pane: str) -> bool:
        """Whether the program has bytes to read on its terminal, by the kernel's count; a dead pane has no terminal.

        tmux goes on to name the one that it had, which may be another pane's by now.
        """
        (blocks,) = self._client.run(words("display-message", "-p", "-t", pane, "#{?pane_dead,,#{pane_tty}}"))
        return bytes_to_read(_said(blocks)) > 0


def _typing_answer(order: Type, blocks: list[Block]) -> TypeAnswer:
    """Return what has become of it: the line begins with its guards, and past them an error may come half-way."""
    guards, rest = blocks[:TYPE_GUARDS], blocks[TYPE_GUARDS:]
    if any(block.text == TYPED and not block.error for block in rest):
        return Typed(order.life, order.piece)
    if any(block.text.endswith(EXPIRED) for block in guards if block.error):
        return TypeHeld(order.life, order.piece, unasked=True)
    if any(block.error for block in guards):
        return TypeRefused(order.life, order.piece, "its pane is dead")
    if any(block.text.endswith(MOVED) for block in rest if block.error):
        return TypeHeld(order.life, order.piece, moved=True)
    return TypeUnknown(order.life, order.piece)


# ── what tmux says of the pane ────────────────────────────────────────────────────────────────────────────────────


@frozen
class _Shown:
    """A line in `LOOK_FORMAT`."""

    cursor: tuple[int, int]
    visible: bool
    alternate: bool
    columns: int
    touched: int
    attached: bool
    tty: str
    pid: int


def _question(pane: str, format: str = LOOK_FORMAT) -> str:
    return words("display-message", "-p", "-t", pane, format)


def _who(pane: str) -> tuple[str, ...]:
    return ("list-clients", "-t", pane, "-F", TYPISTS_FORMAT)


def _said(blocks: list[Block]) -> str:
    return "\n".join(block.text for block in blocks if not block.error)


def _shown_of(line: str, life: str) -> _Shown | None:
    """Return what the line says; None for a pane that is gone, dead or another life's."""
    fields = line.split(" ", 10)
    if len(fields) != 11 or fields[0] != "0" or f'"{life}"' not in fields[10]:
        return None
    x, y, visible, alternate, columns, touched, attached, tty, pid = fields[1:10]
    cursor = int(x), int(y)
    return _Shown(cursor, visible == "1", alternate == "1", int(columns), int(touched), attached != "0", tty, int(pid))


def _last_key(lines: str) -> int | None:
    """Return when (Unix time) one of those who are attached and may type has come, or pressed a key."""
    fields = [line.split(" ") for line in lines.splitlines()]
    return max((int(at) for at, reads_only, program in fields if (reads_only, program) == ("0", "0")), default=None)


def _sight(line: str, typists: str, life: str) -> Sight | None:
    """Return what tmux and the kernel say of the terminal, without its rows; None: the pane is not this life's."""
    shown = _shown_of(line, life)
    if shown is None:
        return None
    return replace(_of_terminal(shown), typing=_last_key(typists) if shown.attached else None)


def _wants_rows(order: LookAtInput, sight: Sight | None) -> bool:
    if sight is None:
        return False
    drawn = order.rows is Rows.DRAWN and not sight.canonical
    return order.rows in (Rows.ALWAYS, Rows.PROMPT) or drawn or sight.touched > order.since


def _seen(order: LookAtInput, sight: Sight | None, rows: dict[str, str]) -> LookAnswer:
    """Return the answer; with rows, the cursor is where it was when they were captured."""
    head, _, captured = rows.get(order.pane, "").partition("\n")
    shown = _shown_of(head, order.life) if head else None
    if sight is None or (head and shown is None):
        return TypeRefused(order.life, order.piece, "its pane is dead")
    if shown:
        above, before, after = input_line(captured.split("\n"), shown.cursor, visible=shown.visible)
        sight = replace(sight, above=above, before=before, after=after, cursor=shown.cursor)
        if order.rows is Rows.PROMPT:
            whole = tuple(row.rstrip() for row in plain(captured.encode()).split("\n") if row.strip())
            sight = replace(sight, rows=whole, reads=reader_of(shown.pid) is not None)
    return InputSeen(order.life, order.piece, sight)


def _of_terminal(shown: _Shown) -> Sight:
    """Return what tmux and the kernel say of the terminal, without its rows."""
    canonical, unread = _modes(shown.tty)
    return Sight(
        cursor=shown.cursor,
        columns=shown.columns,
        alternate=shown.alternate,
        canonical=canonical,
        unread=unread,
        touched=shown.touched,
    )


def _modes(tty: str) -> tuple[bool, int]:
    """Return whether the kernel collects lines for the program, and how many bytes wait for it."""
    try:
        fd = os.open(tty, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return True, 0
    try:
        canonical = bool(termios.tcgetattr(fd)[3] & termios.ICANON)
        return canonical, int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0])
    except (OSError, termios.error):
        return True, 0
    finally:
        os.close(fd)


def bytes_to_read(tty: str) -> int:
    """Return how many bytes wait in this terminal for its program; 0 also when it is gone."""
    return _modes(tty)[1]


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class _Cell:
    text: str
    faint: bool
    inverse: bool


def input_line(captured: list[str], cursor: tuple[int, int], *, visible: bool) -> tuple[tuple[str, ...], str, str]:
    """Return the rows above the input line, and that line before and after the cursor, without faint text.

    A program that hides the cursor draws one itself: the only cell in inverse, or the end of the last row that begins
    with a prompt.
    """
    rows = list(_rows(captured))
    x, y = cursor if visible else _drawn_cursor(rows) or cursor
    line = rows[y] if y < len(rows) else []
    before, at = "", 0
    for number, cell in enumerate(line):
        if at >= x:
            after = _plain(line[number:])
            break
        before += " " if cell.faint else cell.text
        at += width(cell.text)
    else:
        after = ""
    return tuple(_plain(row) for row in rows[:y]), before + " " * (x - at), after


def _drawn_cursor(rows: list[list[_Cell]]) -> tuple[int, int] | None:
    inverse = [(x, y) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell.inverse]
    if len(inverse) == 1:
        ((number, y),) = inverse
        return sum(width(cell.text) for cell in rows[y][:number]), y
    for y in reversed(range(len(rows))):
        if _CHOOSES.match(_plain(rows[y])):
            shown = [number for number, cell in enumerate(rows[y]) if not cell.faint and cell.text not in " │┃|"]
            return sum(width(cell.text) for cell in rows[y][: shown[-1] + 1]), y
    return None


def _plain(cells: list[_Cell]) -> str:
    return "".join(" " if cell.faint else cell.text for cell in cells).rstrip()


def _rows(captured: list[str]) -> Iterator[list[_Cell]]:
    """Read rows with their attributes, which go on from one row to the next."""
    faint = inverse = False
    for row in captured:
        cells: list[_Cell] = []
        at = 0
        while at < len(row):
            if sequence := _SGR.match(row, at):
                if sequence[1] is not None:
                    faint, inverse = _attributes(sequence[1], faint, inverse)
                at = sequence.end()
                continue
            cells.append(_Cell(row[at], faint, inverse))
            at += 1
        yield cells


def _attributes(codes: str, faint: bool, inverse: bool) -> tuple[bool, bool]:
    numbers = iter(codes.split(";"))
    for code in numbers:
        match code:
            case "" | "0":
                faint = inverse = False
            case "2":
                faint = True
            case "22":
                faint = False
            case "7":
                inverse = True
            case "27":
                inverse = False
            case "38" | "48" | "58":
                skipped = 1 if next(numbers, "") == "5" else 3  # an index, or red, green and blue
                for _ in range(skipped):
                    next(numbers, "")
    return faint, inverse
