"""The present picture and the newest activity, as the bytes that go out; each thing is packed once.

    Snapshot, screens ──take──▶ one packed `data` a topic, made at the first demand, shared by all subscribers
    feed              ──take_activity──▶ the entries that are new, and each worker's history

Owned by the Gateway's loop: nothing here is thread-safe.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from actors.events.words import iso
from actors.values.snapshot import Audience, Entry, Snapshot
from supervisor.gateway.histories import Histories
from supervisor.gateway.packed import PackedPicture
from supervisor.text.plain import plain
from supervisor.wire import frames as wire

METRICS, CHANGES, ACTIVITY, SCREENS, SCREEN = "metrics", "changes", "activity", "screens", "screen:"
LAST_LINES = 5  # of each screen in `screens`


class Pictures:
    """`packs` counts how often a whole Snapshot was joined: once per publication, never without a subscriber.

    `before`: what happened before this service, oldest first; the workers' histories go on from there.
    """

    def __init__(self, before: Iterable[Entry] = ()) -> None:
        self.packs = 0
        self._picture = PackedPicture()
        self.screens: Mapping[str, bytes] = {}
        self._before: Mapping[str, bytes] = {}
        self._packed: dict[str, bytes] = {}
        self._status: tuple[Audience, bytes] | None = None  # for whom, and what
        self._tails: dict[str, tuple[bytes, str]] = {}
        self.feed: tuple[Entry, ...] = ()
        self.histories = Histories(before)

    @property
    def snapshot(self) -> Snapshot | None:
        """The present picture."""
        return self._picture.snapshot

    def take(self, snapshot: Snapshot, screens: Mapping[str, bytes]) -> None:
        """Replace the picture; what has gone from it leaves no history."""
        self.histories.look(snapshot.rows.keys(), snapshot.at.mono)
        self._picture.take(snapshot)
        self.screens, self._before = screens, self.screens
        self._packed, self._status = {}, None

    def take_activity(self, newest: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """Replace the feed (newest first) and return what is new in it, oldest first."""
        last = self.feed[0].seq if self.feed else 0
        self.feed = newest
        fresh = [entry for entry in newest if entry.seq > last] or newest[:1]  # a feed that began again counts from 1
        for entry in reversed(fresh):
            self.histories.add(entry)
        return tuple(reversed(fresh))

    def is_news(self, topic: str) -> bool:
        """Whether a topic is published with this picture: a single screen only if it is not as in the one before."""
        if not topic.startswith(SCREEN):
            return True
        name = topic.removeprefix(SCREEN)
        return self.screens.get(name) != self._before.get(name)

    def present(self, topic: str, audience: Audience) -> bytes:
        """Return what a client gets that knows nothing yet: of `changes` the whole picture."""
        return self.data(METRICS if topic == CHANGES else topic, audience)

    def data(self, topic: str, audience: Audience) -> bytes:
        """Return the packed news of a topic other than activity; there must be a picture."""
        packed = self._packed.get(topic)
        if packed is None:
            packed = self._packed[topic] = self._pack(topic, audience)
        return packed

    def status(self, audience: Audience) -> bytes:
        """Return the packed Snapshot with the present audience in it; there must be a picture."""
        if self._status is None or self._status[0] != audience:
            self._status = audience, self._picture.whole(audience)
        return self._status[1]

    def part(self, names: frozenset[str] | None, project: str | None, audience: Audience) -> bytes:
        """Return the packed Snapshot of these workers only, its totals theirs."""
        assert self.snapshot is not None
        part = self.snapshot if project is None else self.snapshot.of_project(project)
        if names is not None:
            part = replace(part, rows={name: row for name, row in part.rows.items() if name in names})
        return wire.pack(part.to_dict(audience))

    def entries(self, most: int, since: int | None = None) -> tuple[Entry, ...]:
        """Return up to `most` entries with a number above `since`, newest first."""
        return tuple(entry for entry in self.feed if since is None or entry.seq > since)[:most]

    def missed(self, since: int | None) -> int:
        """Return how many entries after number `since` are no longer kept."""
        if since is None or not self.feed:
            return 0
        return max(0, self.feed[-1].seq - since - 1)

    def _pack(self, topic: str, audience: Audience) -> bytes:
        if topic == METRICS:
            self.packs += 1
            return self._picture.whole(audience)
        if topic == CHANGES:
            return self._picture.changes(audience)
        if topic == SCREENS:
            return wire.pack(self._all_tails())
        screen = self.screens.get(topic.removeprefix(SCREEN))
        return wire.pack(None if screen is None else screen.decode(errors="replace"))

    def _all_tails(self) -> dict[str, str]:
        """Return the last lines of all; those of a screen that is the same object as before are not read again."""
        old, self._tails = self._tails, {}
        for name, screen in self.screens.items():
            known = old.get(name)
            self._tails[name] = known if known and known[0] is screen else (screen, last_lines(screen))
        return {name: text for name, (_, text) in self._tails.items()}


def last_lines(screen: bytes, count: int = LAST_LINES) -> str:
    """Return the last lines of a screen as plain text, without the empty ones at its end."""
    lines = screen.rstrip().rsplit(b"\n", count)[-count:]
    return plain(b"\n".join(lines))


def plain_entry(entry: Entry) -> dict[str, Any]:
    """Return an entry as the wire has it."""
    fields = {"seq": entry.seq, "ts": iso(entry.ts), "event": entry.event, "level": entry.level}
    return {**fields, "facts": dict(entry.facts)}
