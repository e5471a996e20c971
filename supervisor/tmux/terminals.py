"""The Terminal actor's hands: each order goes to the tmux server that its pane stands in, or is made in.

    order ──by its pane, else by its worker's name──▶ TmuxTerminal of that server ──▶ answer, with our name of the pane

A look for a worker whose pane is not known asks all servers: there may have been fewer when the pane was made.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from actors.ports import LookAnswer, PaneQuestion, StartAnswer, TypeAnswer
from actors.servers import id_of, pane_of, server_for, server_of
from actors.values.effects import LookAtInput, Start, Type
from actors.values.facts import Handle, Pane, Started
from actors.values.spec import WorkerSpec
from supervisor.logs.segments import Segments
from supervisor.tmux.server import TmuxServer, TmuxServers
from supervisor.tmux.terminal import TmuxTerminal

T = TypeVar("T")
Order = TypeVar("Order", Start, PaneQuestion, LookAtInput, Type)


class TmuxTerminals:
    """`actors.ports.TerminalPort` over all tmux servers of a state directory."""

    def __init__(
        self, servers: TmuxServers, terminal: Callable[[TmuxServer], TmuxTerminal], *, segments: Segments
    ) -> None:
        self._servers = servers
        self._terminal = terminal
        self._segments = segments
        self._terminals: list[TmuxTerminal] = []

    def start(self, starts: list[Start]) -> list[StartAnswer]:
        answers: dict[str, StartAnswer] = {}  # by life
        for number, some in _grouped(starts, self._number_of).items():
            for answer in self._at(number).start([_there(start) for start in some]):
                if isinstance(answer, Started) and number:
                    answer = replace(answer, pane=pane_of(number, answer.pane))
                answers[answer.life] = answer
        return [answers[start.life] for start in starts]

    def _number_of(self, start: Start) -> int:
        """Return that of its pane, else of the server that a new pane is made in: one that is there."""
        if start.pane:
            return server_of(start.pane)
        there = self._servers.there or [0]
        return there[server_for(start.name, len(there))]

    def look(self, questions: Sequence[PaneQuestion]) -> tuple[float, list[Pane | None]]:
        by_id = _grouped((asked for asked in questions if asked.pane), lambda asked: server_of(asked.pane or ""))
        by_name = [asked for asked in questions if not asked.pane]
        numbers = {*self._servers.there, *by_id} if by_name else by_id.keys()
        times: list[float] = []
        found: dict[PaneQuestion, Pane] = {}
        for number in numbers:
            asked = [*by_id.get(number, ()), *by_name]
            taken, panes = self._at(number).look([_there(each) for each in asked])
            times.append(taken)
            found |= {each: _ours(number, pane) for each, pane in zip(asked, panes, strict=True) if pane}
        return min(times), [found.get(asked) for asked in questions]

    def close(self, panes: Sequence[str]) -> None:
        for number, some in _grouped(panes, server_of).items():
            self._at(number).close([id_of(pane) for pane in some])

    def look_at_input(self, orders: list[LookAtInput]) -> list[LookAnswer]:
        answers: dict[str, LookAnswer] = {}  # by life
        for number, some in _grouped(orders, lambda order: server_of(order.pane)).items():
            said = self._at(number).look_at_input([_there(order) for order in some])
            answers |= {answer.life: answer for answer in said}
        return [answers[order.life] for order in orders]

    def type(self, order: Type) -> TypeAnswer:
        return self._at(server_of(order.pane)).type(_there(order))

    def arm_log(self, pane: str, life: str, spec: WorkerSpec, *, anew: bool = False) -> None:
        self._at(server_of(pane)).arm_log(id_of(pane), life, spec, anew=anew)

    def notice(self, pane: str, text: str) -> None:
        self._at(server_of(pane)).notice(id_of(pane), text)

    def discard(self, name: str) -> None:
        self._segments.forget(name)

    def revive(self, least: int) -> tuple[tuple[Handle | None, ...], str]:
        for terminal in self._terminals:
            terminal.renew()
        return self._servers.ensure(least)

    def sessions_of_others(self) -> list[str]:
        """Return the sessions with living panes that are not ours: people's own windows."""
        return [name for number in self._servers.there for name in self._at(number).sessions_of_others()]

    def end_servers(self) -> None:
        """End the tmux servers; only at `down`. Raises TerminalError when one stays."""
        self.close_clients()
        self._servers.end()

    def close_clients(self) -> None:
        for terminal in self._terminals:
            terminal.close_client()

    def _at(self, number: int) -> TmuxTerminal:
        while len(self._terminals) <= number:
            self._terminals.append(self._terminal(self._servers[len(self._terminals)]))
        return self._terminals[number]


def _grouped(each: Iterable[T], number_of: Callable[[T], int]) -> dict[int, list[T]]:
    grouped: dict[int, list[T]] = defaultdict(list)
    for one in each:
        grouped[number_of(one)].append(one)
    return grouped


def _there(order: Order) -> Order:
    """Return the order as its server understands it: the pane by tmux's own name."""
    return replace(order, pane=id_of(order.pane)) if order.pane else order


def _ours(number: int, pane: Pane) -> Pane:
    return replace(pane, id=pane_of(number, pane.id)) if number else pane
