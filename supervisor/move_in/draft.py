"""What an importer found: tables of workers to be, each key with where it came from, and notes on the rest."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors.frozen import frozen
from actors.values.spec import LONGEST_NAME, WorkerSpec
from supervisor.config.settings import OfFile
from supervisor.config.tables import keys_of
from supervisor.text.words import shown

KEYS = frozenset({*keys_of(WorkerSpec), *keys_of(OfFile)})
"""The keys that a worker's table can have."""


class Unreadable(Exception):
    """The file is wrong, or is no file of its format. `line` counts from 1; None: it has no line."""

    def __init__(self, what: str, line: int | None = None, file: Path | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.line = line
        self.file = file


@frozen
class Note:
    """Something that is not carried over as it stands there. `file` None: the file that is imported."""

    what: str
    line: int | None = None
    file: Path | None = None


@frozen
class Setting:
    """A value of the TOML, and the words of the other tool's file that it stands for."""

    value: Any
    origin: str


@dataclass(slots=True)
class Table:
    """A table of the file to be. A table that is not `active` is written as a comment: somebody has to complete it."""

    name: str
    about: str = ""
    line: int | None = None
    file: Path | None = None
    settings: dict[str, Setting] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    active: bool = True

    def put(self, key: str, value: Any, origin: str = "", line: int | None = None) -> None:
        """Set a key of the worker; a key that the model does not have becomes a note."""
        if key in KEYS:
            self.settings[key] = Setting(value, origin)
        elif key == "autostart":
            if not value:
                self.set_aside(f"{origin or 'it'}: it is not to start by itself", line)
        else:
            self.drop(origin or key, f"a worker has no key {key} here", line)

    def drop(self, what: str, why: str, line: int | None = None) -> None:
        """Note what has no counterpart."""
        self.notes.append(Note(f"{what}: {why}", line or self.line, self.file))

    def needs_nothing(self, what: str) -> None:
        """Note a key that asks for what is so anyway, or for what does not exist here."""
        self.needless.append(what)

    def set_aside(self, why: str, line: int | None = None) -> None:
        """Write the table as a comment, because it cannot be a worker as it is."""
        self.active = False
        self.notes.append(Note(f"written as a comment: {why}", line or self.line, self.file))


@dataclass(slots=True)
class Draft:
    """A whole file to be. `title`: its first lines; `head`: what the reader of the TOML should know of the tool."""

    tool: str
    path: Path
    title: list[str] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    defaults: Table = field(default_factory=lambda: Table("[defaults]"))
    workers: list[Table] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def worker(self, wanted: str, about: str, line: int | None = None, file: Path | None = None) -> Table:
        """Return a new table with a name that is allowed and not taken; another name than the wanted one is noted."""
        name = self._free(_allowed(wanted))
        table = Table(name, about, line, file)
        if name != wanted:
            table.notes.append(Note(f"called {name}, because {shown(wanted)} is no free and allowed name", line, file))
        self.workers.append(table)
        return table

    def _free(self, name: str) -> str:
        taken, number, free = {table.name for table in self.workers}, 2, name
        while free in taken:
            free, number = f"{name[: LONGEST_NAME - 5]}-{number}", number + 1
        return free

    def tables(self) -> Iterator[Table]:
        yield self.defaults
        yield from self.workers


def _allowed(wanted: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", wanted).strip("-")[:LONGEST_NAME] or "worker"
    return f"w{name}"[:LONGEST_NAME] if name.startswith("_panevisor") else name


def named(key: str, value: object) -> str:
    """Return `key = value` for a note."""
    return f"{key} = {value if isinstance(value, str) and re.fullmatch(r'[ -~]{0,60}', value) else shown(value)}"


def span(seconds: float) -> str:
    """Return a duration as the file has it: "90s", "1600ms"."""
    return f"{seconds:g}s" if seconds == int(seconds) and seconds < 10**6 else f"{round(seconds * 1000)}ms"
