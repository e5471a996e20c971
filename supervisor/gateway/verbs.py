"""What a client can ask: one table of verbs, looked up by the word itself and never by attribute.

Each verb takes the Gateway, the connection and its request, read and checked, and returns packed data. What can't be
served raises CommandError, or ConfigError; what the Supervisor refuses comes as RequestRefused.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.values.facts import Verb as OrderVerb
from supervisor.gateway import orders, questions, reports, requests, succession
from supervisor.gateway.connection import Connection
from supervisor.gateway.requests import Raw, meant_in, named, request_of
from supervisor.text.words import shown
from supervisor.wire.errors import CommandError

if TYPE_CHECKING:
    from supervisor.gateway.server import Gateway

Verb = Callable[["Gateway", Connection, Any], Awaitable[bytes]]


async def dispatch(gateway: "Gateway", connection: Connection, raw: Raw) -> bytes:
    """Serve one request."""
    do = raw.get("do")
    verb = VERBS.get(do) if isinstance(do, str) else None
    if verb is None:
        known = ", ".join(VERBS)
        raise CommandError("usage", f"do {shown(do)} is none of: {known}")
    run, request = verb
    asked: Any = request_of(request, raw)
    if (by := raw.get("by")) is not None:
        gateway.note("order.given", {"by": named(by), "do": do, **meant_in(raw)})
    return await run(gateway, connection, asked)


VERBS: dict[str, tuple[Verb, type]] = {
    "hello": (questions.hello, requests.Bare),
    "status": (questions.status, requests.Status),
    "subscribe": (questions.subscribe, requests.Subscribe),
    "unsubscribe": (questions.unsubscribe, requests.Unsubscribe),
    "events": (questions.events, requests.Events),
    "why": (questions.why, requests.Why),
    "deaths": (questions.deaths, requests.Deaths),
    **{verb.value: (partial(orders.order, verb), requests.Ordered) for verb in OrderVerb if verb is not OrderVerb.DOWN},
    "signal": (orders.signal, requests.Signal),
    "release": (orders.release, requests.Release),
    "run": (orders.run, requests.Run),
    "send": (orders.send, requests.Send),
    "report": (reports.report, requests.Report),
    "prompt": (orders.prompt, requests.Prompt),
    "plan": (orders.plan, requests.Bare),
    "apply": (orders.apply, requests.Apply),
    "scale": (orders.scale, requests.Scale),
    "down": (orders.down, requests.Down),
    "upgrade": (succession.upgrade, requests.Upgrade),
    "hand_over": (succession.hand_over, requests.Bare),
}
"""By verb: its function, and the dataclass of its request."""
