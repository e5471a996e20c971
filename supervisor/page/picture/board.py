"""The one picture that all requests and streams are answered from, as the service publishes it.

    service ──changes, activity──▶ Board ──▶ deltas (the last ones, packed once)   ──▶ each stream, by its own cursor
                                        ├──▶ the whole, packed once a publication ──▶ snapshot, workers
                                        └──▶ entries with their sentences

A stream keeps no queue: it knows the last number that it has sent. What came since is taken from the deltas; who is
too far behind, or comes from another service, gets the whole. Owned by the event loop.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from actors.frozen import frozen
from supervisor.explain.events import told
from supervisor.page.answers.packed import Packed, json_of
from supervisor.page.picture.history import History
from supervisor.wire.client import Message
from supervisor.wire.following import Following

TOGETHER = 0.1  # seconds in which publications are gathered into one delta
_DELTAS = 64  # that a stream can resume from
_BEHIND = 16  # deltas; more of them are no less than the whole
_ENTRIES = 100
_ANSWERS = 32  # different questions about one picture, whose answers are kept

Picture = dict[str, Any]
Entry = dict[str, Any]


@frozen
class Place:
    """A publication: of which service process, and its number."""

    pid: int
    seq: int

    def __str__(self) -> str:
        return f"{self.pid}-{self.seq}"

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """Read an `id:` of the stream; None for anything else."""
        pid, _, seq = text.partition("-")
        return cls(int(pid), int(seq)) if pid.isdecimal() and seq.isdecimal() and len(text) < 40 else None


@frozen
class Delta:
    """What changed from `base` to `seq`, as JSON."""

    base: int
    seq: int
    body: bytes


class Board:
    """`picture` is None until the service has sent one. `names`: of its workers. `changed` is called after news."""

    def __init__(self, changed: Callable[[], object]) -> None:
        self.history = History()
        self.entries: deque[Entry] = deque(maxlen=_ENTRIES)  # newest first
        self.pid = 0  # of the service that the picture is from
        self.newest = Place(0, 0)  # entry
        self._next_pid = 0
        self._changed = changed
        self._following = Following()
        self._deltas: deque[Delta] = deque(maxlen=_DELTAS)
        self._rows: dict[str, Any] = {}
        self._left: dict[str, None] = {}
        self._base: int | None = None  # of what is gathered
        self._answers: OrderedDict[Any, Packed] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def picture(self) -> Picture | None:
        return self._following.picture

    @property
    def at(self) -> Place:
        """Where the deltas have come to."""
        seq = self._base if self._base is not None else self.picture["seq"] if self.picture else 0
        return Place(self.pid, seq)

    def row(self, name: str) -> dict[str, Any] | None:
        """Return a worker's row."""
        return next((row for row in (self.picture or {"workers": []})["workers"] if row["name"] == name), None)

    # ── what the service sends ────────────────────────────────────────────────────────────────────────────────────

    def begin(self, pid: int) -> None:
        """Hear another connection from now on: its first message of `changes` is a whole picture."""
        self._next_pid = pid

    def take(self, message: Message) -> None:
        """Take a publication of `changes` or `activity`."""
        if message["topic"] == "activity":
            self._take_entries(message["data"])
        else:
            self._take_changes(message["data"])

    def _take_entries(self, entries: list[Entry]) -> None:
        if self.newest.pid != self._next_pid:
            self.newest = Place(self._next_pid, 0)
            self.entries.clear()
        for entry in reversed(entries):
            if entry["seq"] > self.newest.seq:
                self.entries.appendleft({**entry, "text": told(entry, 0)})
                self.newest = Place(self._next_pid, entry["seq"])
        self._soon()

    def _take_changes(self, data: Picture) -> None:
        before = self.picture
        whole = "base" not in data or before is None
        now = self._following.take(data)
        self._answers.clear()
        self.history.look(now["workers"])
        if whole:
            self.pid = self._next_pid
            self._deltas.clear()
            self._rows, self._left, self._base = {}, {}, None
            self._changed()
            return
        assert before is not None
        if self._base is None:
            self._base = before["seq"]
        for name in data["left"]:
            self._rows.pop(name, None)
            self._left[name] = None
        for row in data["workers"]:
            self._left.pop(row["name"], None)
            self._rows[row["name"]] = row
        self._soon()

    def _soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TOGETHER, self._flush)

    def _flush(self) -> None:
        self._timer = None
        self._gather()
        self._changed()

    def _gather(self) -> None:
        """Make one delta of all that has come since the last one."""
        picture = self.picture
        if self._base is not None and picture is not None:
            head = {key: value for key, value in picture.items() if key != "workers"}
            news = {"base": self._base, **head, "workers": list(self._rows.values()), "left": list(self._left)}
            self._deltas.append(Delta(self._base, picture["seq"], json_of({**news, "missed": 0})))
            self._rows, self._left, self._base = {}, {}, None

    # ── what is answered from it ──────────────────────────────────────────────────────────────────────────────────

    def since(self, place: Place | None) -> list[Delta] | None:
        """Return the deltas after a place, oldest first; None where the whole is needed."""
        now = self.at
        if place == now:
            return []
        if place is None or place.pid != now.pid:
            return None
        found = [delta for delta in self._deltas if delta.base >= place.seq]
        return found if found and found[0].base == place.seq and len(found) <= _BEHIND else None

    def missed(self, place: Place | None) -> int:
        """Return how many publications lie between a place and now; 0 from another service, which numbers anew."""
        return max(0, self.at.seq - place.seq) if place and place.pid == self.pid else 0

    def answer(self, question: Any, make: Callable[[Picture], Any]) -> Packed:
        """Return what `make` makes of the picture, packed: made once a picture for each question."""
        assert self.picture is not None
        packed = self._answers.get(question)
        if packed is None:
            packed = self._answers[question] = Packed.of(make(self.picture))
            if len(self._answers) > _ANSWERS:
                self._answers.popitem(last=False)
        return packed

    def whole(self) -> Packed:
        """Return the whole picture, as of `at`; there has to be one."""
        self._gather()
        return self.answer(None, lambda picture: picture)

    def entries_since(self, seq: int | None, most: int = 50) -> list[Entry]:
        """Return up to `most` entries with a number above `seq`, newest first."""
        return [entry for entry in self.entries if seq is None or entry["seq"] > seq][:most]
