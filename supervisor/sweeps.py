"""Both sweeps behind one port, and what a health beat does beside them: log segments, the file on disk, the lock."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from actors.messages import Handle
from actors.ports import PaneSweep, SweepFailed, TreeSweep
from supervisor.pane_sweep import PaneSweeper
from supervisor.segments import Segments
from supervisor.tree_sweep import TreeSweeper


class Sweeps:
    """`actors.ports.Sweeper`. `housekeep` runs in the process sweep's thread, once a health beat."""

    def __init__(
        self, panes: PaneSweeper, trees: TreeSweeper, segments: Segments, housekeep: Callable[[], None]
    ) -> None:
        self._panes = panes
        self._trees = trees
        self._segments = segments
        self._housekeep = housekeep

    def sweep_panes(self, answer: Callable[[PaneSweep | SweepFailed], None]) -> None:
        self._panes.sweep_panes(answer)

    def sweep_trees(
        self, roots: Mapping[str, Handle], keep: Mapping[str, int], answer: Callable[[TreeSweep], None]
    ) -> None:
        def with_logs(sweep: TreeSweep) -> None:
            try:
                logs = self._segments.refresh(keep)
                self._housekeep()
                sweep = replace(sweep, log_bytes={name: facts.bytes for name, facts in logs.items()})
            finally:
                answer(sweep)

        self._trees.sweep_trees(roots, with_logs)
