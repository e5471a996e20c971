"""Everything on the terminal, line by line. Pure.

panevisor  shop   60 workers  2 need you  57 running  1 failed                            12:04:31
what is wrong with the service, if anything is
heads, workers
── web  running 5m  pid 4711 ───────────────── 1 screen  2 log  3 why  4 deaths  5 activity ──
the lower part
≙ panevisor screen --ansi web                                          what came of the last key
? help  / filter  …
"""

from datetime import datetime
from pathlib import PurePath

from actors.events.words import counted, short_size
from supervisor.explain.need import needs_person
from supervisor.text import colours
from supervisor.text.cells import width
from supervisor.text.plain import visible
from supervisor.text.runs import PLAIN, Style
from supervisor.text.tables import cautions
from supervisor.top import table as tables
from supervisor.top.keys import HINTS, KEYS, Key
from supervisor.top.lines import BOLD, FAINT, Line, apart, cells, filled, in_colour, joined, shortened
from supervisor.top.view import TABS, View

_ALARM = Style(fg=1, bold=True, inverse=True)
_KEY = Style(fg=6)
_WELL = ("running", "completed", "stopped")
_COUNTED = ("running", *(state for state in reversed(colours.STATES) if state not in _WELL), "completed", "stopped")
_LEAST_PAPER = 4  # lines; a lower part of fewer is left out
_SHARE, _OF_GRID = 0.45, 0.7  # of the lines that table, or grid, and lower part have together


def frame(view: View, room: int, height: int) -> list[Line]:
    """Return exactly `height` lines of exactly `room` cells."""
    if view.is_help:
        head: Line = [(" panevisor top", BOLD), ("   ↓ goes on, ? or Esc goes back", FAINT)]
        return _fitted([head, [], *view.paper.window(room, height - 2)], room, height)
    bottom = [_status(view, room), _hints(view, room)]
    top = [_head(view, room), *_notes(view, room)]
    left = height - len(top) - len(bottom)
    if view.picture is None:
        waiting = view.lost or "asking the service"
        return _fitted([*top, *_blank(left, [f"  {visible(waiting)}"]), *bottom], room, height)
    return _fitted([*top, *_parts(view, room, left), *bottom], room, height)


def _fitted(lines: list[Line], room: int, height: int) -> list[Line]:
    return [filled(line, room) for line in [*lines, *([[]] * height)][:height]]


def _blank(height: int, texts: list[str]) -> list[Line]:
    return [*([(text, FAINT)] for text in texts), *([[]] * height)][: max(0, height)]


# ── the head ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _head(view: View, room: int) -> Line:
    now = view.clock()
    clock: Line = [(datetime.fromtimestamp(now).astimezone().strftime("%H:%M:%S "), FAINT)]
    if view.lost_at is not None:
        clock = [(f" no contact for {int(now - view.lost_at)} s ", _ALARM)]
    line: Line = [(" panevisor", BOLD)]
    if view.picture is not None:
        for part in ([(_title(view), PLAIN)], *_counts(view)):
            if cells(longer := joined([line, part])) + cells(clock) < room:
                line = longer
    return apart(line, clock, room)


def _title(view: View) -> str:
    assert view.picture is not None
    path = PurePath(view.picture["supervisor"]["config"]["path"])
    return visible(path.parent.name if path.stem == "panevisor" else path.stem)


def _counts(view: View) -> list[Line]:
    assert view.picture is not None
    workers = view.picture["workers"]
    all_of_them = counted(len(workers), "worker")
    if view.table.filter.text.strip():
        all_of_them = f"{len(view.table.rows)} of {all_of_them}"
    found: list[Line] = [[(all_of_them, PLAIN)]]
    if need := sum(map(needs_person, workers)):
        found.append([in_colour(f"{need} need{'s' if need == 1 else ''} you", "33;1")])
    totals = view.picture["totals"]
    found += [[in_colour(f"{n} {state}", colours.STATES[state])] for state in _COUNTED if (n := totals.get(state))]
    return found


def _notes(view: View, room: int) -> list[Line]:
    """Return a line about what is wrong with the service itself."""
    if view.picture is None:
        return []
    told = [text.split("\n")[0] for text in cautions(view.picture) if not text.startswith("nothing starts this")]
    more = f"  (and {len(told) - 1} more: panevisor status)" if len(told) > 1 else ""
    return [shortened([in_colour(f" {told[0]}{more}", "33")], room)] if told else []


# ── table and lower part ──────────────────────────────────────────────────────────────────────────────────────────


def _parts(view: View, room: int, left: int) -> list[Line]:
    if view.is_zoomed:
        return [_divider(view, room), *view.paper.window(room, max(0, left - 1))]
    heads = 0 if view.is_grid else 1
    needed = _rows_needed(view, room)
    both = left - heads - 1
    listed = min(needed, max(3, int(both * (_OF_GRID if view.is_grid else _SHARE))))
    if both - listed < _LEAST_PAPER:
        return _listed(view, room, left - heads)
    return [*_listed(view, room, listed), _divider(view, room), *_paper(view, room, both - listed)]


def _rows_needed(view: View, room: int) -> int:
    count = max(1, len(view.table.rows))
    view.across = tables.grid_columns(view.table, room - 1)[0] if view.is_grid else 1
    return -(-count // view.across)


def _listed(view: View, room: int, height: int) -> list[Line]:
    """Return the workers in so many lines, and the heads above them."""
    table = view.table
    view.listed = max(1, height)
    if view.is_grid and table.rows:
        return [[(" ", PLAIN), *line] for line in _full(tables.grid(table, room - 1, height), height)]
    workers = table.window(height)
    projects = tables.widest(table.all, "project")
    chosen = tables.columns(room, tables.widest(table.all, "name"), projects)
    rows = [
        tables.row(worker, chosen, view.histories, view.clock(), room, selected=worker is table.selected)
        for worker in workers
    ]
    if not rows:
        rows = [[(f"  {_nobody(view)}", FAINT)]]
    return [tables.head(table, chosen, room), *_full(rows, height)]


def _nobody(view: View) -> str:
    if view.table.all:
        return "no worker fits the filter (Esc clears it, ? says more)"
    return "there are no workers: `panevisor up` applies the file"


def _full(lines: list[Line], height: int) -> list[Line]:
    return [*lines, *([[]] * height)][: max(0, height)]


def _paper(view: View, room: int, height: int) -> list[Line]:
    lines = view.paper.window(room, height)
    return _full(lines, height) if any(lines) else _blank(height, [f"  {_nothing(view)}"])


def _nothing(view: View) -> str:
    worker = view.table.selected
    if view.paper.search:
        return f"no line has {visible(view.paper.search)}"
    if view.tab == "activity":
        return "nothing has happened yet"
    if worker is None:
        return ""
    none = {
        "screen": "it shows nothing" if view.is_screen_known else "…",
        "log": "it has printed nothing",
        "why": "…",
        "deaths": "no death is on record",
    }
    if view.tab == "screen" and worker["pane"] is None:
        return f"it has no pane: it is {worker['state']}"
    return none[view.tab]


def _divider(view: View, room: int) -> Line:
    """Return the line between both parts: who is selected, and which part of him is shown."""
    rule, stroke = (BOLD, "━") if view.is_reading else (FAINT, "─")
    names: Line = []
    for number, tab in enumerate(TABS, 1):
        here = tab == view.tab
        look = Style(bold=True, underline=True) if here else FAINT
        names += [(f" {number} ", _KEY if here else FAINT), (tab, look), (" ", PLAIN)]
    place = view.paper.place()
    where: Line = [(f" {place} ", Style(fg=3, bold=True))] if place else []
    search: Line = [(f" /{visible(view.paper.search)} ", Style(fg=6))] if view.paper.search else []
    right = [*search, *where, *names, (2 * stroke, rule)]
    left: Line = [(2 * stroke, rule), *_selected(view)]
    if cells(left) + cells(right) + 3 > room:  # a name in full is worth more than the words of the tabs
        right = [*search, *where, *_short_tabs(view), (stroke, rule)]
    gap = room - cells(right)
    left = shortened(left, max(0, gap - 2))
    return [*left, (" " + stroke * max(0, gap - cells(left) - 1), rule), *right]


def _short_tabs(view: View) -> Line:
    line: Line = []
    for number, tab in enumerate(TABS, 1):
        line += [(f" {number} ", _KEY if tab == view.tab else FAINT)]
        line += [(tab, Style(bold=True, underline=True)), (" ", PLAIN)] if tab == view.tab else []
    return line


def _selected(view: View) -> Line:
    worker, now = view.table.selected, view.clock()
    if view.tab == "activity":
        return [(" what has happened ", BOLD)]
    if worker is None:
        return []
    said = tables.word(worker)
    facts = [f"for {tables.coarse(now - tables.since(worker))}"]
    facts += [f"pid {worker['pid']}"] if worker["pid"] else []
    facts += [short_size(worker["rss_bytes"])] if worker["rss_bytes"] else []
    parts: list[Line] = [
        [(f" {visible(worker['name'])}", BOLD)],
        [in_colour(said, tables.colour(said))],
        *([[(fact, FAINT)] for fact in facts]),
    ]
    return joined(parts)


# ── the bottom ────────────────────────────────────────────────────────────────────────────────────────────────────


def _status(view: View, room: int) -> Line:
    same: Line = [(" ≙ ", FAINT), (view.equivalent(), _KEY)]
    if view.question:
        ask: Line = [
            (f" {view.question.verb} {visible(view.question.name)}? ", Style(fg=3, bold=True)),
            ("y / n ", BOLD),
        ]
        return apart(ask, same, room) if cells(ask) + cells(same) < room else shortened([*ask, *same], room)
    if view.said is None:
        return shortened(same, room)
    text, well = view.said
    said: Line = [(f"{text} ", Style(fg=2) if well else Style(fg=1, bold=True))]
    if cells(said) + cells(same) + 2 > room:
        return shortened([(" ", PLAIN), *said], room)
    return apart(same, said, room)


def _hints(view: View, room: int) -> Line:
    if view.input is not None:
        return view.input.line(room)
    line: Line = [(" ", PLAIN)]
    if view.table.filter.text.strip():
        line += [("/", _KEY), (f" {visible(view.table.filter.text)}", BOLD), ("  Esc clears  ", FAINT)]
    for key, does in HINTS:
        if cells(line) + width(f"{key} {does}  ") > room:
            break
        line += [(key, _KEY), (f" {does}  ", FAINT)]
    return shortened(line, room)


def help_lines() -> list[Line]:
    """Return the table of keys."""
    beside = max(len(key.does) for key in KEYS if key.command)
    return [[(f"  {key.shown:<12}", _KEY), (key.does, PLAIN), *_same(key, beside)] for key in KEYS]


def _same(key: Key, beside: int) -> Line:
    return [(f"{' ' * (beside - len(key.does))}  ≙ panevisor {key.command}", FAINT)] if key.command else []
