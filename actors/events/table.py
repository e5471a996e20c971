"""The events of the service's log. Who adds one adds it here; `python -m actors.events` then writes docs/events.md."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from actors.events import sentences as say
from actors.events.sentences import Clause, Facts

SHARED = frozenset({"worker", "life", "cause", "reason", "from", "to"})
"""Fields that any event about a worker may have."""

Level = str | Callable[[Facts], str]
INFO, WARNING, ERROR = "info", "warning", "error"
_LOUD_CAUSES = frozenset({"tmux-died", "tmux-unreachable", "no-process", "start-lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One kind of line. `fields` are names separated by blanks, beside those that are `SHARED` by workers' events.

    `moves`: the change of state that it may be, for people. `said`: its clause in `why`; None: told as it is logged.
    `incident`: it explains what happens to many workers at once, so the history of each worker has it.
    """

    level: Level
    when: str
    fields: str = ""
    moves: str = ""
    said: Clause | None = None
    incident: bool = False

    @property
    def field_names(self) -> tuple[str, ...]:
        return tuple(self.fields.split())


def level_of(event: str, facts: Facts) -> str:
    """Return "info", "warning" or "error"; an event that is not in the table is a warning."""
    known = EVENTS.get(event)
    if known is None:
        return WARNING
    return known.level if isinstance(known.level, str) else known.level(facts)


def faults_in(event: str, facts: Facts) -> list[str]:
    """Return what the table does not have: the event itself, or facts of it."""
    known = EVENTS.get(event)
    if known is None:
        return [f"unknown event {event}"]
    allowed = {*known.field_names, *(SHARED if event.startswith("worker.") else ())}
    return [f"{event} has no field {key}" for key in facts if key not in allowed]


# ── levels that depend on facts ───────────────────────────────────────────────────────────────────────────────────


_OUTCOMES = {"failed": ERROR, "backoff": WARNING, "pending": WARNING, "completed": INFO}


def _by_outcome(facts: Facts) -> str:
    """Failed is an error; what is to start again, or needs a look, is a warning."""
    return _OUTCOMES.get(str(facts.get("to")), WARNING)


def _of_exited(facts: Facts) -> str:
    return _by_outcome(facts) if "to" in facts else INFO


def _of_pending(facts: Facts) -> str:
    return WARNING if facts.get("cause") in _LOUD_CAUSES else INFO


def _of_failed(facts: Facts) -> str:
    return INFO if facts.get("cause") == "adopted" else ERROR


def _of_limit(facts: Facts) -> str:
    planned = facts.get("which") == "age" and facts.get("do") == "restart"
    return INFO if planned else _by_outcome(facts)


# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────

_WORKER: Mapping[str, Event] = {
    "worker.pending": Event(
        level=_of_pending,
        moves="… → pending",
        fields="forced",
        when="it wants to start; cause: defined, run, person, replaced, rebooted, tmux-died, tmux-unreachable (tmux "
        "refused the start or did not answer: tried again after 0, 1, 2, 4 … 30 s), no-process (the kernel gave tmux "
        "no process: tried again likewise, after at least 1 s), start-lost",
        said=say.pending,
    ),
    "worker.starting": Event(
        level=INFO,
        moves="… → starting",
        fields="attempt",
        when="a start was ordered; cause: admitted, backoff-over, restart, person",
        said=say.starting,
    ),
    "worker.ready": Event(
        level=INFO, moves="starting → running", fields="startup_s", when="its readiness is reached", said=say.ready
    ),
    "worker.unready": Event(
        level=_by_outcome,
        moves="starting → backoff, failed",
        fields="delay_s attempt",
        when="not ready within `ready.timeout`; it is ended",
        said=say.unready,
    ),
    "worker.unhealthy": Event(
        level=_by_outcome,
        moves="running → backoff, failed",
        fields="kind failures uptime_s delay_s attempt",
        when="its liveness probe failed `live.failures` times in a row; it is ended. Without `from`/`to` where "
        "`live.do` is notify",
        said=say.unhealthy,
    ),
    "worker.healthy": Event(level=INFO, fields="kind", when="its liveness probe succeeds again", said=say.healthy),
    "worker.exited": Event(
        level=_of_exited,
        moves="running, starting → backoff, completed, failed, pending",
        fields="exit_code exit_signal uptime_s delay_s attempt",
        when="its process ended. Without `from`/`to` while it is being stopped, and where that went on without a "
        "service; cause: exit, exit-unwatched (adopted as dead), or what was asked",
        said=say.exited,
    ),
    "worker.stopping": Event(
        level=INFO,
        moves="… → stopping",
        fields="goal",
        when="it was told to end; goal: stop, restart, complete, remove, replace, down; cause: adopted where a service "
        "that begins goes on with it",
        said=say.stopping,
    ),
    "worker.stopped": Event(
        level=INFO,
        moves="… → stopped",
        fields="forced",
        when="nothing is left of it; forced: SIGKILL was needed",
        said=say.stopped,
    ),
    "worker.completed": Event(
        level=INFO,
        moves="… → completed",
        fields="forced",
        when="a person completed it (an exit that completes is `worker.exited`), or it was completed before this "
        "service began",
        said=say.completed,
    ),
    "worker.failed": Event(
        level=_of_failed,
        moves="… → failed",
        when="it cannot be started (cannot-start), or had failed before this service began (adopted)",
        said=say.failed,
    ),
    "worker.adopted": Event(
        level=INFO,
        moves="null → running, starting",
        fields="pid",
        when="it lived when the service began",
        said=say.adopted,
    ),
    "worker.quarantined": Event(
        level=ERROR,
        moves="… → quarantined",
        when="what lives there cannot be proved to be this worker: a person decides",
        said=say.quarantined,
    ),
    "worker.removed": Event(level=INFO, moves="… → removed", fields="forced", when="it is forgotten"),
    "worker.stalled": Event(
        level=WARNING,
        fields="by silent_s",
        when="it runs, and gave no sign of life for `stall.after`; by: output, screen",
        said=say.stalled,
    ),
    "worker.stall_step": Event(
        level=_by_outcome,
        moves="with do = restart: running → backoff, failed",
        fields="do step steps delay_s attempt",
        when="a step of its ladder is done; do: notify, send, interrupt, restart (it is ended, as after a crash). What "
        "is typed is not told",
        said=say.stall_step,
    ),
    "worker.unstalled": Event(
        level=INFO,
        fields="stalled_s",
        when="it gave a sign of life again, or stalls are not watched any more",
        said=say.unstalled,
    ),
    "worker.limit": Event(
        level=_of_limit,
        moves="with do = restart, except for age: running, starting → backoff, failed",
        fields="which value limit do delay_s attempt",
        when="its process tree is above a limit; once, until it is within it again. which: memory, cpu, processes, "
        "age. With do = restart it is ended, as after a crash; for its age it is stopped and started (worker.stopping, "
        "cause: age)",
        said=say.limit,
    ),
    "worker.input_dropped": Event(
        level=WARNING,
        fields="inputs",
        when="this number of inputs that waited to be typed are given up; each sender was told",
    ),
    "worker.respawned_by_hand": Event(
        level=WARNING, fields="pid old_pid", when="someone ran respawn-pane in its pane", said=say.respawned
    ),
    "worker.escaped": Event(
        level=WARNING,
        fields="pids",
        when="processes that had left the worker's tree unseen were found when it was ended, and were ended too. "
        "Without `worker`, at `down`: those whose worker is not known",
        said=say.escaped,
    ),
    "worker.unknown_pane": Event(
        level=WARNING,
        fields="panes",
        when="a pane has our mark, but no record and no file knows the worker; it is shown under `degraded` until it "
        "is removed or taken over",
    ),
}

_TMUX: Mapping[str, Event] = {
    "tmux.unreachable": Event(
        level=ERROR,
        fields="reason",
        when="it does not answer; no verdict about any worker until it does. Once an incident",
        said=say.tmux_unreachable,
        incident=True,
    ),
    "tmux.answers": Event(
        level=WARNING, fields="after", when="it answers again", said=say.always("tmux answered again"), incident=True
    ),
    "tmux.died": Event(
        level=ERROR,
        fields="pid workers",
        when="its process ended: one incident, no worker's budget is spent",
        said=say.tmux_died,
        incident=True,
    ),
    "tmux.died_unwatched": Event(
        level=WARNING,
        when="it ended while no service ran",
        said=say.always("the tmux server had died while no service ran"),
        incident=True,
    ),
    "tmux.started": Event(
        level=WARNING,
        fields="pid",
        when="a new tmux server",
        said=say.always("a new tmux server was started"),
        incident=True,
    ),
    "tmux.kept": Event(
        level=WARNING, fields="windows", when="at `down` it was left alone: people have windows of their own in it"
    ),
    "tmux.not_ended": Event(level=ERROR, fields="error", when="at `down` it did not end"),
    "terminal.order_failed": Event(
        level=WARNING,
        fields="order error",
        when="a pane could not be closed, or a log pipe not be opened; the next sweep repeats the order",
    ),
}

_SERVICE: Mapping[str, Event] = {
    "service.started": Event(
        level=INFO,
        fields="pid version state_dir previous_pid previous_ended previous_heartbeat",
        when="first line of each start, with how the last service here ended",
        said=say.service_started,
        incident=True,
    ),
    "service.restarted": Event(
        level=WARNING,
        fields="keeper restart exit_code exit_signal pause_s",
        when="the keeper of `up` has started the service again; restart: which one this is, exit_code or exit_signal: "
        "how the service before ended, pause_s: how long the keeper waited",
        said=say.service_restarted,
        incident=True,
    ),
    "service.keeper_ended": Event(
        level=WARNING,
        fields="pid",
        when="the keeper has ended, the service goes on; it is not started again when it fails",
    ),
    "state.table": Event(
        level=INFO,
        fields="reason workers lost",
        when="after each start, in each new file, after lines that could not be written or were dropped; workers: "
        "{name: state}; reason: start, new-file, gap",
    ),
    "log.dropped": Event(
        level=ERROR,
        fields="count",
        when="this number of lines found no place while the disk took none, and is missing here; `state.table` follows",
    ),
    "service.watchdog_tight": Event(
        level=WARNING,
        fields="watchdog_s capture_interval_s",
        when="systemd's WatchdogSec is less than two capture beats: a slow beat could end the service",
    ),
    "service.rebooted": Event(
        level=WARNING,
        when="the machine was booted since the records were written",
        said=say.always("the machine had been booted again"),
        incident=True,
    ),
    "service.stopping": Event(
        level=INFO,
        fields="cause workers",
        when="it was told to end; workers: kept, stopped",
        said=say.service_stopping,
        incident=True,
    ),
    "service.stopped": Event(
        level=INFO,
        fields="cause tmux_ended",
        when="last line of a clean end",
        said=say.always("the service had ended"),
        incident=True,
    ),
    "service.crashed": Event(
        level=ERROR,
        fields="error traceback",
        when="it ends with an error and exit code 70; the workers live on",
        said=say.always("the service had crashed"),
        incident=True,
    ),
    "service.thread_died": Event(
        level=ERROR,
        fields="thread error traceback",
        when="a thread that the service cannot do without has died; `service.crashed` follows",
    ),
    "service.degraded": Event(
        level=ERROR,
        fields="what reason",
        when="a file cannot be written, the records were found damaged, a worker lives that is on no record, the lock "
        "was deleted, the state directory or the config file was moved, others can write to that directory, a handler "
        "hangs, file descriptors have run out; supervision goes on. Once an incident",
    ),
    "service.recovered": Event(level=WARNING, fields="what", when="that part is well again"),
    "config.applied": Event(
        level=INFO,
        fields="digest create start replace policy stop none next_start",
        when="a file was applied, with the number of workers of each kind; next_start: the keys of `[supervisor]` that "
        "count from the next start only, where there are any",
        said=say.config_applied,
        incident=True,
    ),
    "workers.scaled": Event(
        level=INFO, fields="family replicas before", when="a person ordered another number of replicas"
    ),
    "config.error": Event(level=ERROR, fields="error", when="the file cannot be applied; nothing changed"),
    "actor.failed": Event(
        level=ERROR,
        fields="actor worker handling error traceback",
        when="an actor died of an exception while it handled this message; a Worker is replaced, any other ends the "
        "service",
        said=say.actor_failed,
    ),
    "actor.hung": Event(
        level=ERROR,
        fields="actor worker handling seconds stack",
        when="a handler has been at one message for 10 s, and where it is; `log` and `housekeeping` are threads that "
        "wait for a disk. Once a hang",
    ),
    "actor.goes_on": Event(
        level=WARNING, fields="actor worker handling seconds", when="that handler has come to its end"
    ),
    "adapter.failed": Event(
        level=ERROR, fields="error traceback", when="something at the edge raised; it goes on. Once an incident"
    ),
    "adapter.goes_on": Event(
        level=WARNING, fields="error times", when="it has not raised this for a minute; times: how often it did"
    ),
    "library.warned": Event(
        level=WARNING, fields="logger message traceback", when="a library that the service uses logged a warning"
    ),
    "library.failed": Event(
        level=ERROR, fields="logger message traceback", when="a library that the service uses logged an error"
    ),
    "service.gap": Event(
        level=WARNING,
        fields="seconds",
        when="the service itself stood still for this long (stopped, starved, suspended): no one watched meanwhile",
    ),
    "ticker.overrun": Event(
        level=WARNING,
        fields="beat skipped overruns",
        when="a beat came before the last one was over, or was missed. Once an incident",
    ),
    "ticker.on_time": Event(
        level=INFO,
        fields="overruns",
        when="for a minute all beats have been on time; overruns: how many were not since the service began",
    ),
    "metrics.screens_large": Event(level=WARNING, fields="bytes", when="all screens together are above 100 MB"),
    "gateway.listening": Event(level=INFO, fields="socket", when="commands and subscribers can connect"),
    "gateway.subscriber_dropped": Event(
        level=WARNING, fields="pid topics after_s", when="a subscriber read nothing for 5 s"
    ),
    "gateway.foreign_peer": Event(
        level=WARNING, fields="uid pid", when="another user connected; closed without an answer. Once a user"
    ),
    "gateway.accept_failed": Event(
        level=ERROR,
        fields="error",
        when="no connection could be accepted. When descriptors have run out, clients are told so. Once an incident",
    ),
    "gateway.request_failed": Event(
        level=ERROR, fields="do error traceback", when="a request ended in an exception of ours"
    ),
}

SECTIONS: Mapping[str, Mapping[str, Event]] = {
    "A worker's life": _WORKER,
    "tmux": _TMUX,
    "The service": _SERVICE,
}
EVENTS: Mapping[str, Event] = {name: event for section in SECTIONS.values() for name, event in section.items()}
INCIDENTS = frozenset(name for name, event in EVENTS.items() if event.incident)
