"""Panes with our mark whose worker neither the records nor the file know: shown, until a person decides.

found at the start ──▶ shown under `degraded` ──▶ taken over (`run`, the file), ended (`remove`), or gone by itself
"""

from collections.abc import Iterator, Mapping

from actors.messages import Pane

SHOWN = 10  # names in a message
WAYS = "`panevisor screen NAME` shows what it is, `panevisor remove NAME` ends it, `run` or the file takes it over"


class UnknownPanes:
    """The panes by the name in their mark. One actor's own."""

    def __init__(self, panes: Mapping[str, tuple[Pane, ...]]) -> None:
        self._panes = dict(panes)

    def __contains__(self, name: str) -> bool:
        return name in self._panes

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._panes))

    def of(self, name: str) -> tuple[Pane, ...]:
        return self._panes.get(name, ())

    def take(self, name: str) -> tuple[Pane, ...]:
        """Return its panes; from now on a worker has them."""
        return self._panes.pop(name, ())

    def seen(self, name: str, pane: Pane | None) -> None:
        """Note what tmux says of it now; one that has ended is of no concern any more."""
        if name in self._panes and (pane is None or pane.dead):
            del self._panes[name]

    @property
    def living(self) -> list[str]:
        return sorted(name for name, panes in self._panes.items() if not all(pane.dead for pane in panes))

    def in_words(self) -> str | None:
        """Say who they are and what can be done; None when there are none."""
        if not (names := self.living):
            return None
        shown = [f"{name} ({', '.join(pane.id for pane in self._panes[name])})" for name in names[:SHOWN]]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        verb, them = ("lives", "it") if len(names) == 1 else ("live", "them")
        return f"{', '.join(shown)}{more} {verb} in tmux, and neither the records nor the file know {them}: {WAYS}"
