"""Which workers are listed, in which order, which of them is selected, and how a row is written. Pure.

    picture ──take──▶ Table ──rows, selected──▶ window of so many rows ──▶ lines

The selection is a name: it stays with its worker when rows move, and comes back when a filter that hid it goes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actors.events.words import short_size
from actors.frozen import frozen
from supervisor.explain.filter import Filter, parsed
from supervisor.explain.need import in_need_first, needs_person
from supervisor.text import colours
from supervisor.text.cells import cut, cut_middle, padded, width
from supervisor.text.plain import visible
from supervisor.text.runs import PLAIN, Run
from supervisor.text.tables import restarts, timestamp, wellness
from supervisor.top.history import Histories
from supervisor.top.lines import BOLD, FAINT, Line, filled, in_colour, inverse, shortened

Worker = Mapping[str, Any]
_ON_THE_WAY = frozenset({"pending", "starting", "stopping", "backoff"})
_GAP = 2
_WIDEST_NAME = 40


# ── what is said of a worker ──────────────────────────────────────────────────────────────────────────────────────


def word(worker: Worker) -> str:
    """Return its state, or for one that runs what is more telling: its health, else its attention."""
    if worker["state"] != "running":
        return str(worker["state"])
    more = wellness(worker)
    return "running" if more in ("ok", "-") else more


def colour(word: str) -> str | None:
    return colours.STATES.get(word) or colours.HEALTH.get(word)


def mark(worker: Worker) -> str:
    """Return one character that says without colour how it is."""
    if needs_person(worker):
        return "!"
    if worker["state"] in _ON_THE_WAY:
        return "~"
    return {"running": "·", "completed": "✓"}.get(worker["state"], "-")


def since(worker: Worker) -> float:
    """Return since when its word is true, as Unix time."""
    shown = worker["attention_since"] if worker.get("attention") == word(worker) else None
    return timestamp(shown or worker["since"])


def coarse(seconds: float) -> str:
    """Return a duration in one unit, so that a row seldom changes."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{unit}"
    return f"{max(0, int(seconds))}s"


def because(worker: Worker, now: float) -> str:
    """Return when it starts again, the reason of its state, what it waits for, and who is there."""
    at = worker["next_start_at"]
    parts = [f"again in {coarse(timestamp(at) - now)}" if at else "", worker["reason"]]
    parts += [worker.get("attention_text") or "", "a person is attached" if worker["hands_on"] else ""]
    return visible("; ".join(filter(None, parts)))


# ── sorting ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _number(key: str) -> Callable[[Worker], float]:
    return lambda worker: -(worker[key] or 0)


_ORDER = list(colours.STATES)
_BY: dict[str, Callable[[Worker], Any]] = {
    "name": lambda worker: worker["name"],
    "state": lambda worker: (_ORDER.index(worker["state"]) if worker["state"] in _ORDER else len(_ORDER), word(worker)),
    "for": lambda worker: worker["attention_since"] or worker["since"],
    "cpu": _number("cpu_percent"),
    "memory": _number("rss_bytes"),
    "restarts": _number("restarts"),
}
SORTS = ("need", *_BY)
"""What the table can be sorted by; `need`: who needs a person first, and of those who has waited the longest."""


def in_order(workers: Iterable[Worker], by: str, *, inverted: bool = False) -> list[Worker]:
    """Return them sorted; those that are equal stay in their own order."""
    found = in_need_first(workers) if by == "need" else sorted(workers, key=_BY[by])
    return found[::-1] if inverted else found


# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Table:
    """What is listed. `rows` are those that the filter lets through, in order; `all` is everybody."""

    all: Sequence[Worker] = ()
    rows: list[Worker] = field(default_factory=list)
    filter: Filter = field(default_factory=Filter)
    by: str = "need"
    inverted: bool = False
    top: int = 0
    """The first row that is shown."""
    _chosen: str | None = None
    _index: int = 0

    @property
    def selected(self) -> Worker | None:
        return self.rows[self._index] if self.rows else None

    @property
    def name(self) -> str | None:
        """The name of the selected worker."""
        return self.selected["name"] if self.selected else None

    @property
    def place(self) -> int:
        """The index of the selected row."""
        return self._index

    def take(self, workers: Sequence[Worker]) -> None:
        """Show these workers."""
        self.all = workers
        self._arrange()

    def filter_by(self, text: str) -> str | None:
        """Filter by a line; return what is wrong with it, and then leave the filter as it was."""
        try:
            self.filter = parsed(text)
        except ValueError as error:
            return str(error)
        self._arrange()
        return None

    def sort(self, step: int = 0, *, invert: bool = False) -> None:
        """Sort by the next or previous column, or the other way round."""
        self.by = SORTS[(SORTS.index(self.by) + step) % len(SORTS)]
        self.inverted = self.inverted != invert if not step else False
        self._arrange()

    def move(self, step: int) -> None:
        """Select a row further down, or up."""
        if self.rows:
            self._index = min(max(0, self._index + step), len(self.rows) - 1)
            self._chosen = self.rows[self._index]["name"]

    def keep(self) -> None:
        """Make the selected worker the one that stays selected: somebody has done something with it."""
        self._chosen = self.name or self._chosen

    def window(self, height: int) -> list[Worker]:
        """Return the rows to be shown in so many lines; the selected one is among them."""
        self.top = max(min(self.top, self._index, len(self.rows) - height), self._index - height + 1, 0)
        return self.rows[self.top : self.top + height]

    def _arrange(self) -> None:
        self.rows = in_order(filter(self.filter.matches, self.all), self.by, inverted=self.inverted)
        names = [worker["name"] for worker in self.rows]
        if self._chosen is None and names:
            self._chosen = names[0]
        if self._chosen in names:
            self._index = names.index(self._chosen)
        else:
            self._index = min(self._index, max(0, len(names) - 1))


# ── columns ───────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Column:
    key: str
    room: int
    right: bool = False


_HEADS = {"pid": "PID", "cpu_spark": "", "memory_spark": "", "because": "WHY"}
_SORTED_BY = {"state": "state", "for": "for", "cpu": "cpu", "memory": "memory", "restarts": "restarts", "name": "name"}


def columns(room: int, names: int, projects: int) -> list[Column]:
    """Return the columns that fit into `room` cells; `names`, `projects`: how wide these would like to be.

    The reason gets what is left, and is the last to give room.
    """
    name = min(max(8, names), _WIDEST_NAME if room >= 120 else 24, max(6, room - 15))
    found = [Column("name", name), Column("state", 11)]
    left = room - 2 - sum(column.room + _GAP for column in found)
    spark = 8 if room < 160 else 16
    least = 28  # of the reason
    wanted = [
        Column("for", 5, right=True),
        Column("cpu", 5, right=True),
        Column("memory", 7, right=True),
        *([Column("project", min(max(8, projects), 16))] if projects else []),
        Column("restarts", 9, right=True),
        Column("cpu_spark", spark),
        Column("memory_spark", spark),
        Column("pid", 8, right=True),
    ]
    chosen: list[Column] = []
    for column in wanted:
        gap = 1 if column.key.endswith("spark") else _GAP
        if left - column.room - gap < least:
            break
        chosen.append(column)
        left -= column.room + gap
    order = ("project", "for", "cpu", "cpu_spark", "memory", "memory_spark", "restarts", "pid")
    found += sorted(chosen, key=lambda column: order.index(column.key))
    return [*found, *([Column("because", left)] if left >= 6 else [])]


def widest(workers: Sequence[Worker], key: str) -> int:
    """Return how many cells the widest value of a column takes."""
    return max((width(visible(worker[key])) for worker in workers), default=0)


def head(table: Table, chosen: Sequence[Column], room: int) -> Line:
    """Return the heads of the columns; the one that is sorted by has an arrow."""
    line: Line = [("  ", BOLD)]
    for column in chosen:
        text = _HEADS.get(column.key, column.key.upper())
        if table.by == column.key:
            text += "▴" if table.inverted else "▾"
        line += [
            _gap(column, first=column is chosen[0]),
            (padded(cut(text, column.room), column.room, right=column.right), FAINT),
        ]
    return filled(line, room)


def row(
    worker: Worker, chosen: Sequence[Column], histories: Histories, now: float, room: int, *, selected: bool
) -> Line:
    """Return the line of a worker, exactly `room` cells wide."""
    said = word(worker)
    strong = needs_person(worker)
    line: Line = [_marked(worker, said), (" ", PLAIN)]
    for column in chosen:
        line.append(_gap(column, first=column is chosen[0]))
        line.append(_cell(worker, column, said, histories, now, strong=strong))
    line = filled(line, room)
    return inverse(line) if selected else line


def _marked(worker: Worker, said: str) -> Run:
    return in_colour(mark(worker), colour(said))


def _gap(column: Column, *, first: bool) -> Run:
    return ("" if first else " " if column.key.endswith("spark") else " " * _GAP, PLAIN)


def _cell(worker: Worker, column: Column, said: str, histories: Histories, now: float, *, strong: bool) -> Run:
    room, key = column.room, column.key
    match key:
        case "name":
            return (padded(cut_middle(visible(worker["name"]), room), room), BOLD if strong else PLAIN)
        case "state":
            return in_colour(padded(cut(said, room), room), colour(said))
        case "cpu_spark":
            return in_colour(histories.cpu(worker["name"], room), "36")
        case "memory_spark":
            return in_colour(histories.memory(worker["name"], room), "34")
    text = _text(worker, key, now)
    faint = text == "-" or key in ("for", "pid", "project") or (key == "restarts" and text == "0")
    shorten = cut_middle if key == "project" else cut
    style = in_colour("", "31")[1] if key == "because" and worker["state"] in ("failed", "quarantined") else None
    return (padded(shorten(text, room), room, right=column.right), style or (FAINT if faint else PLAIN))


def _text(worker: Worker, key: str, now: float) -> str:
    match key:
        case "for":
            return coarse(now - since(worker))
        case "cpu":
            return "-" if worker["cpu_percent"] is None else f"{worker['cpu_percent']:.0f}%"
        case "memory":
            return short_size(worker["rss_bytes"])
        case "restarts":
            return restarts(worker)
        case "because":
            return because(worker, now)
    return visible(str(worker[key] or "-"))


# ── the same workers as a grid of names ───────────────────────────────────────────────────────────────────────────


def grid_columns(table: Table, room: int) -> tuple[int, int]:
    """Return how many columns of names fit, and how wide one is."""
    wide = min(max(10, widest(table.rows, "name")), 30) + 4
    return max(1, room // wide), wide


def grid(table: Table, room: int, height: int) -> list[Line]:
    """Return lines of marks and names, row by row; the selected one is among them."""
    across, wide = grid_columns(table, room)
    here = table.place // across
    rows = -(-len(table.rows) // across)
    first = max(min(table.top // across, here, rows - height), here - height + 1, 0)
    table.top = first * across
    lines = []
    for at in range(first, min(rows, first + height)):
        line: Line = []
        for number, worker in enumerate(table.rows[at * across : (at + 1) * across], at * across):
            said = word(worker)
            name = cut_middle(visible(worker["name"]), wide - 4)
            cell = shortened([in_colour(f"{mark(worker)} {name}", colour(said))], wide - 2)
            cell = filled(cell, wide - 2)
            line += [*(inverse(cell) if number == table.place else cell), ("  ", PLAIN)]
        lines.append(filled(line, room))
    return lines
