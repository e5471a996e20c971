"""One thread that knows, by pidfd, when processes end, and that ends whole trees.

    watch ──▶ epoll of pidfds ──▶ ProcessEnded, within a millisecond
    seek ──▶ TreeFound: who is left, while tmux tells how the first process has ended; the looks count for `end`
    end ──▶ one read of the processes that can be meant (scope.py) for all endings that are due
              ├─ somebody there ──▶ signals (before a KILL all are stopped), TreeLeft; their pidfds go into the epoll,
              │                     and when all have ended (or after a second) the table is read again
              └─ nobody ──▶ somebody who had left it, twice? TreeEscaped, and they are ended too; else TreeGone

A process in the middle of an exec has no environment, and so no mark. If the table shows a process without a mark, it
takes a second look to tell that nothing is left. Whose a process is gets decided by the table that was read for this
very signal. What is remembered from one look to the next are processes with their start times, and the file of a
terminal, never a number that others may have by now.
That one thread owns everything here. The public calls only queue orders for it. It sleeps while there is nothing to do.
A signal goes through a pidfd whose start time was checked, so it cannot hit a reused pid (pidfds.py). endings.py says
who belongs to a tree.
"""

import functools
import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator

from actors.ports import Tell
from actors.values.effects import EndTree, SeekTree, Signal, Watch
from actors.values.facts import Fact, Handle, ProcessEnded, TreeEscaped, TreeGone, TreeLeft
from actors.vital import VitalThread
from supervisor.kernel.endings import SECOND_LOOK, Ending, Look, found_of, untold
from supervisor.kernel.pidfds import POLL, Delivered, Ended, Pidfds, Role, Terminals
from supervisor.kernel.proc_table import Table, escaped, read_table
from supervisor.kernel.scope import Scopes

LONGEST_REST = 0.02  # seconds between two reads of the table
FREEZE = 0.05  # seconds, about: a tree that still grows after this time lets the others have their turn
FREEZES = 20  # turns; then what was found is killed, though the tree still grows
_STRETCH = 16  # signals sent between two looks at the epoll


class ProcessPort:
    """Implements `actors.ports.Processes`.

    `foreign_roots(life)` gives the first processes of living panes that are not this life's, as far as they are known;
    the panes that the process table itself shows are added. `own()` gives processes that are never signalled, beside
    ourselves: the tmux servers. They and every `tell` are called from the port's thread and must not block; what they
    raise goes to `on_error`, which must not raise. While `foreign_roots` raises, no process is signalled; only those
    that an earlier look found are stopped, when the tree is to be killed.
    """

    def __init__(
        self,
        state_digest: str,
        *,
        foreign_roots: Callable[[str], Collection[Handle]],
        own: Callable[[], set[Handle]],
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._state_digest = state_digest
        self._foreign_roots = foreign_roots
        self._own = own
        self._on_error = on_error
        self._watched: dict[str, Handle] = {}
        self._endings: dict[str, Ending] = {}
        self._scopes = Scopes()
        self._rest_until = 0.0
        self._orders: deque[Callable[[], None]] = deque()
        self._pidfds = Pidfds()
        self._terminals = Terminals(self._pidfds.reserve)
        self._closed = False
        self._gate = threading.Lock()
        self._thread = VitalThread("processes", self._run)
        self._thread.start()

    def watch(self, watch: Watch, tell: Tell) -> None:
        """Tell `ProcessEnded(life)` within a millisecond of the end; at once when it is gone already.

        A later watch of the same life replaces the first. Start time 0: any process that has the pid now.
        """
        self._order(lambda: self._watch(watch, tell))

    def watch_server(self, number: int, server: Handle, ended: Ended) -> None:
        """Call `ended` once, when this tmux server ends; a later call for the number replaces an earlier one."""
        self._order(lambda: self._watch_server(number, server, ended))

    def seek(self, name: str, order: SeekTree, tell: Tell) -> None:
        """Tell `TreeFound`: who is left of a tree whose first process has ended. No signal is sent."""
        self._order(lambda: self._seek(Ending(name, order, tell, None)))

    def end(self, name: str, order: EndTree, tell: Tell) -> None:
        """Send the signal to the whole tree, tell `TreeLeft` with what it went to, and `TreeGone` when none is left.

        Whatever is forked later gets the signal only if it is KILL, then until nothing is left. SIGCONT follows every
        other signal. A later order for the same life replaces the first; an empty TreeLeft says that it came too late
        for anybody. Raises KeyError for a signal unknown here.
        """
        ending = Ending(name, order, tell, signal.Signals[f"SIG{order.signal}"])
        self._order(lambda: self._begin(ending))

    def send_signal(self, name: str, order: Signal) -> None:
        """Send the signal once, by one look at who is meant; nothing is told.

        Nobody gets it while the tree is being ended. Raises KeyError for a signal unknown here.
        """
        wanted = EndTree(order.life, order.process, order.last, order.signal, order.whole, server=order.server)
        number = signal.Signals[f"SIG{order.signal}"]
        self._order(lambda: self._signal_once(Ending(name, wanted, untold, number), number))

    def forget(self, life: str) -> None:
        """Stop watching the life's first process. An ending, or a look that has found somebody, goes on."""
        self._order(lambda: self._unwatch(life))

    def tables(self) -> dict[str, int]:
        """Return the size of each table; with nothing watched and nothing being ended all are 0.

        Only the terminal of a life that was watched and never ended stays until another life has it.
        """
        return {
            "watched": len(self._watched),
            "endings": len(self._endings),
            "terminals": len(self._terminals),
            "held": len(self._pidfds.holders),
            "pidfds": len(self._pidfds.descriptors),
            "polled": len(self._pidfds.polled),
            "orders": len(self._orders),
        }

    def close(self) -> None:
        """End the thread; nothing is told any more, and endings stay as they are."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._pidfds.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    # ── the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _order(self, order: Callable[[], None]) -> None:
        with self._gate:
            if not self._closed:
                self._orders.append(order)
                if len(self._orders) <= 1:  # what stands before this one has rung the bell, and all are carried out
                    self._pidfds.wake()

    def _run(self) -> None:
        while not self._closed:
            try:
                self._turn()
            except Exception as problem:  # out of descriptors or memory: nothing was lost, try again
                self._on_error(problem)
                time.sleep(POLL)
        self._terminals.close()
        for table in (self._watched, self._endings, self._orders):
            table.clear()
        with self._gate:  # `close` has rung the bell by then
            self._pidfds.close()

    def _turn(self) -> None:
        self._serve(self._patience())
        while self._orders:
            self._carry_out(self._orders.popleft())
        due = [ending for ending in self._endings.values() if ending.scan_at <= time.monotonic()]
        if due and self._rest_until <= time.monotonic():
            self._scan(due)

    def _carry_out(self, order: Callable[[], None]) -> None:
        try:
            order()
        except OSError:
            self._orders.appendleft(order)  # no descriptor, no memory: later
            raise

    def _patience(self) -> float | None:
        """Return how long the thread can wait for a process to end or an order to come; None: forever."""
        if self._orders:
            return 0.0
        waits = [POLL] if self._pidfds.polled else []
        if self._endings:
            next_scan = min(ending.scan_at for ending in self._endings.values())
            waits.append(max(0.0, max(next_scan, self._rest_until) - time.monotonic()))
        patience = min(waits, default=math.inf)
        return None if patience == math.inf else patience

    def _serve(self, timeout: float | None = 0.0) -> None:
        for ended in self._pidfds.ended(timeout):
            ended()

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as problem:  # a dead actor's tell, or a SystemExit in it, is not the thread's end
            self._on_error(problem)

    def _say(self, tell: Tell, fact: Fact) -> None:
        self._guarded(lambda: tell(fact))

    # ── watching ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _watch(self, watch: Watch, tell: Tell) -> None:
        self._unwatch(watch.life)

        def ended() -> None:
            self._watched.pop(watch.life, None)
            self._say(tell, ProcessEnded(watch.life))

        self._terminals.note_number(watch.life, watch.terminal)
        process = self._pidfds.hold(watch.process, (Role.FIRST, watch.life), ended)
        if process is None:
            ended()
            return
        self._watched[watch.life] = process
        if watch.process.ticks:  # else it may be anybody who has the pid by now
            self._terminals.note(watch.life, process)

    def _unwatch(self, life: str) -> None:
        process = self._watched.pop(life, None)
        if process is not None:
            self._pidfds.release(process, (Role.FIRST, life))
        if (sought := self._endings.get(life)) and sought.signal is None and sought.surely_empty:
            self._close(sought)

    def _watch_server(self, number: int, server: Handle, tell: Ended) -> None:
        if before := self._scopes.drop(number):
            self._pidfds.release(before, (Role.SERVER, str(number)))

        def ended() -> None:
            self._scopes.drop(number)
            self._guarded(tell)

        if self._pidfds.hold(server, (Role.SERVER, str(number)), ended):
            self._scopes.add(number, server)
        else:
            ended()

    # ── ending trees ──────────────────────────────────────────────────────────────────────────────────────────────

    def _seek(self, seeking: Ending) -> None:
        before = self._endings.get(seeking.order.life)
        if before is None or before.signal is None:
            self._endings[seeking.order.life] = seeking

    def _begin(self, ending: Ending) -> None:
        before = self._endings.get(ending.order.life)
        if before is not None:
            ending.known |= before.known
            self._hold_all(ending, before.held)
            ending.led |= before.led
            ending.replaces = before.signal is not None
            ending.take_look(before)
        if ending.order.process and ending.order.process.ticks:
            self._terminals.note(ending.order.life, ending.order.process)
        self._endings[ending.order.life] = ending
        if ending.surely_empty:
            self._gone(ending)

    def _signal_once(self, ending: Ending, number: signal.Signals) -> None:
        if ending.order.life in self._endings:
            return
        look = self._look(ending, self._table_for([ending]))
        targets = ending.targets(self._hold_all(ending, ending.find(look)), look.table)
        self._send(ending, targets, number)
        self._release(ending)

    def _table_for(self, endings: list[Ending]) -> Table:
        """Read the processes that can be meant."""
        listing, settle = self._scopes.of(endings)
        table = self._pidfds.reserve.use(lambda: read_table(True, self._serve, listing))
        settle(table)
        return table

    def _look(self, ending: Ending, table: Table) -> Look:
        mark, roots = f"{self._state_digest}/{ending.name}/{ending.order.life}", self._foreign_roots(ending.order.life)
        reapers = self._scopes.reapers_of(ending)
        return Look(table=table, reapers=reapers, mark=mark, known_roots=roots, known_own=self._own())

    def _scan(self, due: list[Ending]) -> None:
        for ending in due:
            self._guarded(functools.partial(self._stop_known, ending))
        began = time.monotonic()
        table = self._table_for(due)
        read = time.monotonic()
        for ending in due:
            try:
                self._assess(ending, table)
            except Exception as problem:
                self._on_error(problem)
                ending.scan_at = time.monotonic() + POLL
            self._serve()
        if len(self._endings) > 1:  # many trees that die one after another take about half of the time at most
            self._rest_until = time.monotonic() + min(LONGEST_REST, read - began)

    def _assess(self, ending: Ending, table: Table) -> None:
        look = self._look(ending, table)
        if ending.signal is None:
            self._tell_found(ending, look)
            return
        found = ending.find(look) | self._caught(ending, look)
        if not found:
            self._nobody(ending, look)
            return
        ending.seen_empty = False
        left = self._hold_all(ending, found)
        if not ending.kills or self._freeze(ending, look, left):
            ending.plan_next(self._send(ending, ending.targets(left, look.table), ending.signal))
        ending.fresh = False
        self._tell_left(ending, left)

    def _tell_found(self, ending: Ending, look: Look) -> None:
        """Tell who is left, or has left the tree as it seems: after the first look, and when surely nobody is."""
        found, astray, is_first = ending.find(look), self._astray(ending, look), not ending.looked
        ending.note_look(found, astray, sure=look.is_sure())
        if is_first or ending.surely_empty:
            self._say(ending.tell, found_of(ending.order.life, found | astray, sure=ending.surely_empty))

    def _nobody(self, ending: Ending, look: Look) -> None:
        if not ending.seen_empty and ending.fresh and ending.replaces:
            self._say(ending.tell, TreeLeft(ending.order.life, ()))
        if not ending.seen_empty and not look.is_sure():
            ending.note_empty()
            return
        ending.suspects = self._astray(ending, look)
        if not ending.suspects:
            self._gone(ending)
        else:
            ending.scan_at = time.monotonic() + SECOND_LOOK

    def _gone(self, ending: Ending) -> None:
        self._close(ending)
        self._say(ending.tell, TreeGone(ending.order.life))

    def _close(self, ending: Ending) -> None:
        self._release(ending)
        del self._endings[ending.order.life]
        self._terminals.forget(ending.order.life)

    def _astray(self, ending: Ending, look: Look) -> set[Handle]:
        """Return the processes that had left the tree unseen, as far as this look tells."""
        if not look.reapers:
            return set()
        names, life = f"{self._state_digest}/{ending.name}/", ending.order.life
        others = self._watched.keys() - {life}
        found = escaped(
            look.table,
            is_mark=lambda mark: mark.startswith(names) and mark.removeprefix(names) not in others,
            leaders=ending.led.union(ending.order.last),
            has_terminal=lambda pid: self._terminals.is_open_in(pid, life),
            since=ending.order.process.ticks if ending.order.process else 0,
            reapers=look.reapers,
            foreign_roots=look.foreign_roots(ending),
            own=look.own(),
        )
        return {look.table[pid].handle for pid in found}

    def _caught(self, ending: Ending, look: Look) -> set[Handle]:
        """Return the processes that two looks found to have left the tree, and say so: they are signalled now."""
        if not ending.suspects:
            return set()
        twice = {process.pid for process in ending.suspects & self._astray(ending, look)}
        ending.suspects = set()
        if not twice:
            return set()
        ending.fresh, ending.rest_told = True, False
        pids = look.table.closure(twice, look.foreign_roots(ending) | look.own())
        self._say(ending.tell, TreeEscaped(ending.order.life, tuple(sorted(pids))))
        return {look.table[pid].handle for pid in pids}

    def _freeze(self, ending: Ending, look: Look, left: set[Handle]) -> bool:
        """Stop all that are left and what they forked meanwhile, until no process is new; False: not yet.

        A stopped process forks no more and keeps its place under a limit of processes. The place of a killed one is
        filled at once by those that are still to be killed.
        """
        until = time.monotonic() + FREEZE
        ending.freezes += 1
        seen, newborns = set(left), left
        while self._stop(ending, newborns) and self._pidfds.reserve.use(lambda: look.table.extend(True, self._serve)):
            fresh = ending.find(look) - seen
            seen |= fresh
            newborns = self._hold_all(ending, fresh)
            left |= newborns
            if newborns and time.monotonic() > until and ending.freezes < FREEZES:
                return False
        ending.freezes = 0
        return True

    def _stop(self, ending: Ending, processes: set[Handle]) -> bool:
        """Return whether a process was stopped. The first one is killed: tmux would resume it, with its whole group."""
        first = {process for process in processes if ending.began_with(process)}
        killed = self._send(ending, first - ending.signalled, signal.SIGKILL)
        return self._send(ending, processes - first - ending.signalled, signal.SIGSTOP) or killed

    def _stop_known(self, ending: Ending) -> None:
        """Before a kill, stop what an earlier look found: a fork storm leaves hardly any time to read the table."""
        if ending.kills:
            running = ending.held - ending.signalled
            self._send(ending, {process for process in running if not ending.began_with(process)}, signal.SIGSTOP)

    def _hold_all(self, ending: Ending, processes: set[Handle]) -> set[Handle]:
        """Return those of them that are there; their ends will be heard of."""
        return {process for process in self._by_age(processes) if self._hold_member(ending, process)}

    def _send(self, ending: Ending, processes: set[Handle], number: signal.Signals) -> bool:
        """Return whether it was delivered to at least one process."""
        delivered = False
        for process in self._by_age(processes):
            delivered |= self._signal(ending, process, number)
        return delivered

    def _by_age(self, processes: set[Handle]) -> Iterator[Handle]:
        """Yield parents first: they can't make new ones then. In between, the ends of others are heard."""
        for number, process in enumerate(sorted(processes, key=lambda process: (process.ticks, process.pid))):
            if number % _STRETCH == _STRETCH - 1:
                self._serve()
            yield process

    def _hold_member(self, ending: Ending, process: Handle) -> bool:
        if process in ending.held:
            return True
        if self._pidfds.hold(process, (Role.MEMBER, ending.order.life), lambda: ending.has_ended(process)) is None:
            return False
        ending.known.add(process)
        ending.held.add(process)
        return True

    def _signal(self, ending: Ending, process: Handle, number: signal.Signals) -> bool:
        """Return whether it was delivered; a setuid child refuses, and is tried again at each scan."""
        delivered = self._pidfds.deliver(process, number)
        if delivered is Delivered.REFUSED:
            ending.refused.add(process)
        if delivered is not Delivered.YES:
            return False
        ending.refused.discard(process)
        if number is ending.signal:
            ending.signalled.add(process)
        return True

    def _tell_left(self, ending: Ending, found: set[Handle]) -> None:
        if found - ending.told:
            ending.told |= found
            self._say(ending.tell, TreeLeft(ending.order.life, tuple(sorted(process.pid for process in found))))

    def _release(self, ending: Ending) -> None:
        for process in ending.held:
            self._pidfds.release(process, (Role.MEMBER, ending.order.life))
        ending.held.clear()
