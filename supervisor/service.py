"""The whole machine, built top-down: what `panevisor serve` runs.

    signals ─┐                       ┌─ Ticker ── Sweeps (panes, trees)
    outcome ─┴▶ Service ─▶ Supervisor ┼─ Terminal ── TmuxTerminal
                   │                  ├─ Metrics ── Gateway (socket), StatusFile
                   └ adapters         └─ Worker × N ── ProcessPort, ProbePool

The main thread waits for signals and for the Supervisor's outcome. When the Supervisor fails, or a thread that the
service cannot do without, the service ends with 70; the workers live on.
"""

import contextlib
import importlib.metadata
import os
import resource
import secrets
import signal
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TextIO

import pykka

from actors.base import Post
from actors.crowd.opening import Opening
from actors.errands import Errands, Revive, TerminalPost
from actors.errors import TerminalError, TerminalUnreachable
from actors.loop import Loop
from actors.metrics import MetricsActor
from actors.ports import Survey
from actors.root import Factories, Outcome, Posts, SupervisorActor
from actors.terminal import TerminalActor
from actors.ticker import TickerActor
from actors.values.bulletins import ConfigOnDisk, KeptBy, PartFailing, ServerEnded
from actors.values.facts import Handle
from actors.values.failure import ActorFailed
from actors.values.gates import Room
from actors.values.records import Records
from actors.values.requests import Apply, ConfigBroken, RequestRefused, ShutDown
from actors.values.snapshot import Config as ConfigFacts
from actors.values.snapshot import Service as ServiceFacts
from actors.vital import listen
from actors.worker import Birth, Dependencies, WorkerActor
from supervisor import early_signals
from supervisor.config.load import Config, ConfigError, SupervisorSettings, define, different_settings, load, load_text
from supervisor.config.on_disk import FileOnDisk, digest_on_disk, origin_of, why_gone
from supervisor.config.watch import ConfigWatch
from supervisor.gateway.server import Gateway
from supervisor.kernel.clock import SystemClock
from supervisor.kernel.crew import Crew
from supervisor.kernel.files import claim, make_private, why_shared
from supervisor.kernel.limits import Limit, tightest
from supervisor.kernel.orphans import end_orphans
from supervisor.kernel.shortage import Shortage
from supervisor.kernel.trees import ProcessPort
from supervisor.kernel.usage import TreeSweeper, available_memory
from supervisor.logs.quota import LogQuota
from supervisor.logs.segments import Segments
from supervisor.probes.pool import ProbePool
from supervisor.signals import SignalThread
from supervisor.state import paths
from supervisor.state import tail as log_tail
from supervisor.state.deaths import DeathRecords
from supervisor.state.journal import ServiceLog
from supervisor.state.lock import Lock
from supervisor.state.log_queue import LogQueue
from supervisor.state.place import DEATHS, LOGS, RECORDS, STATUS, TMUX_SOCKET, Place
from supervisor.state.records import RecordsFile
from supervisor.state.status import StatusFile, read_status
from supervisor.text.plain import visible
from supervisor.tmux.open_files import places_within, tmux_open_files
from supervisor.tmux.server import TmuxServer
from supervisor.tmux.subreaper import NOFILE
from supervisor.tmux.sweep import PaneSweeper
from supervisor.tmux.terminal import TmuxTerminal
from supervisor.upkeep.hang_watch import HangWatch
from supervisor.upkeep.keeper import Kept
from supervisor.upkeep.repeated_errors import RepeatedErrors
from supervisor.upkeep.sweeps import Housekeeping, Sweeps
from supervisor.upkeep.systemd import Notifier

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)
STOP_TIMEOUT = 2.0  # seconds the actors of a class get to end
FAILED = 70  # exit code: the keeper is to start the service again
TMUX_RETRY = 1.0


def serve(place: Place, lock: Lock) -> int:
    """Run the service until it is told to end; return the exit code. The lock on the state directory is held."""
    records = RecordsFile(lock.home / RECORDS)
    known = records.load()
    try:
        config, settings, error = *_config(place), None
    except ConfigError as broken:
        if not known.workers:
            print(visible(broken, keep="\n"), file=sys.stderr)
            return 5
        config, settings, error = None, _default_settings(place), str(broken)
    return Service(place, lock, records, known, config, settings, error).run()


def end_what_lives(place: Place, lock: Lock) -> int:
    """Adopt what lives here by the records, apply no file, and end all in order; return the exit code."""
    records = RecordsFile(lock.home / RECORDS)
    settings, told = _default_settings(place), "no file is applied: what lives is ended"
    down = ShutDown(keep_workers=False, cause="down")
    return Service(place, lock, records, records.load(), None, settings, told, closing=down).run()


def _config(place: Place) -> tuple[Config, SupervisorSettings]:
    config = load(place.config)
    return config, config.supervisor


def _default_settings(place: Place) -> SupervisorSettings:
    """Return what an empty file says, for a service that goes on without a valid one."""
    settings = load_text(b"", place.config).supervisor
    log = replace(settings.log, file=place.state_dir / settings.log.file.name)
    return replace(settings, state_dir=place.state_dir, log=log)


class _Inbox(Post[Any]):
    """Where the main thread is told things; a signal handler may put here too."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: SimpleQueue[Any] = SimpleQueue()

    def tell(self, message: Any) -> None:
        self.queue.put(message)


@dataclass(frozen=True, slots=True)
class ThreadDied:
    """A thread that the service cannot do without has died of this error."""

    thread: str
    error: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Signalled:
    """The process got this signal."""

    number: int


class _ToldToEnd(Exception):
    """The end came before there was a Supervisor to tell; whatever lives in tmux lives on."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.cause)
        self.outcome = outcome


class Service:
    """One run of the service. The adapters and the tree of actors live as long as it."""

    def __init__(
        self,
        place: Place,
        lock: Lock,
        records: RecordsFile,
        known: Records,
        config: Config | None,
        settings: SupervisorSettings,
        error: str | None,
        *,
        closing: ShutDown | None = None,
    ) -> None:
        self.place = place
        self._lock = lock
        self._records = records
        self._known = known
        self._config = config
        self._settings = settings
        self._config_error = error
        self._inbox = _Inbox()
        self._errands = Errands(time.monotonic)
        terminal = TerminalPost(self._errands)
        self.posts = Posts(supervisor=Post(), terminal=terminal, ticker=Post(), metrics=Post())
        self._started_at = time.time()
        self._version = importlib.metadata.version("panevisor")
        self._errors = RepeatedErrors(time.monotonic)
        self._shortage = Shortage(lambda what, reason: self.posts.supervisor.tell(PartFailing(what, reason)))
        self._kept = Kept.from_environment()
        self._notifier = Notifier.from_environment()
        self._watch: ConfigWatch | None = None
        self._signals: SignalThread | None = None
        self._closing = closing  # what the Supervisor is told when it begins
        self._unpointed: str | None = None  # why commands can't be led here; None when they are

    # ── the main thread ───────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> int:
        nofile = _raise_open_files()
        self._catch_signals()
        self._build_log()
        listen(self._thread_escaped)
        try:
            return self._run(nofile)
        finally:
            listen(None)
            if self._signals:
                self._signals.close()
            self._log.close()

    def _run(self, nofile: int) -> int:
        self._build_adapters(nofile)
        self.gateway.start()
        self._write_pointer()
        try:
            self._build_tree(self._known)
            self._watch_config()
            outcome = self._wait()
        except _ToldToEnd as told:
            outcome = told.outcome
        except Exception as error:
            self._crashed(error)
            return FAILED
        return self._end(outcome)

    def _wait(self) -> Outcome:
        while True:
            match self._inbox.queue.get():
                case Outcome() as outcome:
                    return outcome
                case ThreadDied() as died:
                    return self._after(died)
                case Signalled(number):
                    self._signalled(number)
                case ShutDown() as order:  # it was given before there was a Supervisor
                    self.posts.supervisor.tell(order)
                case ActorFailed() as failed:
                    self._log.log("actor.failed", failed.facts())
                    return Outcome("actor-failed", end_server=False, error=f"the Supervisor failed: {failed.error}")

    def _signalled(self, number: int) -> None:
        match number:
            case signal.SIGHUP:
                self._applier.submit(self._reload)
            case signal.SIGUSR2:
                self._log.reopen()
            case _:
                self.posts.supervisor.tell(self._ordered_by(number))

    def _ordered_by(self, number: int) -> ShutDown:
        stops = self._settings.on_term == "stop" or os.getpid() == 1
        return ShutDown(keep_workers=not stops, cause=signal.Signals(number).name)

    def _thread_escaped(self, thread: str, error: BaseException) -> None:
        self._inbox.tell(ThreadDied(thread, repr(error), "".join(traceback.format_exception(error))))

    def _after(self, died: ThreadDied) -> Outcome:
        """A thread that has died is not replaced: the keeper starts the service again, which adopts the workers."""
        self._log.log("service.thread_died", asdict(died))
        return Outcome("thread-died", end_server=False, error=f"the thread {died.thread} has died: {died.error}")

    def _reload(self) -> None:
        """Apply the file. Only the applier runs this."""
        self._notifier.reloading()
        refused: str | None = "an error of ours, see the journal"
        try:
            refused = self._apply_file()
            if refused is not None:
                self.posts.supervisor.tell(ConfigBroken(refused))
        except Exception as error:
            self._adapter_failed(error)
        finally:  # without its READY, systemd would wait for the end of this reload forever
            self._notifier.reloaded(f"config not applied: {refused}" if refused else "config applied")

    def _apply_file(self) -> str | None:
        """Apply the file; return why not, None when it was."""
        try:
            config = self._load_config()
            self.ask(Apply(config.workers, config.digest, families=config.families, next_start=config.next_start), 30.0)
        except (ConfigError, RequestRefused, TimeoutError) as refused:
            return str(refused)
        return None

    def ask(self, message: object, timeout: float) -> object:
        """Ask the Supervisor. Raises RequestRefused, or TimeoutError: what was asked may still happen."""
        ref = self.posts.supervisor.ref
        if ref is None:
            return self._ask_nobody(message)
        try:
            return ref.ask(message, timeout=timeout)
        except pykka.Timeout as error:
            raise TimeoutError(f"no answer within {timeout:g} s") from error
        except pykka.ActorDeadError as error:
            raise RequestRefused("shutting-down", "the service is shutting down") from error

    def _ask_nobody(self, message: object) -> object:
        """There is no Supervisor yet: without it only the service itself can be ended."""
        if not isinstance(message, ShutDown):
            raise RequestRefused("starting", self.gateway.starting)
        if not message.keep_workers:
            alone = "`panevisor down --keep-workers` ends the service alone"
            raise RequestRefused("starting", f"{self.gateway.starting}; {alone}")
        self._inbox.tell(message)
        return None

    def _load_config(self) -> Config:
        config = load(self.place.config)
        return replace(config, next_start=different_settings(self._settings, config.supervisor))

    # ── building ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _catch_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # inside another program: it has the signals
        self._signals = SignalThread(SIGNALS, lambda number: self._inbox.tell(Signalled(number)))
        for early in early_signals.noted():
            self._inbox.tell(Signalled(early))

    def _build_log(self) -> None:
        log = self._settings.log
        inside = log.file.is_relative_to(self.place.state_dir)
        file = self._lock.home / log.file.relative_to(self.place.state_dir) if inside else log.file
        make_private(file.parent)
        written = ServiceLog(
            file,
            level=log.level,
            format=log.format,
            max_size=log.max_size,
            keep=log.keep,
            console=_terminal(),
            elsewhere=not inside,
        )
        self._log = LogQueue(written)
        facts = {"pid": os.getpid(), "version": self._version, "state_dir": str(self.place.state_dir)}
        self._log.log("service.started", facts | self._the_one_before())
        if restart := self._kept.restart():
            self._log.log("service.restarted", restart)
        watchdog, interval = self._notifier.watchdog_s, self._settings.capture_interval
        if watchdog and interval > watchdog / 2:  # half: what sd_watchdog_enabled(3) asks for
            self._log.log("service.watchdog_tight", {"watchdog_s": watchdog, "capture_interval_s": interval})

    def _the_one_before(self) -> dict[str, Any]:
        """Say how the last service here ended: one that was killed could not say so itself."""
        before = read_status(self.place.state_dir / STATUS)
        if before.pid is None or not self._known.workers:
            return {}
        ended = "cleanly" if self._known.head.clean else "uncleanly: it was killed, or the machine went down"
        return {"previous_pid": before.pid, "previous_ended": ended, "previous_heartbeat": before.last_heartbeat}

    def _build_adapters(self, nofile: int) -> None:
        home, marker = self._lock.home, self.place.marker
        claim(home / LOGS)
        self._log.settle()  # this service's own beginning is part of the history
        before = log_tail.read(self._settings.log.file)
        self._told = log_tail.told(before)
        self._records.compare(log_tail.otherwise(self._known, self._told))
        self._clock = SystemClock()
        self._workers = Loop("workers")
        self._applier = Crew(1, "apply")
        self._server = TmuxServer(home, self._settings.pane, known=self._known.head.server)
        self._segments = Segments(home / LOGS)
        self._segments.expect({record.spec.name: record.spec.log.keep for record in self._known.workers})
        self._log_quota = LogQuota(self._segments)
        self._terminal = TmuxTerminal(home, self._server, marker=marker, nofile=nofile, segments=self._segments)
        self._panes = PaneSweeper(home, self._adapter_failed, lambda: self._server.pid)
        self._trees = TreeSweeper(self._adapter_failed, self._tasks)
        self._processes = ProcessPort(
            marker, foreign_roots=self._panes.foreign_roots, own=self._own_processes, on_error=self._adapter_failed
        )
        self._prober = ProbePool(
            self._adapter_failed, logs=home / LOGS, marker=marker, nofile=nofile, glance=self._panes.glance
        )
        self._deaths = DeathRecords(home / DEATHS, home / LOGS)
        self._on_disk = FileOnDisk(self.place.config)
        self._housekeeping = Housekeeping(self._segments, self._housekeep, self._adapter_failed)
        self._sweeps = Sweeps(self._panes, self._trees, self._housekeeping)
        self._status_file = StatusFile(
            home / STATUS,
            version=self._version,
            started_at=self._started_at,
            pid=os.getpid(),
            on_problem=lambda reason: self.posts.supervisor.tell(PartFailing("status file", reason)),
        )
        socket = self.place.socket
        self.gateway = Gateway(
            home / socket.name if socket.parent == self.place.state_dir else socket,
            tmux_socket=home / TMUX_SOCKET,
            ask=self.ask,
            journal=self._log,
            load_config=self._load_config,
            define=lambda name, table: define(name, table, self._settings.pane),
            deaths=self._deaths.of,
            on_error=self._note_shortage,
            applier=self._applier,
            before=log_tail.concerning(before, {record.spec.name for record in self._known.workers}),
        )

        self._hang_watch = HangWatch(self._log, lambda what, why: self.posts.metrics.tell(PartFailing(what, why)))

    def _write_pointer(self) -> None:
        """Lead commands here, though the file be broken one day; without it the service does as well."""
        if self.place.of_any_file:
            return
        try:
            paths.write_pointer(self.place.config, self.place.state_dir)
        except OSError as error:
            where = error.filename or paths.pointer_path(self.place.config)
            self._unpointed = f"{where}: {error.strerror or error}"
        else:
            self._unpointed = None

    def _build_tree(self, known: Records) -> None:
        self._heed_what_came()
        survey = self._survey()
        self._heed_what_came()
        self._place_config = self._config_facts(known)
        opening = Opening(
            records=known,
            survey=survey,
            boot_id=Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            config=self._place_config,
            apply=self._opening_apply(known),
            origin=origin_of(self.place.config),
            room=self._room(),
            closing=self._closing,
            told=self._told.exits,
        )
        self.posts.supervisor.ref = SupervisorActor.start(
            opening,
            self._factories(),
            self.posts,
            self._clock,
            self._log,
            self._records,
            self._inbox.tell,
            self._inbox,
        )

    def _tasks(self) -> Limit | None:
        """Return what limits the processes of workers: they are the tmux server's."""
        return tightest(self._server.pid or os.getpid())

    def _room(self) -> Room:
        settings, tasks = self._settings, self._tasks()
        return Room(
            places=min(settings.max_workers, places_within(tmux_open_files())),
            max_starting=settings.max_starting,
            least_memory=settings.min_free_memory,
            memory=available_memory(),
            tasks=tasks.free if tasks else None,
            tasks_limit=tasks.what if tasks else "",
        )

    def _opening_apply(self, known: Records) -> Apply | None:
        """Starting the service is no deployment: after an unclean end the records rule until somebody applies."""
        if self._config is None or (known.workers and not known.head.clean):
            return None
        return Apply(self._config.workers, self._config.digest, families=self._config.families)

    def _config_facts(self, known: Records) -> ConfigFacts:
        applied, snapshot = known.head.config_digest, self.gateway.snapshot
        changed = bool(applied) and digest_on_disk(self.place.config) != applied
        return ConfigFacts(
            path=paths.printable(self.place.config),
            digest=applied,
            changed_on_disk=changed,
            error=snapshot.service.config.error if snapshot else self._config_error,
        )

    def _watch_config(self) -> None:
        """Watch the file from now on if it says so; what is said there later counts at the next start."""
        if self._config is not None and self._settings.watch_config:
            self._watch = ConfigWatch(
                self.place.config,
                tried=self._config.digest,
                applied=self._applied,
                apply=lambda: self._applier.submit(self._reload).result(),
                on_error=self._adapter_failed,
            )
            self._watch.start()

    def _applied(self) -> str | None:
        """Return the digest of what was applied last; None while the picture shows that something can't be."""
        snapshot = self.gateway.snapshot
        config = snapshot.service.config if snapshot else self._place_config
        return config.digest if config.error is None else None

    def _survey(self) -> Survey:
        """Return what lives in tmux; while it does not answer, wait and say so once."""
        said: str | None = None
        while True:
            try:
                survey = self._panes.survey(self._server.ensure(), self._server.nudge)
                self._server.forget()
            except (TerminalError, OSError) as error:  # OSError: out of descriptors, for a while
                if said is None:
                    self._log.log("tmux.unreachable", {"reason": str(error)})
                said = said or str(error)
                self.gateway.starting = f"the service waits for tmux: {error}"
                self._notifier.awaits_tmux(str(error))
                self._pause(TMUX_RETRY)
            else:
                if said is not None:
                    self._log.log("tmux.answers", {"after": said})
                return survey

    def _pause(self, seconds: float) -> None:
        """Wait, but heed a signal: nobody else does while there are no actors."""
        with contextlib.suppress(Empty):
            self._heed(self._inbox.queue.get(timeout=seconds), waits=True)

    def _heed_what_came(self) -> None:
        """Heed what has come so far: a service that was told to end starts no worker."""
        for _ in range(self._inbox.queue.qsize()):
            self._heed(self._inbox.queue.get(), waits=False)

    def _heed(self, message: object, *, waits: bool) -> None:
        """There is no Supervisor yet, which alone could stop workers; while it `waits` for tmux, nobody can."""
        match message:
            case Signalled(signal.SIGTERM | signal.SIGINT as number):
                self._end_early(self._ordered_by(number), waits=waits)
            case ShutDown() as order:
                self._end_early(order, waits=waits)
            case Signalled(number):
                self._signalled(number)
            case ThreadDied() as died:
                raise _ToldToEnd(self._after(died))
            case _:
                self._inbox.tell(message)  # of a Supervisor that failed: it is heeded when there is another

    def _end_early(self, order: ShutDown, *, waits: bool) -> None:
        if order.keep_workers or waits:
            raise _ToldToEnd(Outcome(order.cause, end_server=False))
        self._closing = order  # the Supervisor begins with it

    def _factories(self) -> Factories:
        return Factories(
            terminal=lambda: TerminalActor.start(self._terminal, self._errands, self._log, self.posts.supervisor),
            ticker=self._start_ticker,
            metrics=self._start_metrics,
            worker=self._start_worker,
            seed=lambda: f"{int(time.time() * 1000):x}{secrets.token_hex(2)}",
            opened=self._opened,
            closing=self._note_closing,
            watch_server=self._watch_server,
        )

    def _opened(self) -> None:
        self._log.begin()
        self._notifier.opened()

    def _note_closing(self, order: ShutDown) -> None:
        self._closing = order  # a Supervisor that fails on the way out would forget it
        self._notifier.stopping(order.cause)

    def _watch_server(self, server: Handle) -> None:
        self._panes.reset()
        self._processes.watch_server(server, lambda: self.posts.supervisor.tell(ServerEnded(server)))

    def _start_ticker(self) -> pykka.ActorRef[Any]:
        return TickerActor.start(
            self._clock,
            self._sweeps,
            self._log,
            capture_interval=self._settings.capture_interval,
            health_interval=self._settings.health_interval,
            metrics=self.posts.metrics,
            supervisor=self.posts.supervisor,
        )

    def _start_metrics(self) -> pykka.ActorRef[Any]:
        state_dir = self.place.state_dir
        facts = ServiceFacts(
            pid=os.getpid(),
            version=self._version,
            started_at=self._started_at,
            state_dir=paths.printable(state_dir),
            socket=paths.printable(self.place.socket),
            tmux_socket=paths.printable(state_dir / TMUX_SOCKET),
            config=self._place_config,
            kept_by=self._kept.by,
        )
        return MetricsActor.start(
            self._clock,
            facts,
            self.gateway,
            self._status_file,
            self._notifier,
            self._log,
            heartbeat_interval=self._settings.heartbeat_interval,
            ticker=self.posts.ticker,
            supervisor=self.posts.supervisor,
        )

    def _start_worker(self, name: str, birth: Birth) -> pykka.ActorRef[Any]:
        dependencies = Dependencies(
            clock=self._clock,
            journal=self._log,
            processes=self._processes,
            prober=self._prober,
            deaths=self._deaths,
            terminal=self.posts.terminal,
            ticker=self.posts.ticker,
            metrics=self.posts.metrics,
            supervisor=self.posts.supervisor,
            loop=self._workers,
            log_path=lambda worker: paths.printable(self.place.state_dir / LOGS / f"{worker}.log"),
        )
        return WorkerActor.start(name, birth, dependencies)

    # ── what adapters ask back ────────────────────────────────────────────────────────────────────────────────────

    def _own_processes(self) -> set[Handle]:
        return {self._server.process} if self._server.process else set()

    def _housekeep(self) -> None:
        """Once a health beat: is the file still what was applied, is the lock still ours, can files be written?"""
        supervisor = self.posts.supervisor
        if not os.access(self._lock.home / TMUX_SOCKET, os.R_OK | os.W_OK):
            self.posts.terminal.tell(Revive())  # it was deleted, or closed to us: the server binds it anew
        applied = self._records_digest()
        changed, file = bool(applied) and self._on_disk.digest() != applied, self.place.config
        supervisor.tell(ConfigOnDisk(changed, origin_of(file), why_gone(file)))
        supervisor.tell(
            PartFailing("lock", None if self._lock.still_ours() else "the lock file was deleted or replaced")
        )
        supervisor.tell(PartFailing("state directory", self._lock.why_away() or self._why_not_private()))
        self._log.retry()
        supervisor.tell(PartFailing("log", self._log.failing))
        supervisor.tell(PartFailing("worker logs", self._segments.problem))
        supervisor.tell(PartFailing("log quota", self._log_quota.problem))
        self._deaths.retry()
        supervisor.tell(PartFailing("death records", self._deaths.problem))
        if self._unpointed:
            self._write_pointer()
        supervisor.tell(PartFailing("pointer", self._unpointed))
        self._look_for_keeper()
        for incident in self._errors.over():
            self._log.log("adapter.goes_on", {"error": incident.error, "times": incident.times})

    def _look_for_keeper(self) -> None:
        if self._kept.has_lost_keeper():
            self._log.log("service.keeper_ended", {"pid": self._kept.keeper})
            self._kept = Kept()
            self.posts.metrics.tell(KeptBy(None))

    def _why_not_private(self) -> str | None:
        state_dir = self.place.state_dir
        with contextlib.suppress(OSError):
            if reason := why_shared(state_dir, state_dir.stat()):
                return f"{state_dir}: {reason}"
        return None

    def _records_digest(self) -> str:
        snapshot = self.gateway.snapshot
        return snapshot.service.config.digest if snapshot else ""

    def _note_shortage(self, error: BaseException) -> None:
        self._shortage.note(error)

    def _adapter_failed(self, error: BaseException) -> None:
        if self._shortage.note(error) or not self._errors.is_news(error):
            return
        trace = "".join(traceback.format_exception(error))
        self._log.log("adapter.failed", {"error": repr(error), "traceback": trace})

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _stop_actors(self) -> None:
        """Workers first, so that none of their last messages is lost on the others; in parallel within a class."""
        for kind in (SupervisorActor, WorkerActor, TickerActor, MetricsActor, TerminalActor):
            stopping = [ref.stop(block=False) for ref in pykka.ActorRegistry.get_by_class(kind)]
            deadline = time.monotonic() + STOP_TIMEOUT
            for future in stopping:
                with contextlib.suppress(pykka.Timeout, pykka.ActorDeadError):
                    future.get(timeout=max(0.0, deadline - time.monotonic()))

    def _end(self, outcome: Outcome) -> int:
        self._notifier.stopping(outcome.cause)
        if self._watch:
            self._watch.close()
        self._stop_actors()
        self._workers.close()
        self._applier.shutdown()
        self._deaths.close()
        self.gateway.close()
        self._prober.close()
        self._housekeeping.close()
        self._panes.close()
        self._log_quota.close()
        self._hang_watch.close()
        self._shortage.close()
        tmux_ended = outcome.end_server and self._end_tmux_server()
        self._terminal.close_client()
        if outcome.error:
            self._status_file.crashed(outcome.error)
            self._log.log("service.crashed", {"error": outcome.error})
            return FAILED
        self._status_file.stopped(outcome.cause, self.gateway.snapshot)
        self._log.log("service.stopped", {"cause": outcome.cause, "tmux_ended": tmux_ended})
        return 0

    def _end_tmux_server(self) -> bool:
        """Return whether it has ended: it stays where people have windows of their own."""
        try:
            people = self._people()
            if people:
                self._log.log("tmux.kept", {"windows": people})
                return False
            self._end_escapees()
            self._terminal.end_server()
        except (TerminalError, OSError) as error:
            self._log.log("tmux.not_ended", {"error": str(error)})
            return False
        return True

    def _people(self) -> list[str]:
        from supervisor.tmux.structure import BoundedServer  # 77 ms, at the end only

        try:
            return BoundedServer(self._lock.home).sessions_of_others()
        except TerminalUnreachable:  # no process can be had: the standing client needs none
            return self._terminal.sessions_of_others()

    def _end_escapees(self) -> None:
        """End what left every worker's tree unseen (env -i, setsid, double fork): it is a child of the tmux server."""
        ended = end_orphans(self._server.process) if self._server.process else []
        if ended:
            self._log.log("worker.escaped", {"pids": ended})

    def _crashed(self, error: Exception) -> None:
        trace = "".join(traceback.format_exception(error))
        self._log.log("service.crashed", {"error": repr(error), "traceback": trace})
        self._status_file.crashed(repr(error))


def _terminal() -> TextIO | None:
    """Return a stream to the terminal that we run on; of its own, as Python waits for sys.stderr when it ends."""
    if not sys.stderr.isatty():
        return None
    return open(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="backslashreplace")


def _raise_open_files() -> int:
    """Raise the soft limit of open files as far as allowed; return what it was: workers get that one back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else NOFILE, hard))
    return soft
