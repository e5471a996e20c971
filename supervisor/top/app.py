"""Textual's part: keys from the terminal to the Desk, lines of the View to the terminal. It decides nothing.

It draws at once what a key changes, at most FRAMES times a second what comes, and once a second what only grows older.
Only lines that have changed are drawn.
"""

import functools
import itertools
import subprocess
import time
from collections.abc import Callable

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.app import App, ComposeResult
from textual.events import Key, Paste, Resize
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from supervisor.state.place import Place
from supervisor.text.runs import Colour, Style
from supervisor.top.desk import Desk
from supervisor.top.frame import frame
from supervisor.top.lines import Line

FRAMES = 5  # a second, at most


class Posted(Message):
    """Something that a thread wants to have run in the app."""

    def __init__(self, run: Callable[[], object]) -> None:
        super().__init__()
        self.run = run


class Top(App[None]):
    """`command`: how a command for this service begins. The app is the desk's `Terminal`."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { background: ansi_default; }"

    def __init__(self, place: Place, command: str) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"  # the terminal's own colours
        self.desk = Desk(place, command, self)
        self.canvas = Canvas(self._pressed, self._pasted)
        self._drawn_at, self._is_due = 0.0, False

    def compose(self) -> ComposeResult:
        yield self.canvas

    def on_mount(self) -> None:
        self.canvas.focus()
        self.desk.begin()
        self.set_interval(1.0, self._second)

    def on_unmount(self) -> None:
        self.desk.close()

    def on_resize(self, _event: Resize) -> None:
        self.call_after_refresh(self.draw)

    def on_posted(self, message: Posted) -> None:
        message.run()
        self._draw_soon()

    def _second(self) -> None:
        self.desk.tick()
        self.draw()

    def _pressed(self, key: str, character: str | None) -> bool:
        known = self.desk.press(key, character)
        self.draw()
        return known

    def _pasted(self, text: str) -> None:
        self.desk.paste(text)
        self.draw()

    def _draw_soon(self) -> None:
        """Draw now, or when the last picture has been there for a while."""
        if self._is_due:
            return
        left = self._drawn_at + 1 / FRAMES - time.monotonic()
        if left <= 0:
            self.draw()
        else:
            self._is_due = True
            self.set_timer(left, self.draw)

    def draw(self) -> None:
        self._drawn_at, self._is_due = time.monotonic(), False
        self.desk.look()
        room, height = self.room
        if room and height:
            self.canvas.show(frame(self.desk.view, room, height))

    # ── what the desk needs ───────────────────────────────────────────────────────────────────────────────────────

    @property
    def room(self) -> tuple[int, int]:
        return self.size.width, self.size.height

    def post(self, run: Callable[[], object]) -> None:
        self.post_message(Posted(run))

    def later(self, seconds: float, run: Callable[[], object]) -> None:
        self.set_timer(seconds, lambda: self.post(run))

    def outside(self, argv: list[str]) -> tuple[int, str]:
        with self.suspend():
            done = subprocess.run(argv, stderr=subprocess.PIPE, check=False)
        self.refresh(layout=True)
        told = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return done.returncode, told.removeprefix("panevisor: ").removeprefix("error: ")

    def copy(self, text: str) -> None:
        self.copy_to_clipboard(text)

    def quit(self) -> None:
        self.exit()


class Canvas(Widget, can_focus=True):
    """Shows the lines that it was given last, and hands on what is typed. `on_press` says whether a key was for it."""

    DEFAULT_CSS = "Canvas { width: 100%; height: 100%; }"

    def __init__(self, on_press: Callable[[str, str | None], bool], on_text: Callable[[str], None]) -> None:
        super().__init__()
        self._on_press = on_press
        self._on_text = on_text
        self._lines: list[Line] = []
        self._room = 0

    def show(self, lines: list[Line]) -> None:
        """Draw the lines that differ from what is there."""
        before, self._lines = self._lines, lines
        if self._room != self.size.width or len(before) != len(lines):
            self._room = self.size.width
            self.refresh()
            return
        for at, (old, new) in enumerate(zip(before, lines, strict=True)):
            if old != new:
                start, wide = _changed(old, new, self._room)
                self.refresh(Region(start, at, wide, 1))

    def on_key(self, event: Key) -> None:
        if self._on_press(event.key, event.character):
            event.stop()

    def on_paste(self, event: Paste) -> None:
        event.stop()
        self._on_text(event.text)

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else []
        strip = Strip([Segment(text, rich_style(style)) for text, style in line])
        return strip.adjust_cell_length(self.size.width)


def _changed(before: Line, after: Line, room: int) -> tuple[int, int]:
    """Return from which cell on a line has changed, and how many cells: a second more is seldom a whole line."""
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    start = sum(cell_len(text) for text, _ in after[:same])
    if [len(text) for text, _ in before] != [len(text) for text, _ in after]:
        return start, room - start
    behind = zip(reversed(before[same:]), reversed(after[same:]), strict=True)
    end = sum(cell_len(new[0]) for _, new in itertools.takewhile(lambda pair: pair[0] == pair[1], behind))
    return start, room - start - end


@functools.lru_cache(maxsize=2048)
def rich_style(style: Style) -> RichStyle:
    """Return a style as Rich has it; what is hidden on a worker's screen is hidden here."""
    return RichStyle(
        color=_colour(style.fg),
        bgcolor=_colour(style.bg),
        bold=style.bold or None,
        dim=style.faint or None,
        italic=style.italic or None,
        underline=style.underline or None,
        reverse=style.inverse or None,
        conceal=style.hidden or None,
        strike=style.strike or None,
    )


def _colour(colour: Colour) -> str | None:
    return f"color({colour})" if isinstance(colour, int) else colour
