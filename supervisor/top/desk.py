"""Carries news to the View, and keys to what they do: the one who sits at the dashboard's desk. It draws nothing.

    Link, Log, Asking ──terminal.post──▶ Desk ──▶ View
    keys, typed lines ─────────────────▶ Desk ──▶ View, Asking, `panevisor attach`

All of it runs in the thread of the app. `Terminal` is what the desk needs of the terminal.
"""

import os
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from supervisor.state.place import Place, words_of
from supervisor.top import keys
from supervisor.top.asking import Asking
from supervisor.top.editor import Editor
from supervisor.top.frame import help_lines
from supervisor.top.link import Link, Mailbox
from supervisor.top.logs import Log
from supervisor.top.orders import Order
from supervisor.top.view import TABS, View

_COPIED = 1 << 16  # bytes: terminals take no more by OSC 52
_PAGER = "less -R"
_ORDERS = ("start", "stop", "restart")
_ABOUT = ("life", "state", "since", "health", "attention_since", "restarts", "exited_at", "hands_on")
_FILTERING = ("filter", "clear", "need")
_AGAIN = 2.0  # seconds until a question that failed is asked again


class Terminal(Protocol):
    """What the desk needs of the terminal; `post` may be called from any thread, the rest from the app's."""

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows."""

    def post(self, run: Callable[[], object]) -> None:
        """Have this run in the thread of the app, and draw."""

    def later(self, seconds: float, run: Callable[[], object]) -> None: ...

    def outside(self, argv: list[str]) -> tuple[int, str]:
        """Give the terminal to a program; return its exit code and the last line of its stderr."""

    def copy(self, text: str) -> None: ...

    def quit(self) -> None: ...


def _with_words(data: Any) -> Any:
    """Load, in the thread that asks, what tells accounts: it takes 0.1 s, and much more on a busy machine."""
    import supervisor.commands.views.deaths
    import supervisor.explain.account  # noqa: F401

    return data


class Desk:
    """`command`: how a command for this service begins."""

    def __init__(self, place: Place, command: str, terminal: Terminal) -> None:
        self.view = View(command)
        self._place = place
        self._terminal = terminal
        self._mailbox = Mailbox(lambda: terminal.post(self._take_news))
        self._link = Link(place.socket, self._mailbox)
        self._asking = Asking(place.socket, terminal.post)
        self._log: Log | None = None
        self._asked: dict[str, object] = {}  # by verb: what was true of the worker when it was asked
        self._why: Mapping[str, Any] | None = None
        self._typing = ""
        self._typed_to: str | None = None
        view, table = self.view, self.view.table
        self._actions: dict[str, Callable[[], object]] = {
            "down": partial(view.go, 1),
            "up": partial(view.go, -1),
            "page_down": partial(view.page, 1),
            "page_up": partial(view.page, -1),
            "home": partial(view.to, end=False),
            "end": partial(view.to, end=True),
            "left": partial(view.aside, -1),
            "right": partial(view.aside, 1),
            "focus": view.focus,
            "zoom": view.zoom,
            **{tab: partial(view.open, tab) for tab in TABS},
            "filter": self._filter,
            "clear": view.clear,
            "need": view.need,
            "sort": partial(table.sort, 1),
            "sort_back": partial(table.sort, -1),
            "invert": partial(table.sort, invert=True),
            "grid": view.grid,
            "wrap": view.wrap,
            **{verb: partial(self._order, verb) for verb in _ORDERS},
            "prompt": self._prompt,
            "attach": self._attach,
            "copy": self._copy,
            "copy_command": self._copy_command,
            "pager": self._page_log,
            "help": self._help,
            "quit": terminal.quit,
        }

    def begin(self) -> None:
        self._link.start()

    def close(self) -> None:
        self._link.close()
        if self._log:
            self._log.close()

    def look(self) -> None:
        """Have come what the selected worker and the open tab need; to be called before each drawing."""
        view = self.view
        if view.turn():
            self._link.watch(view.name)
            self._asked.clear()
            self._why = None
            if self._log:
                self._log.close()
                self._log = None
        if view.tab == "log" and view.name and self._log is None:
            self._log = Log(self._place.logs, view.name, lambda: self._terminal.post(self._take_log))
        if view.tab == "why":
            self._ask("why", {"name": view.name}, self._take_why)
            self._tell_why()
        elif view.tab == "deaths":
            self._ask("deaths", {"names": [view.name], "n": 20}, self._take_deaths)

    def tick(self) -> None:
        """A second has gone."""
        self.view.sample()
        self.view.hush()

    # ── news ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_news(self) -> None:
        from supervisor.explain.events import in_a_line  # only now: the first picture does not need it

        news, view = self._mailbox.take(), self.view
        if news.lost:
            view.lose(news.lost)
        if news.picture is not None:
            view.take(news.picture)
        for name, screen in news.screens.items():
            view.take_screen(name, screen)
        if news.entries:
            cells = self._terminal.room[0] - 1
            said = partial(in_a_line, now=time.time(), colour=True, cells=cells)
            view.take_entries(news.entries, lambda entry: f" {said(entry)}".replace("\n", "\n "))

    def _take_log(self) -> None:
        if self._log and self._log.name == self.view.name:
            self.view.papers["log"].append(self._log.take())

    def _ask(self, verb: str, fields: dict[str, Any], then: Callable[[str, Any], object]) -> None:
        """Ask about the selected worker if it has changed since it was asked about."""
        worker, name = self.view.table.selected, self.view.name
        if worker is None or name is None:
            return
        about = (name, *(worker[key] for key in _ABOUT))
        if self._asked.get(verb) == about:
            return
        self._asked[verb] = about
        forget = partial(self._asked.pop, verb, None)
        again = partial(self._terminal.later, _AGAIN, forget)
        self._asking.ask(verb, fields, partial(then, name), lambda _message: again(), read=_with_words)

    def _take_why(self, name: str, data: Mapping[str, Any]) -> None:
        if name == self.view.name:
            self._why = data
            self._tell_why()

    def _tell_why(self) -> None:
        if self._why is None:
            return
        from supervisor.explain.account import explain  # loaded by `_with_words`

        cells = self._terminal.room[0] - 1
        told = explain(self._why, time.time(), self.view.command, colour=True, cells=cells)
        self.view.take_lines("why", self._why["worker"]["name"], [f" {line}" for line in told])

    def _take_deaths(self, name: str, records: list[Mapping[str, Any]]) -> None:
        from supervisor.commands.views.deaths import account

        told = [line for record in records for line in (*account(record, time.time(), colour=True), "")]
        self.view.take_lines("deaths", name, [f" {line}" for line in told])

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def press(self, key: str, character: str | None = None) -> bool:
        """Do what a key means; return whether it means anything. `character`: what it would type."""
        view = self.view
        if view.input:
            self._edit(view.input, key, character)
        elif view.question:
            self._answer(yes=key in ("y", "enter"))
        elif view.is_help and key in ("escape", "q"):
            view.is_help = False
        elif entry := keys.BY_KEY.get(key):
            self.act(entry.action)
        else:
            return False
        return True

    def paste(self, text: str) -> None:
        """Text was pasted: it goes into the line that is typed in, and is never taken for keys."""
        if self.view.input:
            self.view.input.insert(text)
            self._filter_by(self.view.input.text)

    def act(self, action: str) -> None:
        """Do one of `keys.KEYS`."""
        if action not in _FILTERING:
            self.view.table.keep()
        if action != "copy_command":
            self.view.said = self.view.done_last = None
        self._actions[action]()

    def _help(self) -> None:
        self.view.is_help = not self.view.is_help
        self.view.papers["help"].clear()
        self.view.papers["help"].show(help_lines())

    # ── the line that is typed in ─────────────────────────────────────────────────────────────────────────────────

    def _filter(self) -> None:
        if self.view.is_reading:
            self._type("search", "lines with", self.view.paper.search)
        else:
            self._type("filter", "filter", self.view.table.filter.text)

    def _prompt(self) -> None:
        if name := self.view.name:
            self._typed_to = name
            self._type("prompt", f"prompt {name}", "")

    def _type(self, what: str, label: str, text: str) -> None:
        self._typing = what
        self.view.input = Editor(label, text, len(text))

    def _edit(self, line: Editor, key: str, character: str | None) -> None:
        match key:
            case "enter":
                self._typed(line.text)
            case "escape" | "ctrl+c":  # what it filtered is shown again, and the same worker is selected
                self._filter_by("")
                self.view.input = None
            case "up" | "down":
                self.view.go(1 if key == "down" else -1)
            case _:
                if line.press(key, character):
                    self._filter_by(line.text)

    def _filter_by(self, text: str) -> None:
        """The line has changed: a filter filters while it is typed."""
        filters = {"filter": self.view.table.filter_by, "search": self.view.paper.search_for}
        if self._typing in filters:
            wrong = filters[self._typing](text)
            self.view.said = None
            if wrong:
                self.view.say(wrong, well=False)

    def _typed(self, text: str) -> None:
        self.view.input = None
        self.view.table.keep()
        if self._typing == "prompt" and text.strip() and self._typed_to:
            self._give(Order("prompt", self._typed_to, text))

    # ── orders ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _order(self, verb: str) -> None:
        if self.view.name is None:
            return
        order = Order(verb, self.view.name)
        if order.is_asked:
            self.view.question = order
        else:
            self._give(order)

    def _answer(self, *, yes: bool) -> None:
        order, self.view.question = self.view.question, None
        if order and yes:
            self._give(order)
        elif order:
            self.view.say(f"{order.verb} {order.name}: left alone")

    def _give(self, order: Order) -> None:
        view = self.view
        view.do(order)
        self._asking.ask(
            order.verb,
            order.request,
            lambda answer: view.done(order, *order.told(answer)),
            lambda message: view.done(order, message, False),
        )

    def _attach(self) -> None:
        if name := self.view.name:
            order = Order("attach", name)
            code, told = self._terminal.outside([*self._own(), *order.words])
            self.view.done(order, told if code and told else f"back from {name}", not code)

    def _page_log(self) -> None:
        if name := self.view.name:
            words = [*self._own(), "logs", "-n", "100000", "--", name]
            pager = os.environ.get("PAGER") or _PAGER
            self._terminal.outside(["/bin/sh", "-c", f"{shlex.join(words)} 2>&1 | {pager}"])

    def _own(self) -> list[str]:
        return [sys.executable, "-m", "supervisor", *words_of(self._place)]

    # ── the clipboard ─────────────────────────────────────────────────────────────────────────────────────────────

    def _copy(self) -> None:
        text = self.view.paper.text()
        kept = text.encode()[-_COPIED:].decode(errors="ignore")
        self._terminal.copy(kept)
        rest = " (the last 64 kB)" if len(kept) < len(text) else ""
        self.view.say(f"copied {text.count(chr(10))} lines{rest}, if this terminal takes OSC 52")

    def _copy_command(self) -> None:
        self._terminal.copy(self.view.equivalent())
        self.view.say("copied the command, if this terminal takes OSC 52")
