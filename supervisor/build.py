"""The machine of one run, built top-down: the adapters, and the actors that stand on them.

    Given ──▶ Machine ──┬─ log, records, status file, deaths          ┌─ Ticker ── Sweeps (panes, trees)
                        ├─ adapters                     Supervisor ───┼─ Terminal ── TmuxTerminal
                        ├─ Rounds (once a health beat)        ▲       ├─ Metrics ── Gateway (socket), StatusFile
                        └─ opening, factories ────────────────┘       └─ Worker × N ── ProcessPort, ProbePool

Nothing here waits for anything; the main loop is in service.py.
"""

import itertools
import os
import resource
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pykka

from actors.base import Post
from actors.crowd.opening import Opening
from actors.errands import Errands, TerminalPost
from actors.loop import Loop
from actors.metrics import MetricsActor
from actors.ports import Publisher, Survey
from actors.root import Factories, Outcome, Posts, SupervisorActor
from actors.servers import servers_for
from actors.terminal import TerminalActor
from actors.ticker import TickerActor
from actors.values.bulletins import Activity, Opened, PartFailing, ServerEnded
from actors.values.facts import Handle
from actors.values.gates import Room
from actors.values.requests import UPGRADE, Apply, Attend, ShutDown
from actors.values.snapshot import Config as ConfigFacts
from actors.values.snapshot import Entry, Snapshot
from actors.values.snapshot import Service as ServiceFacts
from actors.worker import Birth, Dependencies, WorkerActor
from supervisor.attention.presets import usable
from supervisor.attention.watch import SignWatch
from supervisor.children.secrets import SecretReader
from supervisor.config.load import define
from supervisor.config.on_disk import digest_on_disk, origin_of
from supervisor.config.settings import Config
from supervisor.gateway.server import Gateway
from supervisor.given import Given, tell_upgrade
from supervisor.kernel.clock import SystemClock
from supervisor.kernel.crew import Crew
from supervisor.kernel.files import claim
from supervisor.kernel.limits import Limit, tightest
from supervisor.kernel.shortage import Shortage
from supervisor.kernel.trees import ProcessPort
from supervisor.kernel.usage import TreeSweeper, available_memory
from supervisor.logs.quota import LogQuota
from supervisor.logs.segments import Segments
from supervisor.notify.notices import Notices
from supervisor.probes.pool import ProbePool
from supervisor.rules.judge import Judge
from supervisor.state import paths
from supervisor.state import tail as log_tail
from supervisor.state.deaths import DeathRecords
from supervisor.state.log_queue import LogQueue
from supervisor.state.place import DEATHS, JUDGED, LOGS, NOTICES, STATUS, TMUX_SOCKET
from supervisor.state.status import StatusFile
from supervisor.tmux.server import TmuxServers
from supervisor.tmux.subreaper import NOFILE, open_files, places_within
from supervisor.tmux.sweep import PaneSweeper
from supervisor.tmux.terminal import TmuxTerminal
from supervisor.tmux.terminals import TmuxTerminals
from supervisor.upkeep.handover import Handover
from supervisor.upkeep.hang_watch import HangWatch
from supervisor.upkeep.keeper import Kept
from supervisor.upkeep.repeated_errors import RepeatedErrors
from supervisor.upkeep.rounds import Rounds
from supervisor.upkeep.sweeps import Housekeeping, Sweeps
from supervisor.upkeep.systemd import Notifier
from supervisor.version import VERSION


def _raise_open_files() -> int:
    """Raise the soft limit of open files as far as allowed; return the old limit, which workers get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else NOFILE, hard))
    return soft


def seeds(now: Callable[[], float] = time.time) -> Iterator[str]:
    """Yield what the ids of lives begin with; each is unique forever.

    They are counted, because hundreds of workers begin in a moment: two that draw alike would share a life, and so the
    entries in every table that is keyed by lives.
    """
    for number in itertools.count():
        yield f"{int(now() * 1000):x}{secrets.token_hex(2)}{number:x}"


class Publishers:
    """`actors.ports.Publisher` for all of these."""

    def __init__(self, *each: Publisher) -> None:
        self._each = each

    def publish(self, snapshot: Snapshot, screens: Mapping[str, bytes]) -> None:
        for publisher in self._each:
            publisher.publish(snapshot, screens)

    def activity(self, newest: tuple[Entry, ...]) -> None:
        for publisher in self._each:
            publisher.activity(newest)


class Machine:
    """The adapters and the actors of one run; they live as long as it.

    `ask` asks the Supervisor, and `load_config` reads the file, for those who connect to the socket. The `posts` lead
    nowhere until the actors live.
    """

    def __init__(
        self,
        given: Given,
        log: LogQueue,
        kept: Kept,
        notifier: Notifier,
        *,
        ask: Callable[[Any, float], object],
        load_config: Callable[[], Config],
        handover: Handover | None = None,
    ) -> None:
        self._given, self._place, self._settings = given, given.place, given.settings
        self._logs_shown = paths.printable(given.place.state_dir / LOGS)
        self.log, self._notifier, self._kept_by = log, notifier, kept.by
        self._errands = Errands(time.monotonic)
        self._seeds = seeds()
        self.posts = Posts(supervisor=Post(), terminal=TerminalPost(self._errands), ticker=Post(), metrics=Post())
        self._started_at = time.time()
        self._errors = RepeatedErrors(time.monotonic)
        self._shortage = Shortage(lambda what, reason: self.posts.supervisor.tell(PartFailing(what, reason)))
        claim(given.lock.home / LOGS)
        log.settle()  # this service's own beginning is part of the history
        before = log_tail.read(given.log_file())
        told = log_tail.told(before)
        given.records.compare(log_tail.otherwise(given.known, told))
        self._lived, self._reported = told.exits, told.reports
        self.clock = SystemClock()
        self.loop = Loop("loop")
        self.applier = Crew(1, "apply")
        nofile = _raise_open_files()  # what workers get back
        self._build_tmux(nofile)
        self._build_processes(nofile)
        self._build_files(kept)
        self.gateway = self._gateway(ask, load_config, before, handover)
        self.notices = Notices(
            given.lock.home / NOTICES,
            given.place.config.parent,
            self.clock,
            log,
            self.adapter_failed,
            begun=self.clock.now().mono,
            nofile=nofile,
        )
        self._hang_watch = HangWatch(log, lambda what, why: self.posts.metrics.tell(PartFailing(what, why)))

    # ── adapters ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _build_tmux(self, nofile: int) -> None:
        home, known = self._given.lock.home, self._given.known
        self.servers = TmuxServers(home, self._settings.pane, self._settings.attach, known=known.head.servers)
        self._segments = Segments(home / LOGS, self._settings.all_logs, packs=self._settings.gzip_logs)
        self._segments.expect({record.spec.name: record.spec.log.keep for record in known.workers})
        self._log_quota = LogQuota(self._segments)
        marker, segments = self._place.marker, self._segments
        self.terminal = TmuxTerminals(
            self.servers,
            lambda server: TmuxTerminal(home, server, marker=marker, nofile=nofile, segments=segments),
            segments=segments,
        )
        self.secrets = SecretReader(nofile)
        self.panes = PaneSweeper(home, self.servers, self.adapter_failed)

    def _build_processes(self, nofile: int) -> None:
        marker, logs = self._place.marker, self._given.lock.home / LOGS
        self.trees = TreeSweeper(self.adapter_failed, self._tasks, self._own_processes)
        self.processes = ProcessPort(
            marker, foreign_roots=self.panes.foreign_roots, own=self._own_processes, on_error=self.adapter_failed
        )
        self.prober = ProbePool(self.adapter_failed, logs=logs, marker=marker, nofile=nofile, glance=self.panes.glance)
        self._presets = usable(self._settings.prompts, self.adapter_failed)
        self.judge = Judge(
            logs,
            self._given.lock.home / JUDGED,
            nofile=nofile,
            presets=self._presets,
            on_error=self.adapter_failed,
        )

    def _build_files(self, kept: Kept) -> None:
        home = self._given.lock.home
        self.deaths = DeathRecords(home / DEATHS, home / LOGS)
        self.rounds = Rounds(
            self._place,
            self._given.lock,
            self.log,
            self.posts,
            kept,
            self._errors,
            dropped=self._segments.dropped,
            applied=lambda: self.gateway.snapshot.service.config.digest if self.gateway.snapshot else "",
            parts={
                "log": self.log.problem,
                "worker logs": lambda: self._segments.problem,
                "log quota": lambda: self._log_quota.problem,
                "rules": lambda: self.judge.problem,
                "death records": self.deaths.retry,
            },
            tmux_servers=lambda: len(self.servers),
        )
        self._housekeeping = Housekeeping(self._segments, self.rounds.go, self.adapter_failed)
        self._signs = SignWatch(home / LOGS, self._presets, self.posts.supervisor.tell, self.adapter_failed)
        self._sweeps = Sweeps(self.panes, self.trees, self._housekeeping, self._signs.take)
        self.status_file = StatusFile(
            home / STATUS,
            version=VERSION,
            started_at=self._started_at,
            on_problem=lambda reason: self.posts.supervisor.tell(PartFailing("status file", reason)),
        )

    def _gateway(
        self,
        ask: Callable[[Any, float], object],
        load_config: Callable[[], Config],
        before: list[Entry],
        handover: Handover | None,
    ) -> Gateway:
        home, socket = self._given.lock.home, self._place.socket
        known = {record.spec.name for record in self._given.known.workers}
        return Gateway(
            home / socket.name if socket.parent == self._place.state_dir else socket,
            tmux_socket=home / TMUX_SOCKET,
            ask=ask,
            journal=self.log,
            load_config=load_config,
            define=lambda name, table: define(name, table, self._settings.pane),
            deaths=self.deaths.of,
            on_error=self._shortage.note,
            applier=self.applier,
            before=log_tail.concerning(before, known),
            handover=handover,
        )

    def adapter_failed(self, error: BaseException) -> None:
        """Log an error at the edge, once an incident; supervision goes on."""
        if self._shortage.note(error) or not self._errors.is_news(error):
            return
        self.log.log("adapter.failed", {"error": repr(error), "traceback": error})

    def _own_processes(self) -> set[Handle]:
        return set(self.servers.processes)

    def _tasks(self) -> Limit | None:
        """Return what limits the processes of workers: they are the tmux servers'."""
        return tightest(self.servers[0].pid or os.getpid())

    # ── actors ────────────────────────────────────────────────────────────────────────────────────────────────────

    def start_actors(
        self, survey: Survey, *, closing: ShutDown | None, told: Callable[[Outcome], None], owner: Post[Any]
    ) -> None:
        """Start the Supervisor, which starts the others. It tells its outcome; its own failure is told to `owner`."""
        given, place = self._given, self._place
        self._config_facts = self._facts_of_config()
        opening = Opening(
            records=given.known,
            survey=survey,
            boot_id=Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            config=self._config_facts,
            apply=self._opening_apply(),
            origin=origin_of(place.config),
            room=self._room(),
            closing=closing,
            told=self._lived,
        )
        self.posts.supervisor.ref = SupervisorActor.start(
            opening, self._factories(), self.posts, self.clock, self.log, given.records, told, owner
        )

    def _facts_of_config(self) -> ConfigFacts:
        applied, file = self._given.known.head.config_digest, self._place.config
        changed = bool(applied) and digest_on_disk(file) != applied
        return ConfigFacts(path=paths.printable(file), digest=applied, changed_on_disk=changed, error=self._given.error)

    def applied(self) -> str | None:
        """Return the digest of what was applied last; None while the picture shows that something cannot be."""
        snapshot = self.gateway.snapshot
        config = snapshot.service.config if snapshot else self._config_facts
        return config.digest if config.error is None else None

    def _opening_apply(self) -> Apply | None:
        """Return the file's order; None where the records rule, as neither a crash nor an upgrade is a deployment."""
        config, known = self._given.config, self._given.known
        if config is None or self._given.begun or (known.workers and not known.head.clean):
            return None
        return Apply(config.workers, config.digest, families=config.families)

    def _room(self) -> Room:
        settings, tasks = self._settings, self._tasks()
        places = places_within(open_files()) * (self.servers.most or servers_for(settings.max_workers))
        return Room(
            places=min(settings.max_workers, places),
            servers=self.servers.most,
            max_starting=settings.max_starting,
            least_memory=settings.min_free_memory,
            memory=available_memory(),
            tasks=tasks.free if tasks else None,
            tasks_limit=tasks.what if tasks else "",
        )

    def _factories(self) -> Factories:
        return Factories(
            terminal=self._start_terminal,
            ticker=self._start_ticker,
            metrics=self._start_metrics,
            worker=self._start_worker,
            seed=lambda: next(self._seeds),
            opened=self._opened,
            closing=self._closing,
            watch_server=self._watch_server,
        )

    def _opened(self) -> None:
        self.log.begin()
        self.notices.begin(self._given.config)
        metrics = self.posts.metrics
        tell_upgrade(self._given.begun, lambda event, facts: metrics.tell(Activity(time.time(), event, facts)))
        for name, said in self._reported.items():
            self.posts.supervisor.tell(Attend(name, said))
        metrics.tell(Opened())

    def _closing(self, order: ShutDown) -> None:
        if order.cause != UPGRADE:  # its unit goes on, with the next service
            self._notifier.stopping(order.cause)

    def _watch_server(self, number: int, server: Handle) -> None:
        self.panes.reset(number)
        self.processes.watch_server(number, server, lambda: self.posts.supervisor.tell(ServerEnded(server)))

    def _start_terminal(self) -> pykka.ActorRef[Any]:
        return TerminalActor.start(self.terminal, self.secrets, self._errands, self.log, self.posts.supervisor)

    def _start_ticker(self) -> pykka.ActorRef[Any]:
        return TickerActor.start(
            self.loop,
            self.clock,
            self._sweeps,
            self.log,
            capture_interval=self._settings.capture_interval,
            health_interval=self._settings.health_interval,
            metrics=self.posts.metrics,
            supervisor=self.posts.supervisor,
        )

    def _start_metrics(self) -> pykka.ActorRef[Any]:
        state_dir = self._place.state_dir
        facts = ServiceFacts(
            pid=os.getpid(),
            version=VERSION,
            started_at=self._started_at,
            state_dir=paths.printable(state_dir),
            socket=paths.printable(self._place.socket),
            tmux_socket=paths.printable(state_dir / TMUX_SOCKET),
            config=self._config_facts,
            kept_by=self._kept_by,
        )
        return MetricsActor.start(
            self.loop,
            self.clock,
            facts,
            Publishers(self.gateway, self.notices),
            self.status_file,
            self._notifier,
            self.log,
            heartbeat_interval=self._settings.heartbeat_interval,
            ticker=self.posts.ticker,
            supervisor=self.posts.supervisor,
        )

    def _start_worker(self, name: str, birth: Birth) -> pykka.ActorRef[Any]:
        dependencies = Dependencies(
            clock=self.clock,
            journal=self.log,
            processes=self.processes,
            prober=self.prober,
            judge=self.judge,
            deaths=self.deaths,
            terminal=self.posts.terminal,
            ticker=self.posts.ticker,
            metrics=self.posts.metrics,
            supervisor=self.posts.supervisor,
            loop=self.loop,
            log_path=self._log_path,
        )
        return WorkerActor.start(name, birth, dependencies)

    def _log_path(self, worker: str) -> str:
        return f"{self._logs_shown}/{worker}.log"

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

    def close(self) -> None:
        """End all but the log, the status file and the terminal; the actors have ended."""
        self.loop.close()
        self.applier.shutdown()
        self.deaths.close()
        self.notices.close()
        self.gateway.close()
        self.prober.close()
        self.judge.close()
        self.secrets.close()
        self._housekeeping.close()
        self.panes.close()
        self._signs.close()
        self._log_quota.close()
        self._hang_watch.close()
        self._shortage.close()
