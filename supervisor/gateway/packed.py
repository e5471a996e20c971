"""The picture as bytes: a row is packed once for as long as it is the same, and joined with the others.

    take(snapshot) ──▶ whole()   all rows: the topic `metrics`, the answer to `status`
                  └──▶ changes() the rows that are not as in the picture before, and the names that left it

`uptime_s` is the one value of a row that changes with time alone. It is packed again for each picture, between the two
halves of its row.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgpack

from actors.values.snapshot import Audience, Row, Snapshot
from actors.values.totals import totals_of
from supervisor.wire import frames as wire

MOVING = "uptime_s"
_TALLIED = ("state", "pid", "rss_bytes", "cpu_percent", "restarts")


class _Packed:
    """One row: its bytes before and after its uptime, and what the totals need of it."""

    __slots__ = ("after", "before", "row", "tallied")

    def __init__(self, row: Row) -> None:
        values = row.to_dict(0.0)
        keys = list(values)
        place = keys.index(MOVING)
        self.row = row
        self.before = _map_header(len(values)) + _pairs({key: values[key] for key in keys[:place]}) + _MOVING
        self.after = _pairs({key: values[key] for key in keys[place + 1 :]})
        self.tallied = {key: values[key] for key in _TALLIED}


class PackedPicture:
    """The last Snapshot that was taken and the one before it. Nothing is packed before it is asked for."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self._before: Snapshot | None = None
        self._rows: dict[str, _Packed] = {}

    def take(self, snapshot: Snapshot) -> None:
        """Replace the picture."""
        self._before, self.snapshot = self.snapshot, snapshot

    def whole(self, audience: Audience) -> bytes:
        """Return the packed Snapshot; there must be one."""
        return self._joined(None, {}, audience)

    def changes(self, audience: Audience) -> bytes:
        """Return what is new since the picture before, with its number as `base`; the whole where rows changed places.

        `workers` has the rows that changed or came, these behind the known ones; `left` names those that are gone.
        """
        assert self.snapshot is not None
        before, new = self._before, self.snapshot.rows
        if before is None or not _in_place(before.rows, new):
            return self.whole(audience)
        old = before.rows
        left = [name for name in old if name not in new]
        moved = [(name, row) for name, row in new.items() if old.get(name) is not row]  # few: to compare a row is slow
        changed = [name for name, row in moved if old.get(name) != row]
        return self._joined(changed, {"base": before.seq, "left": left}, audience)

    def _joined(self, names: Iterable[str] | None, more: Mapping[str, Any], audience: Audience) -> bytes:
        assert self.snapshot is not None
        now, old = self.snapshot.at.wall, self._rows
        self._rows = {name: _packed(old.get(name), row) for name, row in self.snapshot.rows.items()}
        totals = totals_of([packed.tallied for packed in self._rows.values()])
        head = {**more, **self.snapshot.head(audience), "totals": totals}
        rows = list(self._rows.values()) if names is None else [self._rows[name] for name in names]
        bodies = [part for row in rows for part in (row.before, wire.pack(row.row.uptime_at(now)), row.after)]
        start = (_map_header(len(head) + 1), _pairs(head), wire.pack("workers"), _array_header(len(rows)))
        return b"".join((*start, *bodies))


def _packed(known: _Packed | None, row: Row) -> _Packed:
    """Return what is known of this very row, which is the same object as long as nothing of it changes."""
    return known if known is not None and known.row is row else _Packed(row)


def _in_place(old: Mapping[str, Row], new: Mapping[str, Row]) -> bool:
    """Whether the rows that stay have kept their places, and new ones come after them."""
    kept = [name for name in old if name in new]
    return kept == list(new)[: len(kept)]


def _pairs(values: Mapping[str, Any]) -> bytes:
    """Return the packed keys and values of a map, without its header."""
    return wire.pack(dict(values))[len(_map_header(len(values))) :]


def _map_header(count: int) -> bytes:
    packed: bytes = msgpack.Packer().pack_map_header(count)
    return packed


def _array_header(count: int) -> bytes:
    packed: bytes = msgpack.Packer().pack_array_header(count)
    return packed


_MOVING = wire.pack(MOVING)
