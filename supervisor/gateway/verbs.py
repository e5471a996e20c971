"""What a client can ask: one table of verbs, looked up by the word itself and never by attribute.

Each verb takes the connection and its request, read and checked, and returns packed data. What can't be served raises
WireError; what the Supervisor refuses comes as RequestRefused.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from actors.values.facts import Verb as OrderVerb
from supervisor.gateway import orders, questions, requests
from supervisor.gateway.connection import Connection
from supervisor.gateway.dependencies import Dependencies
from supervisor.gateway.requests import Raw, request_of
from supervisor.text.words import shown
from supervisor.wire.frames import WireError

Run = Callable[[Dependencies, Connection, Any], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: the function, and the dataclass of its request."""

    run: Run
    request: type


async def dispatch(deps: Dependencies, connection: Connection, raw: Raw) -> bytes:
    """Serve one request."""
    do = raw.get("do")
    verb = VERBS.get(do) if isinstance(do, str) else None
    if verb is None:
        known = ", ".join(VERBS)
        raise WireError("usage", f"do {shown(do)} is none of: {known}")
    return await verb.run(deps, connection, request_of(verb.request, raw))


def _ordered(verb: OrderVerb) -> Verb:
    return Verb(lambda deps, _connection, request: orders.order(verb, deps, request), requests.Ordered)


VERBS: dict[str, Verb] = {
    "hello": Verb(questions.hello, requests.Bare),
    "status": Verb(questions.status, requests.Status),
    "subscribe": Verb(questions.subscribe, requests.Subscribe),
    "unsubscribe": Verb(questions.unsubscribe, requests.Unsubscribe),
    "events": Verb(questions.events, requests.Events),
    "why": Verb(questions.why, requests.Why),
    "deaths": Verb(questions.deaths, requests.Deaths),
    **{verb.value: _ordered(verb) for verb in OrderVerb if verb is not OrderVerb.DOWN},
    "run": Verb(orders.run, requests.Run),
    "send": Verb(orders.send, requests.Send),
    "plan": Verb(orders.plan, requests.Bare),
    "apply": Verb(orders.apply, requests.Apply),
    "scale": Verb(orders.scale, requests.Scale),
    "down": Verb(orders.down, requests.Down),
}
