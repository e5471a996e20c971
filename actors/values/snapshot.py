"""The one picture of the whole: immutable; Metrics makes it, every surface reads it.

Report (a Row) × N ──▶ Snapshot ──▶ status, status file, broadcast, any query
"""

from collections.abc import Mapping
from dataclasses import field, replace
from types import MappingProxyType
from typing import Any

from actors.beats import BOUNDS, BeatTimes
from actors.events.words import iso
from actors.frozen import as_dict, frozen
from actors.life import stop_plan
from actors.life.attention import Attention, Statement
from actors.life.stall import next_rung
from actors.life.state import Phase, State, Worker
from actors.values.attention import Source, Word
from actors.values.facts import Exit, Instant
from actors.values.gates import Gate
from actors.values.totals import totals_of

SCHEMA = 1


@frozen(kw_only=True)
class EndingView:
    """The progress of an ending: the next step in words, when it is due, and when KILL is. Times are Unix times.

    `left`: the pids that the last signal went to, including those that have ended since.
    """

    next: str | None
    next_at: float | None
    killed_at: float | None
    left: tuple[int, ...] = ()


@frozen(kw_only=True)
class StallShown:
    """A stalled worker: `climbed` of `steps` rungs are done; the rung `next` is due at `next_at`.

    `paused`: the rung waits until no person is attached. The text that the ladder types is not shown.
    """

    since: float
    by: str
    climbed: int
    steps: int
    next: str | None
    next_at: float | None
    paused: bool

    def to_dict(self) -> dict[str, Any]:
        return {**as_dict(self), "since": iso(self.since), "next_at": iso(self.next_at)}


@frozen(kw_only=True)
class Row:
    """One worker in the picture. Times are Unix times.

    `exits`: how many of its lives have ended by each cause (of death records) since its actor began.
    `order`, `draining` and `gate` are for verdicts; `ending`, `stall`, `recent` and `slow` (of its budget) are for
    `why`. None of them is in `status`.
    """

    name: str
    project: str
    labels: tuple[tuple[str, str], ...]
    state: str
    health: str | None
    attention: str | None = None
    attention_by: str | None = None
    attention_since: float | None = None
    attention_text: str = ""
    held_until: float | None = None
    cost: float | None = None
    tokens: int | None = None
    pid: int | None
    pane: str | None
    life: str | None
    since: float
    started_at: float | None
    restarts: int
    attempt: int
    max_restarts: int
    next_start_at: float | None
    exit: Exit | None
    exits: tuple[tuple[str, int], ...] = ()
    reason: str
    depends_on: tuple[str, ...]
    rss_bytes: int | None
    cpu_percent: float | None
    processes: int | None
    last_output_at: float | None
    screen_bytes: int | None
    log_path: str
    log_bytes: int | None
    queued_input: int
    hands_on: bool
    order: int
    draining: bool
    gate: Gate | None = None
    ending: EndingView | None = None
    stall: StallShown | None = None
    recent: tuple[float, ...] = ()
    slow: bool = False
    reported_at: float | None = field(default=None, compare=False)  # a new time alone is no change

    def uptime_at(self, now: float) -> float | None:
        """Return the seconds that its process has lived at this Unix time; None without one."""
        return None if self.started_at is None else round(max(0.0, now - self.started_at), 3)

    def to_dict(self, now: float) -> dict[str, Any]:
        """Return the row as in `status -o json`."""
        exit = self.exit
        return {
            "name": self.name,
            "project": self.project,
            "labels": dict(self.labels),
            "state": self.state,
            "health": self.health,
            "attention": self.attention,
            "attention_by": self.attention_by,
            "attention_since": iso(self.attention_since),
            "attention_text": self.attention_text,
            "held_until": iso(self.held_until),
            "cost": self.cost,
            "tokens": self.tokens,
            "pid": self.pid,
            "pane": self.pane,
            "life": self.life,
            "since": iso(self.since),
            "started_at": iso(self.started_at),
            "uptime_s": self.uptime_at(now),
            "restarts": self.restarts,
            "attempt": self.attempt,
            "max_restarts": self.max_restarts,
            "next_start_at": iso(self.next_start_at),
            "exit_code": exit.code if exit else None,
            "exit_signal": exit.signal if exit else None,
            "exited_at": iso(exit.at or None) if exit else None,
            "exits": dict(self.exits),
            "reason": self.reason,
            "depends_on": list(self.depends_on),
            "rss_bytes": self.rss_bytes,
            "cpu_percent": self.cpu_percent,
            "processes": self.processes,
            "last_output_at": iso(self.last_output_at),
            "screen_bytes": self.screen_bytes,
            "log_path": self.log_path,
            "log_bytes": self.log_bytes,
            "queued_input": self.queued_input,
            "hands_on": self.hands_on,
            "reported_at": iso(self.reported_at),
        }


def row_of(w: Worker, *, log_path: str, log_bytes: int | None, reported_at: float | None = None) -> Row:
    """Return a worker's row, as of `reported_at` (Unix time); an unknown value is None."""
    alive = w.life is not None and w.life.process is not None and w.life.phase is Phase.ALIVE
    life = w.life if alive else None
    attention = life.attention if life else Attention()
    shown = attention.shown if w.state is State.RUNNING else None
    return Row(
        name=w.name,
        project=w.spec.project,
        labels=w.spec.labels,
        state=w.state.value,
        health=_health(w),
        **_attention_of(w, shown),
        cost=attention.cost,
        tokens=attention.tokens,
        pid=life.process.pid if life and life.process else None,
        pane=w.pane,
        life=w.life.id if w.life else w.judged,
        since=w.since.wall,
        started_at=life.since.wall if life else None,
        restarts=w.budget.restarts,
        attempt=w.budget.attempt,
        max_restarts=w.spec.max_restarts,
        next_start_at=w.next_start.wall if w.next_start else None,
        exit=w.exit,
        exits=w.exits,
        reason=w.reason,
        gate=w.gate,
        depends_on=tuple(name for name, _ in w.spec.depends_on),
        rss_bytes=w.rss_bytes,
        cpu_percent=w.cpu_percent,
        processes=w.processes,
        last_output_at=w.last_output,
        screen_bytes=len(w.screen.content) if w.screen else None,
        log_path=log_path,
        log_bytes=log_bytes,
        queued_input=w.typing.count,
        hands_on=w.attached,
        order=w.order,
        draining=w.ending is not None,
        ending=_ending_of(w),
        stall=_stall_shown(w),
        recent=tuple(at.wall for at in w.budget.recent),
        slow=w.budget.slow,
        reported_at=reported_at,
    )


def _attention_of(w: Worker, shown: Statement | None) -> dict[str, Any]:
    """Return the fields about its attention; a hold comes before whatever `shown` says."""
    hold = w.hold if w.is_held else None
    until = hold.until if hold else None
    if hold and w.state is State.RUNNING:
        word, by, since, text = Word.HELD.value, Source.RULE.value, hold.since, hold.text
    elif shown:
        word, by, since, text = shown.word.value, shown.by.value, shown.since.wall, shown.text
    else:
        return {"held_until": until}
    return {
        "attention": word,
        "attention_by": by,
        "attention_since": since,
        "attention_text": text,
        "held_until": until,
    }


def _health(w: Worker) -> str | None:
    if w.state is not State.RUNNING:
        return None
    if w.life and w.life.stall.since:
        return "stalled"
    return "unready" if w.is_unready else "ok"


def _stall_shown(w: Worker) -> StallShown | None:
    watch = w.life.stall if w.life and w.state is State.RUNNING else None
    if watch is None or watch.since is None:
        return None
    rung, plan = next_rung(watch, w.spec.stall), w.spec.stall
    return StallShown(
        since=watch.since.wall,
        by=plan.by,
        climbed=watch.climbed,
        steps=len(plan.ladder),
        next=rung.do if rung else None,
        next_at=watch.due.wall if watch.due else None,
        paused=watch.paused,
    )


def _ending_of(w: Worker) -> EndingView | None:
    ending = w.ending
    if ending is None or ending.gone:
        return None
    if ending.due is None or not ending.steps:
        return EndingView(next=None, next_at=None, killed_at=None, left=ending.left)
    at = ending.due + w.since.wall - w.since.mono
    killed_at = at + stop_plan.longest(ending.steps) if ending.steps[-1] == stop_plan.LAST else None
    following = stop_plan.next_step(ending.steps).action
    return EndingView(next=stop_plan.in_words(following), next_at=at, killed_at=killed_at, left=ending.left)


@frozen
class Host:
    """The machine: load average of one minute, available bytes of memory, CPU in percent of all cores.

    `tasks_free`: the processes and threads that the tmux server may still start under the limit `tasks_limit`.
    """

    load: float | None = None
    memory_available_bytes: int | None = None
    cpu_percent: float | None = None
    tasks_free: int | None = None
    tasks_limit: str = ""


@frozen(kw_only=True)
class Config:
    """The config file, and whether the file on disk differs from the applied one."""

    path: str
    digest: str
    loaded_at: float | None = None
    changed_on_disk: bool = False
    error: str | None = None


@frozen(kw_only=True)
class Service:
    """The service's own part of the picture. `kept_by`: who starts it again when it fails; None: nobody does.

    `capture` and `health`: how long its beats have taken since it started.
    """

    pid: int
    version: str
    started_at: float
    state_dir: str
    socket: str
    tmux_socket: str
    config: Config
    kept_by: str | None = None
    tick: int = 0
    tick_ms: float | None = None
    overruns: int = 0
    capture: BeatTimes = field(default_factory=BeatTimes)
    health: BeatTimes = field(default_factory=BeatTimes)
    tmux: str = "ok"
    degraded: tuple[str, ...] = ()

    def to_dict(self, now: float, audience: "Audience") -> dict[str, Any]:
        config = self.config
        return {
            "pid": self.pid,
            "version": self.version,
            "started_at": iso(self.started_at),
            "uptime_s": round(max(0.0, now - self.started_at), 3),
            "kept_by": self.kept_by,
            "state_dir": self.state_dir,
            "socket": self.socket,
            "tmux_socket": self.tmux_socket,
            "tick": self.tick,
            "tick_ms": self.tick_ms,
            "overruns": self.overruns,
            "beats": {"bounds_s": list(BOUNDS), "capture": self.capture.to_dict(), "health": self.health.to_dict()},
            "tmux": self.tmux,
            "degraded": list(self.degraded),
            "subscribers": audience.subscribers,
            "broadcast_bytes": audience.broadcast_bytes,
            "config": {
                "path": config.path,
                "digest": config.digest,
                "loaded_at": iso(config.loaded_at),
                "changed_on_disk": config.changed_on_disk,
                "error": config.error,
            },
        }


@frozen
class Audience:
    """Who reads along, as the Gateway knows: connections with a topic, and the bytes that all of them were handed."""

    subscribers: int = 0
    broadcast_bytes: int = 0


@frozen
class Snapshot:
    """One picture. `rows` by name in the order of definition; `at`: when it was made."""

    seq: int
    at: Instant
    service: Service
    host: Host
    rows: Mapping[str, Row]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", MappingProxyType(dict(self.rows)))

    def to_dict(self, audience: "Audience | None" = None) -> dict[str, Any]:
        """Return the whole picture as in `status -o json`."""
        workers = [row.to_dict(self.at.wall) for row in self.rows.values()]
        return {**self.head(audience or Audience()), "totals": totals_of(workers), "workers": workers}

    def head(self, audience: "Audience") -> dict[str, Any]:
        """Return what does not depend on the workers."""
        return {
            "schema": SCHEMA,
            "seq": self.seq,
            "supervisor": self.service.to_dict(self.at.wall, audience),
            "host": {
                "load": self.host.load,
                "memory_available_bytes": self.host.memory_available_bytes,
                "cpu_percent": self.host.cpu_percent,
            },
        }

    def of_project(self, project: str) -> "Snapshot":
        """Return the picture with the workers of one project only."""
        return replace(self, rows={name: row for name, row in self.rows.items() if row.project == project})


@frozen
class Entry:
    """One event of the activity feed. `seq` grows by one with each entry; `ts` is Unix time; `facts` is read-only."""

    seq: int
    ts: float
    event: str
    level: str
    facts: Mapping[str, Any]
