"""What people read: the table of workers, the lines below it, and the small forms of times and sizes. Pure.

Whatever comes from a config or a worker is made visible: nothing in it acts on the terminal, nothing in it hides.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from actors.events.words import counted, short_size, short_time
from supervisor.text import colours
from supervisor.text.columns import Column, laid_out
from supervisor.text.plain import visible

Worker = Mapping[str, Any]
Picture = Mapping[str, Any]


def table(workers: Sequence[Worker], *, now: float, colour: bool = False, width: int | None = None) -> str:
    """Return the table. `now` is Unix time; it is at most `width` cells wide, None leaves it whole."""
    shown = _COLUMNS if any(worker["project"] for worker in workers) else _COLUMNS[1:]
    rows = [[visible(cell(worker, now)) for _, cell in shown] for worker in workers]
    columns = [column for column, _ in shown]
    columns[-1] = replace(columns[-1], least=max(20, (width or 0) // 4))
    return "\n".join(laid_out(columns, rows, cells=width, colour=colour))


def summary(picture: Picture) -> list[str]:
    """Return the lines below the table: how many are in which state, and what is wrong with the service itself."""
    totals = picture["totals"]
    states = states_of(totals)
    lines = [counted(totals["workers"], "worker") + (f": {', '.join(states)}" if states else "")]
    if waiting := sum(worker.get("attention") == "waiting" for worker in picture["workers"]):
        wait = "waits" if waiting == 1 else "wait"
        lines.append(f"{waiting} {wait} for a person (`panevisor status --waiting` lists them)")
    return [*lines, *cautions(picture)]


def states_of(totals: Mapping[str, Any]) -> list[str]:
    """Return how many are in which state: "3 running", "1 failed"."""
    return [f"{totals[state]} {state}" for state in colours.STATES if totals.get(state)]


def cautions(picture: Picture) -> list[str]:
    """Return what is wrong with the service itself, and with its file; nothing where all is well."""
    service, lines = picture["supervisor"], list[str]()
    if service["tmux"] != "ok":
        lines.append("tmux does not answer: this is the last picture, nothing is judged or restarted until it does")
    lines += [f"degraded: {visible(what)}" for what in service["degraded"]]
    if service["kept_by"] is None and service["pid"] != 1:  # pid 1 has its container's runtime
        lines.append("nothing starts this service again when it fails (`panevisor doctor` says more)")
    config = service["config"]
    if config["error"]:
        wrong = visible(config["error"], keep="\n")
        lines.append(f"the file can't be applied, everything stays as it was:\n{wrong}")
    elif config["changed_on_disk"]:
        lines.append("the file has changed since it was applied (`panevisor up` applies it)")
    return lines


def restarts(worker: Worker) -> str:
    """Return all restarts, and those since the last healthy life with how many there may be: 7 (2/5)."""
    attempt, most = worker["attempt"], worker["max_restarts"]
    if not attempt:
        return str(worker["restarts"])
    return f"{worker['restarts']} ({attempt}/{'∞' if most < 0 else most})"


def why(worker: Worker, now: float) -> str:
    """Return the reason of the state, and when the next start is."""
    parts = [worker["reason"]] if worker["reason"] else []
    if worker.get("attention") in _NEEDED:
        parts.append(attention(worker, now))
    if worker["next_start_at"]:
        held = "held, " if worker.get("held_until") else ""
        parts.append(f"{held}again in {short_time(max(0.0, timestamp(worker['next_start_at']) - now))}")
    if worker["hands_on"]:
        parts.append("a person is attached")
    return "; ".join(parts)


_NEEDED = ("waiting", "held")


def wellness(worker: Worker) -> str:
    """Return its health, or where that is ok what it is at, as far as that is known."""
    at = worker.get("attention") if worker["health"] == "ok" else None
    return str(at or worker["health"] or "-")


def attention(worker: Worker, now: float) -> str:
    """Return what it is at, since when, by whose word and with which text."""
    since = short_time(max(0.0, now - timestamp(worker["attention_since"])))
    text = f": {worker['attention_text']}" if worker["attention_text"] else ""
    left = worker.get("held_until")
    until = f", until {clock(timestamp(left), now)}" if left else ""
    return f"{worker['attention']} for {since}{until} ({worker['attention_by']}){text}"


def usage(worker: Worker) -> str:
    """Return the cost and the tokens that it has reported; nothing where it has reported none."""
    tokens, cost = worker.get("tokens"), worker.get("cost")
    parts = [] if tokens is None else [f"{tokens:,} tokens"]
    return ", ".join([*parts, *([] if cost is None else [f"cost {cost:,.2f}"])])


def timestamp(iso: str) -> float:
    """Return an ISO 8601 time as Unix time."""
    return datetime.fromisoformat(iso).timestamp()


def clock(at: float, now: float) -> str:
    """Return a local time of day, with its date if that is not today."""
    moment = datetime.fromtimestamp(at).astimezone()
    today = moment.date() == datetime.fromtimestamp(now).astimezone().date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def _cpu(worker: Worker) -> str:
    return "-" if worker["cpu_percent"] is None else f"{worker['cpu_percent']:.1f} %"


_COLUMNS: list[tuple[Column, Callable[[Worker, float], str]]] = [
    (Column(head="PROJECT", least=8, middle=True, goes=6), lambda worker, now: worker["project"] or "-"),
    (Column(head="NAME", least=20, middle=True), lambda worker, now: worker["name"]),
    (Column(head="STATE", paint=colours.state), lambda worker, now: worker["state"]),
    (Column(head="HEALTH", goes=7, usual="ok", paint=colours.health), lambda worker, now: wellness(worker)),
    (Column(head="PID", right=True, goes=1, paint=colours.value), lambda worker, now: str(worker["pid"] or "-")),
    (
        Column(head="UPTIME", right=True, goes=5, paint=colours.value),
        lambda worker, now: short_time(worker["uptime_s"]),
    ),
    (Column(head="RESTARTS", right=True, goes=4, usual="0"), lambda worker, now: restarts(worker)),
    (Column(head="CPU", right=True, goes=2, paint=colours.value), lambda worker, now: _cpu(worker)),
    (
        Column(head="MEMORY", right=True, goes=3, paint=colours.value),
        lambda worker, now: short_size(worker["rss_bytes"]),
    ),
    (Column(head="REASON", goes=8, paint=colours.ends), why),
]
