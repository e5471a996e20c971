"""What is on its way to receivers: to each one message at a time, in the order in which they came.

    post ──▶ waits ──take, when due and the first of its receiver──▶ under way ──settled──▶ sent
               ▲                                                        └─ failed ─▶ tried again, or given up
               └────────────────────────────────────────────────────────────┘

So the end of an incident never arrives before its beginning, and a dead receiver has one child at a time. Every time is
monotonic. Not thread-safe.
"""

from dataclasses import replace
from typing import Any

from actors.frozen import frozen
from supervisor.config.settings import Receiver

PAUSES = (5.0, 15.0, 60.0, 300.0)  # seconds before a message is tried again; the last repeats
KEPT = 900.0  # seconds after which a message that does not arrive is given up
MOST = 100  # messages of all receivers; the oldest that is not under way is given up


@frozen
class Parcel:
    """One message on its way to one receiver. `at`: when it is tried next; `tries`: those that have failed."""

    number: int
    receiver: Receiver
    facts: dict[str, Any]
    born: float
    at: float
    tries: int = 0


class Outbox:
    """Owns the messages from `post` until they are sent or given up."""

    def __init__(self) -> None:
        self._waiting: list[Parcel] = []  # in the order in which they came
        self._under_way: dict[str, Parcel] = {}  # by receiver
        self._posted = 0

    def post(self, receiver: Receiver, facts: dict[str, Any], now: float) -> Parcel | None:
        """Take a message. Return the one that is given up for it, if any. What waits before it is tried now, too."""
        given_up = self._waiting.pop(0) if len(self._waiting) >= MOST else None
        self._posted += 1
        for index, each in enumerate(self._waiting):
            if each.receiver.name == receiver.name:
                self._waiting[index] = replace(each, at=min(each.at, now))
        self._waiting.append(Parcel(self._posted, receiver, facts, born=now, at=now))
        return given_up

    def take(self, now: float) -> list[Parcel]:
        """Return what is to be handed over now; each is under way until it is `settled`."""
        due = [parcel for parcel in self._first_ones() if parcel.at <= now]
        self._under_way |= {parcel.receiver.name: parcel for parcel in due}
        self._waiting = [parcel for parcel in self._waiting if parcel not in due]
        return due

    def settled(self, parcel: Parcel, *, arrived: bool, now: float) -> Parcel | None:
        """Return the message as it is tried again, which it is no more when it arrived or has been tried for `KEPT`."""
        self._under_way.pop(parcel.receiver.name, None)
        if arrived or now - parcel.born >= KEPT:
            return None
        again = replace(parcel, at=now + PAUSES[min(parcel.tries, len(PAUSES) - 1)], tries=parcel.tries + 1)
        self._waiting.insert(0, again)
        return again

    @property
    def next_at(self) -> float | None:
        """When `take` has something to give, if nothing comes before; None: never."""
        return min((parcel.at for parcel in self._first_ones()), default=None)

    def _first_ones(self) -> list[Parcel]:
        firsts: dict[str, Parcel] = {}
        for parcel in self._waiting:
            firsts.setdefault(parcel.receiver.name, parcel)
        return [parcel for name, parcel in firsts.items() if name not in self._under_way]
