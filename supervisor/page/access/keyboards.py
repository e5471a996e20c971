"""Who has a worker's keyboard in the browser: one at a time, from an explicit take to a release or a minute of silence.

take ──▶ lease ──input, each renews it──▶ release, or a minute without any
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from supervisor.page.answers.problems import Refused

LASTS = 60.0  # seconds without input


@dataclass(slots=True)
class Lease:
    """`by`: the name of the token."""

    id: str
    by: str
    until: float


class Keyboards:
    """By worker. `changed` is called when another has the keyboard, or nobody."""

    def __init__(self, changed: Callable[[], object]) -> None:
        self._changed = changed
        self._leases: dict[str, Lease] = {}

    def take(self, name: str, by: str, *, force: bool) -> Lease:
        """Take the keyboard of a worker; raises Refused where another has it, unless `force` takes it from him."""
        held = self._live(name)
        if held is not None and held.by != by and not force:
            raise Refused("keyboard-taken", f"{held.by} has the keyboard of {name}")
        lease = self._leases[name] = Lease(secrets.token_urlsafe(12), by, time.monotonic() + LASTS)
        self._changed()
        return lease

    def use(self, name: str, id: str) -> Lease:
        """Return the lease, renewed; raises Refused where it is over."""
        held = self._live(name)
        if held is None or held.id != id:
            raise Refused("no-keyboard", f"this keyboard of {name} was released, or taken by another")
        held.until = time.monotonic() + LASTS
        return held

    def release(self, name: str, id: str) -> None:
        """Give it back; nothing where it is over."""
        held = self._leases.get(name)
        if held is not None and held.id == id:
            del self._leases[name]
            self._changed()

    def holders(self) -> dict[str, str]:
        """Return who has which worker's keyboard."""
        now = time.monotonic()
        return {name: lease.by for name, lease in self._leases.items() if lease.until > now}

    def _live(self, name: str) -> Lease | None:
        lease = self._leases.get(name)
        if lease is not None and lease.until <= time.monotonic():
            del self._leases[name]
            return None
        return lease
