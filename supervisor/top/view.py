"""All that `top` shows, as it is now: what the service told, where the reader is, what is asked of him. Pure.

News, keys ──▶ View ──frame──▶ lines
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from supervisor.text.plain import visible
from supervisor.text.runs import lines as lines_of_capture
from supervisor.top.editor import Editor
from supervisor.top.history import Histories
from supervisor.top.lines import Line, line_of
from supervisor.top.orders import Order, command_line
from supervisor.top.paper import Paper
from supervisor.top.table import Table

Picture = Mapping[str, Any]
Entry = Mapping[str, Any]
TABS = ("screen", "log", "why", "deaths", "activity")
ONLY_NEED = "is:need"
_SAID_FOR = 20.0  # seconds


def _papers() -> dict[str, Paper]:
    return {
        "screen": Paper(),
        "log": Paper(wraps=True),
        "why": Paper(ends=False, wraps=True),
        "deaths": Paper(ends=False, wraps=True),
        "activity": Paper(wraps=True),
        "help": Paper(ends=False, wraps=True),
    }


@dataclass(slots=True)
class View:
    """`command`: how a command for this service begins. `clock` gives Unix time."""

    command: str = "panevisor"
    clock: Callable[[], float] = time.time
    picture: Picture | None = None
    lost_at: float | None = None
    """Since when there is no contact with the service; None: there is."""
    lost: str = ""
    table: Table = field(default_factory=Table)
    histories: Histories = field(default_factory=Histories)
    papers: dict[str, Paper] = field(default_factory=_papers)
    tab: str = "screen"
    is_reading: bool = False
    """Whether keys go to the lower part."""
    is_zoomed: bool = False
    is_grid: bool = False
    is_help: bool = False
    input: Editor | None = None
    """The line that is being typed in."""
    question: Order | None = None
    """What a person is asked to say yes to."""
    said: tuple[str, bool] | None = None
    """What came of the last order or key, and whether that is well."""
    said_at: float = 0.0
    listed: int = 10
    """Lines that the table has."""
    across: int = 1
    """Workers side by side in the grid."""
    done_last: Order | None = None
    """The last order that was given, whose command stays in sight until the reader goes on."""
    told_until: tuple[str, int] = ("", 0)
    """Time and number of the last entry of the activity."""
    is_screen_known: bool = False
    """Whether the screen of the selected worker has come."""
    _of: str | None = None  # whose are the papers

    @property
    def paper(self) -> Paper:
        return self.papers["help" if self.is_help else self.tab]

    @property
    def name(self) -> str | None:
        return self.table.name

    # ── what the service told ─────────────────────────────────────────────────────────────────────────────────────

    def take(self, picture: Picture) -> None:
        """Show this picture; there is contact."""
        self.picture, self.lost_at = picture, None
        self.table.take(picture["workers"])
        self.sample()

    def sample(self) -> None:
        if self.picture is not None and self.lost_at is None:
            self.histories.sample(self.picture["workers"], self.clock())

    def lose(self, why: str) -> None:
        """The contact is lost; the last picture stays."""
        self.lost_at = self.clock() if self.lost_at is None else self.lost_at
        self.lost = why

    def turn(self) -> bool:
        """Begin new papers if another worker is selected than before; tell whether one is."""
        if self.name == self._of:
            return False
        self._of, self.is_screen_known = self.name, False
        for tab in ("screen", "log", "why", "deaths"):
            self.papers[tab].clear()
        return True

    def take_screen(self, name: str, captured: str | None) -> None:
        """Show the screen of this worker, if it is the selected one."""
        if name == self.name:
            rows = [] if captured is None else [_trimmed(line) for line in lines_of_capture(captured)]
            while rows and not rows[-1]:
                rows.pop()
            self.papers["screen"].show(rows)
            self.is_screen_known = True

    def take_entries(self, entries: Sequence[Entry], in_a_line: Callable[[Entry], str]) -> None:
        """Add entries of the activity, oldest first; those that are known already are left out.

        Numbers begin anew with the next service, times do not.
        """
        fresh = [entry for entry in entries if (entry["ts"], entry["seq"]) > self.told_until]
        if fresh:
            self.told_until = fresh[-1]["ts"], fresh[-1]["seq"]
        told = [line for entry in fresh for line in in_a_line(entry).split("\n")]
        self.papers["activity"].append([line_of(line) for line in told])

    def take_lines(self, tab: str, name: str, told: Sequence[str]) -> None:
        """Show an account of this worker, if it is the selected one; its lines may be painted."""
        if name == self.name:
            self.papers[tab].show([line_of(line) for line in told])

    # ── what the reader did ───────────────────────────────────────────────────────────────────────────────────────

    def say(self, text: str, *, well: bool = True) -> None:
        self.said, self.said_at = (visible(text), well), self.clock()

    def hush(self) -> None:
        """Forget what was said long ago."""
        if self.said and self.clock() - self.said_at > _SAID_FOR:
            self.said = self.done_last = None

    def do(self, order: Order) -> None:
        """An order is on its way."""
        self.done_last = order
        self.say(f"{order.verb} {order.name} …")

    def done(self, order: Order, text: str, well: bool) -> None:
        """What has come of an order."""
        self.done_last = order
        self.say(text, well=well)

    def go(self, step: int) -> None:
        """Move by rows, in the table or in the lower part."""
        if self.is_reading or self.is_help:
            self.paper.scroll(step)
        else:
            self.table.move(step * self.across if abs(step) == 1 else step)

    def page(self, direction: int) -> None:
        if self.is_reading or self.is_help:
            self.paper.page(direction)
        else:
            self.table.move(direction * self.listed * self.across)

    def to(self, *, end: bool) -> None:
        """Go to the first or the last."""
        if self.is_reading or self.is_help:
            self.paper.to(end=end)
        else:
            self.table.move(len(self.table.rows) if end else -len(self.table.rows))

    def aside(self, direction: int) -> None:
        if self.is_reading:
            self.paper.aside(direction)
        elif self.is_grid:
            self.table.move(direction)

    def open(self, tab: str) -> None:
        self.tab, self.done_last = tab, None

    def focus(self) -> None:
        """Go to the lower part, or back to the table."""
        self.is_reading = not self.is_reading
        self.is_zoomed = self.is_zoomed and self.is_reading

    def zoom(self) -> None:
        """Show the lower part alone, or the table again."""
        self.is_zoomed = self.is_reading = not self.is_zoomed

    def grid(self) -> None:
        self.is_grid = not self.is_grid

    def wrap(self) -> None:
        self.paper.wraps = not self.paper.wraps
        self.paper.show(self.paper.lines)

    def clear(self) -> None:
        """Clear what filters the lower part, leave it, or clear the filter of the table."""
        if self.is_reading and self.paper.search:
            self.paper.search_for("")
        elif self.is_reading:
            self.focus()
        else:
            self.table.filter_by("")

    def need(self) -> None:
        """List only who needs a person, or all again."""
        self.table.filter_by("" if self.table.filter.text == ONLY_NEED else ONLY_NEED)

    def equivalent(self) -> str:
        """Return the command that shows or does what is looked at."""
        name = self.name
        if order := self.question or (self.done_last if self.said else None):
            return command_line(self.command, *order.words)
        if self.tab == "activity":
            return command_line(self.command, "events", "-f")
        if name is None:
            return command_line(self.command, "status")
        guard = ("--",) if name.startswith("-") else ()
        grep = ("--grep", self.papers["log"].search) if self.papers["log"].search else ()
        verb = {
            "screen": ("screen", "--ansi"),
            "log": ("logs", "-f", *grep),
            "why": ("why",),
            "deaths": ("deaths", "--full"),
        }[self.tab]
        return command_line(self.command, *verb, *guard, name)


def _trimmed(line: Line) -> Line:
    """Drop plain blanks at the end."""
    while line and line[-1][1].bg is None and not line[-1][1].inverse:
        text, style = line[-1]
        if stripped := text.rstrip():
            return [*line[:-1], (stripped, style)]
        line = line[:-1]
    return line
