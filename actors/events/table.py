"""The events of the service's log. Who adds one adds it here; `python -m actors.events` then writes docs/events.md."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass

from actors.events import sentences as say
from actors.events.sentences import Clause, Facts

SHARED = frozenset({"worker", "life", "cause", "reason", "verdict", "from", "to"})
"""Fields that any event about a worker may have."""

Level = str | Callable[[Facts], str]
INFO, WARNING, ERROR = "info", "warning", "error"
_LOUD_CAUSES = frozenset({"tmux-died", "tmux-unreachable", "no-process", "start-lost"})


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of line. `fields` are names separated by blanks, beside those that are `SHARED` by workers' events.

    `moves`: the change of state that it may be, for people. `said`: its clause in `why`; None: told as it is logged.
    `incident`: it explains what happens to many workers at once, so the history of each worker has it.
    """

    level: Level
    when: str
    _: KW_ONLY
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
        _of_pending,
        "it wants to start; cause: defined, run, person, replaced, rebooted, tmux-died, tmux-unreachable (tmux "
        "refused the start or did not answer: tried again after 0, 1, 2, 4 … 30 s), no-process (the kernel gave tmux "
        "no process: tried again likewise, after at least 1 s), start-lost",
        moves="… → pending",
        fields="forced",
        said=say.pending,
    ),
    "worker.starting": Event(
        INFO,
        "a start was ordered; cause: admitted, backoff-over, restart, person",
        moves="… → starting",
        fields="attempt",
        said=say.starting,
    ),
    "worker.ready": Event(
        INFO, "its readiness is reached", moves="starting → running", fields="startup_s", said=say.ready
    ),
    "worker.unready": Event(
        _by_outcome,
        "not ready within `ready.timeout`; it is ended",
        moves="starting → backoff, failed",
        fields="delay_s attempt",
        said=say.unready,
    ),
    "worker.unhealthy": Event(
        _by_outcome,
        "its liveness probe failed `live.failures` times in a row; it is ended. Without `from`/`to` where "
        "`live.do` is notify",
        moves="running → backoff, failed",
        fields="kind failures uptime_s delay_s attempt",
        said=say.unhealthy,
    ),
    "worker.healthy": Event(INFO, "its liveness probe succeeds again", fields="kind", said=say.healthy),
    "worker.exited": Event(
        _of_exited,
        "its process ended. Without `from`/`to` while it is being stopped, and where that went on without a "
        "service; cause: exit, background (the program went on in the background), exit-unwatched (adopted as dead), "
        "or what was asked; left: the processes that it left, which are ended",
        moves="running, starting → backoff, completed, failed, pending",
        fields="exit_code exit_signal uptime_s delay_s attempt left",
        said=say.exited,
    ),
    "worker.in_background": Event(
        INFO,
        "its main process has ended well and left these processes, which are the worker from here on "
        '(background = "allow"); pid: the eldest of them',
        fields="pid left",
        said=say.in_background,
    ),
    "worker.signalled": Event(
        INFO, "a person sent it this signal; to: main (its main process) or tree", fields="signal to"
    ),
    "worker.stopping": Event(
        INFO,
        "it was told to end; goal: stop, restart, complete, remove, replace, down; cause: adopted where a service "
        "that begins goes on with it",
        moves="… → stopping",
        fields="goal",
        said=say.stopping,
    ),
    "worker.stopped": Event(
        INFO,
        "nothing is left of it; forced: SIGKILL was needed",
        moves="… → stopped",
        fields="forced",
        said=say.stopped,
    ),
    "worker.completed": Event(
        INFO,
        "a person completed it (an exit that completes is `worker.exited`), or it was completed before this "
        "service began",
        moves="… → completed",
        fields="forced",
        said=say.completed,
    ),
    "worker.failed": Event(
        _of_failed,
        "it cannot be started (cannot-start), or had failed before this service began (adopted)",
        moves="… → failed",
        said=say.failed,
    ),
    "worker.adopted": Event(
        INFO, "it lived when the service began", moves="null → running, starting", fields="pid", said=say.adopted
    ),
    "worker.quarantined": Event(
        ERROR,
        "what lives there cannot be proved to be this worker: a person decides",
        moves="… → quarantined",
        said=say.quarantined,
    ),
    "worker.removed": Event(INFO, "it is forgotten", moves="… → removed", fields="forced"),
    "worker.stalled": Event(
        WARNING,
        "it runs, and gave no sign of life for `stall.after`; by: output, screen",
        fields="by silent_s",
        said=say.stalled,
    ),
    "worker.stall_step": Event(
        _by_outcome,
        "a step of its ladder is done; do: notify, send, interrupt, restart (it is ended, as after a crash). What "
        "is typed is not told",
        moves="with do = restart: running → backoff, failed",
        fields="do step steps delay_s attempt",
        said=say.stall_step,
    ),
    "worker.unstalled": Event(
        INFO, "it gave a sign of life again, or stalls are not watched any more", fields="stalled_s", said=say.unstalled
    ),
    "worker.limit": Event(
        _of_limit,
        "its process tree is above a limit; once, until it is within it again. which: memory, cpu, processes, "
        "age. With do = restart it is ended, as after a crash; for its age it is stopped and started (worker.stopping, "
        "cause: age)",
        moves="with do = restart, except for age: running, starting → backoff, failed",
        fields="which value limit do delay_s attempt",
        said=say.limit,
    ),
    "worker.input_dropped": Event(
        WARNING, "this number of inputs that waited to be typed are given up; each sender was told", fields="inputs"
    ),
    "worker.respawned_by_hand": Event(
        WARNING, "someone ran respawn-pane in its pane", fields="pid old_pid", said=say.respawned
    ),
    "worker.escaped": Event(
        WARNING,
        "processes that had left the worker's tree unseen were found when it was ended, and were ended too. "
        "Without `worker`, at `down`: those whose worker is not known",
        fields="pids",
        said=say.escaped,
    ),
    "worker.unknown_pane": Event(
        WARNING,
        "a pane has our mark, but no record and no file knows the worker; it is shown under `degraded` until it "
        "is removed or taken over",
        fields="panes",
    ),
}

_TMUX: Mapping[str, Event] = {
    "tmux.unreachable": Event(
        ERROR,
        "it does not answer; no verdict about any worker until it does. Once an incident",
        fields="reason",
        said=say.tmux_unreachable,
        incident=True,
    ),
    "tmux.answers": Event(
        WARNING, "it answers again", fields="after", said=say.always("tmux answered again"), incident=True
    ),
    "tmux.died": Event(
        ERROR,
        "its process ended: one incident, no worker's budget is spent",
        fields="pid workers",
        said=say.tmux_died,
        incident=True,
    ),
    "tmux.died_unwatched": Event(
        WARNING,
        "it ended while no service ran",
        said=say.always("the tmux server had died while no service ran"),
        incident=True,
    ),
    "tmux.started": Event(
        WARNING, "a new tmux server", fields="pid", said=say.always("a new tmux server was started"), incident=True
    ),
    "tmux.kept": Event(
        WARNING, "at `down` it was left alone: people have windows of their own in it", fields="windows"
    ),
    "tmux.not_ended": Event(ERROR, "at `down` it did not end", fields="error"),
    "terminal.order_failed": Event(
        WARNING,
        "a pane could not be closed, or a log pipe not be opened; the next sweep repeats the order",
        fields="order error",
    ),
}

_SERVICE: Mapping[str, Event] = {
    "service.started": Event(
        INFO,
        "first line of each start, with how the last service here ended",
        fields="pid version state_dir previous_pid previous_ended previous_heartbeat",
        said=say.service_started,
        incident=True,
    ),
    "service.restarted": Event(
        WARNING,
        "the keeper of `up` has started the service again; restart: which one this is, exit_code or exit_signal: "
        "how the service before ended, pause_s: how long the keeper waited",
        fields="keeper restart exit_code exit_signal pause_s",
        said=say.service_restarted,
        incident=True,
    ),
    "service.upgraded": Event(
        INFO,
        "it has taken over from the service before, whose workers run on",
        fields="version previous_version previous_pid",
        said=say.service_upgraded,
        incident=True,
    ),
    "service.upgrade_failed": Event(
        ERROR,
        "the next service did not get ready, or had no picture in time; this one runs on, or again",
        fields="error",
        said=say.always("an upgrade of the service failed, and it went on as it was"),
        incident=True,
    ),
    "service.keeper_ended": Event(
        WARNING, "the keeper has ended, the service goes on; it is not started again when it fails", fields="pid"
    ),
    "state.table": Event(
        INFO,
        "after each start, in each new file, after lines that could not be written or were dropped; workers: "
        "{name: state}; reason: start, new-file, gap",
        fields="reason workers lost",
    ),
    "log.dropped": Event(
        ERROR,
        "this number of lines found no place while the disk took none, and is missing here; `state.table` follows",
        fields="count",
    ),
    "service.watchdog_tight": Event(
        WARNING,
        "systemd's WatchdogSec is less than two capture beats: a slow beat could end the service",
        fields="watchdog_s capture_interval_s",
    ),
    "service.rebooted": Event(
        WARNING,
        "the machine was booted since the records were written",
        said=say.always("the machine had been booted again"),
        incident=True,
    ),
    "service.stopping": Event(
        INFO,
        "it was told to end; workers: kept, stopped",
        fields="cause workers",
        said=say.service_stopping,
        incident=True,
    ),
    "service.stopped": Event(
        INFO,
        "last line of a clean end",
        fields="cause tmux_ended",
        said=say.always("the service had ended"),
        incident=True,
    ),
    "service.crashed": Event(
        ERROR,
        "it ends with an error and exit code 70; the workers live on",
        fields="error traceback",
        said=say.always("the service had crashed"),
        incident=True,
    ),
    "service.thread_died": Event(
        ERROR,
        "a thread that the service cannot do without has died; `service.crashed` follows",
        fields="thread error traceback",
    ),
    "service.degraded": Event(
        ERROR,
        "a file cannot be written, the records were found damaged, a worker lives that is on no record, the lock "
        "was deleted, the state directory or the config file was moved, others can write to that directory, a handler "
        "hangs, file descriptors have run out; supervision goes on. Once an incident",
        fields="what reason",
    ),
    "service.recovered": Event(WARNING, "that part is well again", fields="what"),
    "config.applied": Event(
        INFO,
        "a file was applied, with the number of workers of each kind; next_start: the keys of `[supervisor]` that "
        "count from the next start only, where there are any",
        fields="digest create start replace policy stop none next_start",
        said=say.config_applied,
        incident=True,
    ),
    "workers.scaled": Event(INFO, "a person ordered another number of replicas", fields="family replicas before"),
    "config.error": Event(ERROR, "the file cannot be applied; nothing changed", fields="error"),
    "actor.failed": Event(
        ERROR,
        "an actor died of an exception while it handled this message; a Worker is replaced, any other ends the service",
        fields="actor worker handling error traceback",
        said=say.actor_failed,
    ),
    "actor.hung": Event(
        ERROR,
        "a handler has been at one message for 10 s, and where it is; `log` and `housekeeping` are threads that "
        "wait for a disk. Once a hang",
        fields="actor worker handling seconds stack",
    ),
    "actor.goes_on": Event(WARNING, "that handler has come to its end", fields="actor worker handling seconds"),
    "adapter.failed": Event(
        ERROR, "something at the edge raised; it goes on. Once an incident", fields="error traceback"
    ),
    "adapter.goes_on": Event(
        WARNING, "it has not raised this for a minute; times: how often it did", fields="error times"
    ),
    "library.warned": Event(
        WARNING, "a library that the service uses logged a warning", fields="logger message traceback"
    ),
    "library.failed": Event(
        ERROR, "a library that the service uses logged an error", fields="logger message traceback"
    ),
    "service.gap": Event(
        WARNING,
        "the service itself stood still for this long (stopped, starved, suspended): no one watched meanwhile",
        fields="seconds",
    ),
    "ticker.overrun": Event(
        WARNING,
        "a beat came before the last one was over, or was missed. Once an incident",
        fields="beat skipped overruns",
    ),
    "ticker.on_time": Event(
        INFO,
        "for a minute all beats have been on time; overruns: how many were not since the service began",
        fields="overruns",
    ),
    "metrics.screens_large": Event(WARNING, "all screens together are above 100 MB", fields="bytes"),
    "gateway.listening": Event(INFO, "commands and subscribers can connect", fields="socket"),
    "gateway.subscriber_dropped": Event(WARNING, "a subscriber read nothing for 5 s", fields="pid topics after_s"),
    "gateway.foreign_peer": Event(
        WARNING, "another user connected; closed without an answer. Once a user", fields="uid pid"
    ),
    "gateway.accept_failed": Event(
        ERROR,
        "no connection could be accepted. When descriptors have run out, clients are told so. Once an incident",
        fields="error",
    ),
    "gateway.request_failed": Event(ERROR, "a request ended in an exception of ours", fields="do error traceback"),
}

SECTIONS: Mapping[str, Mapping[str, Event]] = {
    "A worker's life": _WORKER,
    "tmux": _TMUX,
    "The service": _SERVICE,
}
EVENTS: Mapping[str, Event] = {name: event for section in SECTIONS.values() for name, event in section.items()}
INCIDENTS = frozenset(name for name, event in EVENTS.items() if event.incident)
