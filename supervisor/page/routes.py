"""The API: one table of routes, from which both the application and its document are made."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from actors.frozen import frozen
from supervisor.page import agents, bodies, orders, questions
from supervisor.page.asked import Asked

API = "/api/v1"
Endpoint = Callable[[Asked], Awaitable[Any]]


@frozen(kw_only=True)
class Route:
    """One endpoint. `role`: who may ask; None: everybody. `rate`: which bucket an order takes from.

    `also`: further statuses with the same kind of answer."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    run: Endpoint
    about: str
    role: Literal["read", "operate"] | None = "read"
    query: type | None = None
    body: type | None = None
    answer: Any = None
    status: int = 200
    also: tuple[int, ...] = ()
    rate: Literal["orders", "keys"] | None = None
    kinds: tuple[str, ...] = ("application/json",)


def _get(path: str, run: Endpoint, about: str, answer: Any, **more: Any) -> Route:
    return Route(method="GET", path=API + path, run=run, about=about, answer=answer, **more)


def _post(path: str, run: Endpoint, about: str, body: type | None, answer: Any, **more: Any) -> Route:
    fields = {"role": "operate", "rate": "orders", **more}
    return Route(method="POST", path=API + path, run=run, about=about, body=body, answer=answer, **fields)


_ONE = "/workers/{name}"
_TEXT = ("application/json", "text/plain")

ROUTES: tuple[Route, ...] = (
    _post("/login", orders.login, "Exchange a token for a cookie.", bodies.Login, bodies.Who, role=None, rate=None),
    _post("/logout", orders.logout, "Forget the cookie.", None, None, role="read", rate=None, status=204),
    _get("/me", questions.me, "Who the token belongs to.", bodies.Who),
    _get("/snapshot", questions.snapshot, "The whole picture.", bodies.Snapshot),
    _get("/workers", questions.workers, "The workers, or some of them.", bodies.Workers, query=bodies.Filter),
    _get(_ONE, questions.worker, "One worker.", bodies.Worker),
    _get(f"{_ONE}/screen", questions.screen_of, "What its pane shows now.", bodies.Screen, kinds=_TEXT),
    _get(f"{_ONE}/logs", questions.logs, "What it has printed.", bodies.LogLines, query=bodies.Logs, kinds=_TEXT),
    _get(f"{_ONE}/why", questions.why, "What led to its state, and what comes next.", dict[str, Any], kinds=_TEXT),
    _get(f"{_ONE}/deaths", questions.deaths_of, "How its lives ended.", list[dict[str, Any]], query=bodies.Count),
    _get(f"{_ONE}/history", questions.history, "What it used in the last half hour.", bodies.History),
    _get("/deaths", questions.deaths, "How lives of all workers ended.", list[dict[str, Any]], query=bodies.Count),
    _get("/activity", questions.activity, "What happened lately.", bodies.Entries, query=bodies.Activity),
    _get("/briefing", questions.briefing, "What one should know now.", dict[str, Any], query=bodies.Brief, kinds=_TEXT),
    _get("/health", questions.health, "Whether the service is well.", bodies.Health, also=(503,)),
    Route(
        method="GET",
        path="/metrics",
        run=questions.metrics,
        about="Metrics for Prometheus.",
        kinds=("application/openmetrics-text; version=1.0.0; charset=utf-8",),
    ),
    Route(
        method="POST",
        path="/mcp",
        run=agents.mcp,
        about="A message of the Model Context Protocol.",
        query=bodies.OfProject,
        answer=dict[str, Any],
        also=(202,),
        rate="orders",
    ),
    _get("/plan", questions.plan, "What applying the file would change.", bodies.Planned),
    *(
        _post(f"{_ONE}/{verb}", orders.order, about, bodies.Ordered, bodies.Settled)
        for verb, about in (
            ("start", "Start it."),
            ("stop", "Stop it."),
            ("restart", "Restart it."),
            ("complete", "End it, and mark it done."),
            ("remove", "Stop it, and forget it."),
        )
    ),
    _post("/orders", orders.order_all, "One order for several workers.", bodies.OrderedAll, bodies.Settled),
    _post(f"{_ONE}/signal", orders.signal, "Send it a signal.", bodies.Signal, bodies.Meant),
    _post(f"{_ONE}/send", orders.send, "Type a text.", bodies.Send, bodies.Sent),
    _post(f"{_ONE}/keys", orders.keys, "Press keys.", bodies.Keys, bodies.Sent),
    _post(f"{_ONE}/prompt", orders.prompt, "Submit a prompt.", bodies.Prompt, bodies.Submitted),
    _post(f"{_ONE}/keyboard", orders.take_keyboard, "Take its keyboard.", bodies.Take, bodies.Leased, status=201),
    Route(
        method="PUT",
        path=f"{API}{_ONE}/keyboard/{{lease}}",
        run=orders.use_keyboard,
        about="Type with the keyboard that was taken.",
        role="operate",
        body=bodies.Input,
        answer=bodies.Renewed,
        rate="keys",
    ),
    Route(
        method="DELETE",
        path=f"{API}{_ONE}/keyboard/{{lease}}",
        run=orders.release_keyboard,
        about="Give the keyboard back.",
        role="operate",
        status=204,
    ),
    _post("/apply", orders.apply, "Apply the file.", bodies.Apply, bodies.Settled),
    Route(
        method="PUT",
        path=f"{API}/views/{{view}}",
        run=orders.see,
        about="Say what a page shows: only that is streamed to it.",
        body=bodies.Seen,
        status=204,
    ),
)
