"""Both sweeps behind one port, and the housekeeping of a health beat, which a slow disk can delay without limit.

health beat ──▶ tree sweep ──────────────────────────────▶ answer, with the log sizes that are known
            └─ring─▶ Housekeeping, a thread of its own ──▶ log segments, then the file on disk, the lock, …
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from actors.base import working
from actors.ports import PaneSweep, SweepFailed, TreeSweep
from actors.values.facts import Handle, LogSeen
from actors.vital import VitalThread
from supervisor.kernel.usage import TreeSweeper
from supervisor.logs.segments import Segments
from supervisor.tmux.sweep import PaneSweeper

PATIENCE = 0.3  # seconds that a sweep waits for the sizes of this beat; then it uses those of the last one
PACKING = 1.0  # seconds of a round in which closed segments are gzipped: a tenth of a core by default


class Housekeeping:
    """A thread that does a round at each ring. Rings during a round lead to one more round."""

    def __init__(self, segments: Segments, look: Callable[[], None], on_error: Callable[[BaseException], None]) -> None:
        self._segments = segments
        self._look = look
        self._on_error = on_error
        self._logs: Mapping[str, LogSeen] = {}
        self._keep: Mapping[str, int] = {}
        self._rung, self._begun, self._sized = 0, 0, 0
        self._closed = False
        self._changed = threading.Condition()
        VitalThread("housekeeping", self._run).start()

    def ring(self, keep: Mapping[str, int]) -> int:
        """Ask for a round; return its number. `keep`: how many log segments each worker keeps."""
        with self._changed:
            self._rung, self._keep = self._rung + 1, keep
            self._changed.notify_all()
            return self._rung

    def logs(self, number: int) -> tuple[Mapping[str, LogSeen], bool]:
        """Return each worker's log as that round found it, and whether it did: if it is late, as last known."""
        with self._changed:
            self._changed.wait_for(lambda: self._sized >= number or self._closed, PATIENCE)
            return self._logs, self._sized >= number

    def close(self) -> None:
        """End the thread; a round that hangs is not waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait_for(lambda: self._rung > self._begun or self._closed)
                self._begun, keep = self._rung, self._keep
            if not self._closed:
                self._round(self._begun, keep)

    def _round(self, number: int, keep: Mapping[str, int]) -> None:
        with working("housekeeping", "round"):
            try:
                logs = self._segments.refresh(keep)
                with self._changed:
                    self._logs, self._sized = logs, number
                    self._changed.notify_all()
                self._look()
                self._segments.pack(PACKING)
            except Exception as error:  # the next beat tries again
                self._on_error(error)


class Sweeps:
    """`actors.ports.Sweeper`. `seen` gets each sweep of panes, too, after the answer."""

    def __init__(
        self,
        panes: PaneSweeper,
        trees: TreeSweeper,
        housekeeping: Housekeeping,
        seen: Callable[[PaneSweep | SweepFailed], object] = lambda _sweep: None,
    ) -> None:
        self._panes = panes
        self._trees = trees
        self._housekeeping = housekeeping
        self._seen = seen

    def sweep_panes(self, answer: Callable[[PaneSweep | SweepFailed], None]) -> None:
        def both(sweep: PaneSweep | SweepFailed) -> None:
            answer(sweep)
            self._seen(sweep)

        self._panes.sweep_panes(both)

    def sweep_trees(
        self, roots: Mapping[str, Handle], keep: Mapping[str, int], answer: Callable[[TreeSweep], None]
    ) -> None:
        number = self._housekeeping.ring(keep)

        def with_logs(sweep: TreeSweep) -> None:
            logs, are_new = self._housekeeping.logs(number)
            answer(replace(sweep, logs=logs, logs_are_new=are_new))

        self._trees.sweep_trees(roots, with_logs)
