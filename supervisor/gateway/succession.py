"""The verbs of an upgrade: `upgrade` begins the next service beside this one, and `hand_over` is that one's word.

panevisor upgrade ──upgrade──▶ this service ──starts──▶ the next service
                                   ▲                          │ has imported, and read config and records
                                   └───────hand_over──────────┘
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from actors.values.requests import UPGRADE, RequestRefused, ShutDown
from supervisor.gateway import requests
from supervisor.gateway.connection import Connection
from supervisor.wire import frames as wire
from supervisor.wire.errors import CommandError

if TYPE_CHECKING:
    from supervisor.gateway.server import Gateway


class Successors(Protocol):
    """Who starts the next service; all raise RequestRefused."""

    def begin(self, program: Sequence[str], pythonpath: str | None, timeout: float) -> int:
        """Start it, and return its pid once it is ready to take over."""

    def expects(self, pid: int) -> None:
        """Refuse a process that was not started for this."""

    def accept(self, pid: int) -> None:
        """This process takes over."""


async def upgrade(gateway: "Gateway", _connection: Connection, request: requests.Upgrade) -> bytes:
    if gateway.snapshot is None:
        raise CommandError("starting", gateway.starting)
    begin = _successors(gateway).begin
    try:
        pid = await gateway.in_pool(begin, request.program, request.pythonpath, request.wait)
    except RequestRefused as refused:
        gateway.note("service.upgrade_failed", {"error": refused.message})
        raise
    return wire.pack({"pid": pid})


async def hand_over(gateway: "Gateway", connection: Connection, _request: requests.Bare) -> bytes:
    pid = connection.peer.pid
    _successors(gateway).expects(pid)
    await gateway.ask(ShutDown(keep_workers=True, cause=UPGRADE))
    _successors(gateway).accept(pid)
    return wire.pack({})


def _successors(gateway: "Gateway") -> Successors:
    if gateway.handover is None:
        raise CommandError("not-permitted", "this service cannot hand over: it runs inside another program")
    return gateway.handover
