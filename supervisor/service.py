"""The service's main loop: what `panevisor serve` runs.

    signals ──────────┐
    outcome, failures ┼──▶ inbox ──▶ Service (main thread) ──▶ Supervisor, applier, log
    dead threads ─────┘                  └── Machine (build.py): adapters and actors

The main thread waits for signals and for the Supervisor's outcome. When the Supervisor fails, or a thread that the
service cannot do without, the service ends with 70; the workers live on.
"""

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

import pykka

from actors.base import Post
from actors.errors import TerminalError, TerminalUnreachable
from actors.events.words import exact
from actors.frozen import frozen
from actors.metrics import MetricsActor
from actors.ports import Survey
from actors.root import Outcome, Posts, SupervisorActor
from actors.servers import servers_for
from actors.terminal import TerminalActor
from actors.ticker import TickerActor
from actors.values.bulletins import ActorFailed
from actors.values.requests import UPGRADE, Apply, ConfigBroken, RequestRefused, ShutDown
from actors.vital import listen
from actors.worker import WorkerActor
from supervisor.build import Machine
from supervisor.config.load import load
from supervisor.config.problems import ConfigError
from supervisor.config.settings import Config, different_settings
from supervisor.config.watch import ConfigWatch
from supervisor.given import Given, begin_log
from supervisor.kernel.limits import share_one_arena
from supervisor.kernel.orphans import end_orphans
from supervisor.signals import SignalThread
from supervisor.state.lock import Lock
from supervisor.state.place import RECORDS, Place
from supervisor.state.records import examined
from supervisor.text.plain import visible
from supervisor.upkeep.handover import Handover, Upgraded, UpgradeFailed
from supervisor.upkeep.keeper import Kept
from supervisor.upkeep.systemd import Notifier
from supervisor.version import VERSION
from supervisor.wire.errors import CommandError

STOP_TIMEOUT = 2.0  # seconds that the actors of a class have to end
FAILED = 70  # exit code: the keeper is to start the service again
TMUX_RETRY = 1.0
SWITCH = 0.002  # seconds that a thread waits for one that computes; by 5, Python's own, a kill in a beat of 500 is late


def serve(place: Place, lock: Lock, took_over: Upgraded | None = None) -> int:
    """Run the service until it is told to end; return the exit code. The lock on the state directory is held.

    After a hand-over that fails it runs again, as it ran before.
    """
    share_one_arena()
    sys.setswitchinterval(SWITCH)
    kept, notifier = Kept.from_environment(), Notifier.from_environment()
    begun: Upgraded | UpgradeFailed | None = took_over
    while True:
        given = _given(place, lock, begun)
        if given.error and not given.known.workers:
            print(visible(given.error, keep="\n"), file=sys.stderr)
            return 5
        handover = Handover(place, kept, notifier)
        code = Service(given, kept=kept, notifier=notifier, handover=handover).run()
        if handover.successor is None:
            return code
        failed = handover.stand_by(lock)
        if failed is None:
            return handover.outlived()
        lock, begun = handover.lock_again(), UpgradeFailed(failed)


def _given(place: Place, lock: Lock, begun: "Upgraded | UpgradeFailed | None") -> Given:
    try:
        return Given(place, lock, load(place.config), begun=begun)
    except ConfigError as broken:
        return Given(place, lock, None, str(broken), begun=begun)


def rehearse(place: Place) -> str:
    """Read all that this version of the service begins with, and return its version; change nothing.

    Raises CommandError: a service of this version would not do here what the one that runs does.
    """
    try:
        load(place.config)
    except ConfigError as error:
        raise CommandError("config", str(error)) from error
    if damage := examined(place.state_dir / RECORDS)[1]:
        raise CommandError("failed", f"this version cannot read the records: {damage}")
    return VERSION


def end_what_lives(place: Place, lock: Lock, *, kill: bool = False) -> int:
    """Adopt what lives here by the records, apply no file, and end all in order; return the exit code."""
    given = Given(place, lock, None, "no file is applied: what lives is ended")
    return Service(given, closing=ShutDown(keep_workers=False, cause="down", kill=kill)).run()


class _Inbox(Post[Any]):
    """The messages to the main thread; a signal handler may put some here too."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: SimpleQueue[Any] = SimpleQueue()

    def tell(self, message: Any) -> None:
        self.queue.put(message)


@frozen
class ThreadDied:
    """A thread that the service cannot do without has died of this error."""

    thread: str
    error: BaseException


@frozen
class Signalled:
    """The process got this signal."""

    number: int


class _ToldToEnd(Exception):
    """The end came before there was a Supervisor to tell; what lives in tmux lives on."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.cause)
        self.outcome = outcome


class Service:
    """One run of the service. `closing`: an order to end with which the Supervisor begins.

    `machine` and its `posts` are there from when the log is open.
    """

    machine: Machine
    posts: Posts

    def __init__(
        self,
        given: Given,
        *,
        closing: ShutDown | None = None,
        kept: Kept | None = None,
        notifier: Notifier | None = None,
        handover: Handover | None = None,
    ) -> None:
        self.place = given.place
        self._given = given
        self._closing = closing
        self._inbox = _Inbox()
        self._kept = kept or Kept.from_environment()
        self._notifier = notifier or Notifier.from_environment()
        self._handover = handover
        self._watch: ConfigWatch | None = None
        self._signals: SignalThread | None = None

    # ── the main thread ───────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> int:
        self._catch_signals()
        self._log = begin_log(self._given, self._kept, self._notifier)
        listen(self._thread_escaped)
        try:
            return self._run()
        finally:
            listen(None)
            if self._signals:
                self._signals.close()
            self._log.close()

    def _run(self) -> int:
        self.machine = Machine(
            self._given,
            self._log,
            self._kept,
            self._notifier,
            ask=self.ask,
            load_config=self._load_config,
            handover=self._handover,
        )
        self.posts = self.machine.posts
        gc.collect()  # what the imports have left: the workers' rows take its place
        gc.freeze()  # see __main__
        gc.enable()
        self.machine.gateway.start()
        self.machine.rounds.point()
        try:
            self._start_actors()
            self._watch_config()
            outcome = self._wait()
        except _ToldToEnd as told:
            outcome = told.outcome
        except Exception as error:
            self._crashed(error)
            return FAILED
        return self._end(outcome)

    def _start_actors(self) -> None:
        self._heed_what_came()
        survey = self._survey()
        self._heed_what_came()
        self.machine.start_actors(survey, closing=self._closing, told=self._inbox.tell, owner=self._inbox)

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
                self.machine.applier.submit(self._reload)
            case signal.SIGUSR2:
                self._log.reopen()
            case _:
                self.posts.supervisor.tell(self._ordered_by(number))

    def _ordered_by(self, number: int) -> ShutDown:
        stops = self._given.settings.on_term == "stop" or os.getpid() == 1
        return ShutDown(keep_workers=not stops, cause=signal.Signals(number).name)

    def _thread_escaped(self, thread: str, error: BaseException) -> None:
        self._inbox.tell(ThreadDied(thread, error))

    def _after(self, died: ThreadDied) -> Outcome:
        """Return the outcome of a dead thread: it is not replaced, and the next service adopts the workers."""
        error = repr(died.error)
        self._log.log("service.thread_died", {"thread": died.thread, "error": error, "traceback": died.error})
        return Outcome("thread-died", end_server=False, error=f"the thread {died.thread} has died: {error}")

    def _reload(self) -> None:
        """Apply the file. Only the applier runs this."""
        self._notifier.reloading()
        refused: str | None = "an error of ours, see the journal"
        try:
            refused = self._apply_file()
            if refused is not None:
                self.posts.supervisor.tell(ConfigBroken(refused))
        except Exception as error:
            self.machine.adapter_failed(error)
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
            return self._ask_without_supervisor(message)
        try:
            return ref.ask(message, timeout=timeout)
        except pykka.Timeout as error:
            raise TimeoutError(f"no answer within {exact(timeout)}") from error
        except pykka.ActorDeadError as error:
            raise RequestRefused("shutting-down", "the service is shutting down") from error

    def _ask_without_supervisor(self, message: object) -> object:
        """Answer while there is no Supervisor: only the service itself can be ended."""
        if not isinstance(message, ShutDown):
            raise RequestRefused("starting", self.machine.gateway.starting)
        if not message.keep_workers:
            alone = "`panevisor down --keep-workers` ends the service alone"
            raise RequestRefused("starting", f"{self.machine.gateway.starting}; {alone}")
        self._inbox.tell(message)
        return None

    def _load_config(self) -> Config:
        config = load(self.place.config)
        self.machine.notices.loaded(config)
        return replace(config, next_start=different_settings(self._given.settings, config.supervisor))

    def _catch_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # inside another program: it has the signals
        self._signals = SignalThread(lambda number: self._inbox.tell(Signalled(number)))

    def _watch_config(self) -> None:
        """Watch the file from now on if it says so; a later change of that key counts from the next start."""
        config = self._given.config
        if config is not None and self._given.settings.watch_config:
            self._watch = ConfigWatch(
                self.place.config,
                tried=config.digest,
                applied=self.machine.applied,
                apply=lambda: self.machine.applier.submit(self._reload).result(),
                on_error=self.machine.adapter_failed,
            )
            self._watch.start()

    # ── the beginning, while there is no Supervisor ───────────────────────────────────────────────────────────────────

    def _survey(self) -> Survey:
        """Return what lives in tmux; while it does not answer, wait and say so once."""
        said: str | None = None
        while True:
            try:
                servers = self.machine.servers
                found, why = servers.ensure(self._servers_wanted())
                if not any(found):
                    raise TerminalUnreachable(why)
                survey = self.machine.panes.survey(found, servers.nudge)
                servers.configure()
            except (TerminalError, OSError) as error:  # OSError: out of descriptors, for a while
                if said is None:
                    self._log.log("tmux.unreachable", {"reason": str(error)})
                said = said or str(error)
                self.machine.gateway.starting = f"the service waits for tmux: {error}"
                self._notifier.awaits_tmux(str(error))
                self._pause(TMUX_RETRY)
            else:
                if said is not None:
                    self._log.log("tmux.answers", {"after": said})
                return survey

    def _servers_wanted(self) -> int:
        """Return how many tmux servers the workers take that there will be."""
        config, known = self._given.config, self._given.known.workers
        return servers_for(max(len(config.workers) if config else 0, len(known)))

    def _pause(self, seconds: float) -> None:
        """Wait up to `seconds` for a message, and heed it."""
        with contextlib.suppress(Empty):
            self._heed(self._inbox.queue.get(timeout=seconds), waits=True)

    def _heed_what_came(self) -> None:
        """Heed the messages that have come so far: a service that was told to end starts no worker."""
        for _ in range(self._inbox.queue.qsize()):
            self._heed(self._inbox.queue.get(), waits=False)

    def _heed(self, message: object, *, waits: bool) -> None:
        """Heed one message. Only a Supervisor can stop workers; while the service `waits` for tmux, there is none."""
        match message:
            case Signalled(signal.SIGTERM | signal.SIGINT as number):
                self._end_early(self._ordered_by(number), waits=waits)
            case ShutDown() as order:
                self._end_early(order, waits=waits)
            case Signalled(number):
                self._signalled(number)
            case ThreadDied() as died:
                raise _ToldToEnd(self._after(died))

    def _end_early(self, order: ShutDown, *, waits: bool) -> None:
        if order.keep_workers or waits:
            raise _ToldToEnd(Outcome(order.cause, end_server=False))
        self._closing = order  # the Supervisor begins with it

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _stop_actors(self) -> None:
        """Stop Workers first, so that the others get their last messages; actors of one class stop in parallel."""
        for kind in (SupervisorActor, WorkerActor, TickerActor, MetricsActor, TerminalActor):
            stopping = [ref.stop(block=False) for ref in pykka.ActorRegistry.get_by_class(kind)]
            deadline = time.monotonic() + STOP_TIMEOUT
            for future in stopping:
                with contextlib.suppress(pykka.Timeout, pykka.ActorDeadError):
                    future.get(timeout=max(0.0, deadline - time.monotonic()))

    def _end(self, outcome: Outcome) -> int:
        if outcome.cause != UPGRADE:  # its unit goes on, with the next service
            self._notifier.stopping(outcome.cause)
        if self._watch:
            self._watch.close()
        self.machine.judge.rest()
        self._stop_actors()
        self.machine.close()
        tmux_ended = outcome.end_server and self._end_tmux_server()
        self.machine.terminal.close_clients()
        if outcome.error:
            self.machine.status_file.crashed(outcome.error)
            self._log.log("service.crashed", {"error": outcome.error})
            return FAILED
        self.machine.status_file.stopped(outcome.cause, self.machine.gateway.snapshot)
        self._log.log("service.stopped", {"cause": outcome.cause, "tmux_ended": tmux_ended})
        return 0

    def _end_tmux_server(self) -> bool:
        """End the tmux server unless people have windows in it; return whether it has ended."""
        try:
            people = self._people()
            if people:
                self._log.log("tmux.kept", {"windows": people})
                return False
            self._end_escapees()
            self.machine.terminal.end_servers()
        except (TerminalError, OSError) as error:
            self._log.log("tmux.not_ended", {"error": str(error)})
            return False
        return True

    def _people(self) -> list[str]:
        from supervisor.tmux.structure import BoundedServer  # 77 ms, at the end only

        try:
            home, servers = self._given.lock.home, range(len(self.machine.servers))
            return [name for number in servers for name in BoundedServer(home, number).sessions_of_others()]
        except TerminalUnreachable:  # no process can be started: the standing client needs none
            return self.machine.terminal.sessions_of_others()

    def _end_escapees(self) -> None:
        """End the processes that escaped from their worker's tree (env -i, setsid, double fork) to tmux."""
        ended = end_orphans(*self.machine.servers.processes)
        if ended:
            self._log.log("worker.escaped", {"pids": ended})

    def _crashed(self, error: Exception) -> None:
        self._log.log("service.crashed", {"error": repr(error), "traceback": error})
        self.machine.status_file.crashed(repr(error))
