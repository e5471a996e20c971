"""The picture as bytes: a row is packed once for as long as it is the same, and joined with the others.

    take(snapshot) ──▶ whole()   all rows: the topic `metrics`, the answer to `status`
                  └──▶ changes() the rows that are not as in the picture before, and the names that left it

`uptime_s` is the one value of a row that moves by itself. It is packed anew between the two halves of its row.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgpack

from actors.values.snapshot import Row, Snapshot
from actors.values.totals import totals_of
from supervisor.wire import frames as wire

MOVING = "uptime_s"
_TALLIED = ("state", "pid", "rss_bytes", "cpu_percent", "restarts")


class _Packed:
    """One row: its bytes before and after its uptime, and what the totals need of it."""

    __slots__ = ("after", "before", "row", "tallied")

    def __init__(self, row: Row) -> None:
        values = row.to_dict(0.0)
        place = list(values).index(MOVING)
        pairs = [wire.pack(key) + wire.pack(value) for key, value in values.items()]
        self.row = row
        self.before = _map_header(len(values)) + b"".join(pairs[:place])
        self.after = b"".join(pairs[place + 1 :])
        self.tallied = {key: values[key] for key in _TALLIED}


_MOVING = wire.pack(MOVING)


class PackedPicture:
    """The last Snapshot that was taken, its rows packed, and how they differ from those of the one before it."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self._rows: dict[str, _Packed] = {}
        self._base: int | None = None
        self._changed: tuple[str, ...] = ()
        self._left: tuple[str, ...] = ()

    def take(self, snapshot: Snapshot) -> None:
        """Replace the picture; a row that is the same object as before keeps its bytes."""
        before, old = self.snapshot, self._rows
        self._rows = {name: self._packed(old.get(name), row) for name, row in snapshot.rows.items()}
        self.snapshot = snapshot
        kept = [name for name in old if name in self._rows]
        in_place = before is not None and kept == list(self._rows)[: len(kept)]  # new rows come after the known ones
        self._base = before.seq if before and in_place else None
        self._left = tuple(name for name in old if name not in self._rows)
        self._changed = tuple(name for name, new in self._rows.items() if name not in old or old[name].row != new.row)

    def whole(self, subscribers: int) -> bytes:
        """Return the packed Snapshot; there must be one."""
        return self._joined(self._rows.values(), {}, subscribers)

    def changes(self, subscribers: int) -> bytes:
        """Return what is new since the picture before, with its number as `base`; the whole where rows changed places.

        `workers` has the rows that changed or came, these behind the known ones; `left` names those that are gone.
        """
        if self._base is None:
            return self.whole(subscribers)
        rows = [self._rows[name] for name in self._changed]
        return self._joined(rows, {"base": self._base, "left": self._left}, subscribers)

    @staticmethod
    def _packed(known: _Packed | None, row: Row) -> _Packed:
        return known if known is not None and known.row is row else _Packed(row)

    def _joined(self, rows: Iterable[_Packed], more: Mapping[str, Any], subscribers: int) -> bytes:
        assert self.snapshot is not None
        now = self.snapshot.at.wall
        totals = totals_of([packed.tallied for packed in self._rows.values()])
        head = {**more, **self.snapshot.head(subscribers), "totals": totals}
        parts = [_map_header(len(head) + 1)]
        parts += [wire.pack(key) + wire.pack(value) for key, value in head.items()]
        bodies = [part for packed in rows for part in (packed.before, _MOVING, _uptime(packed, now), packed.after)]
        parts += [wire.pack("workers"), _array_header(len(bodies) // 4), *bodies]
        return b"".join(parts)


def _uptime(packed: _Packed, now: float) -> bytes:
    return wire.pack(packed.row.uptime_at(now))


def _map_header(count: int) -> bytes:
    packed: bytes = msgpack.Packer().pack_map_header(count)
    return packed


def _array_header(count: int) -> bytes:
    packed: bytes = msgpack.Packer().pack_array_header(count)
    return packed
