"""The roster, and a step of it in progress. Pure: `roster.step` makes a `Turn`, which does not outlive the step."""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from actors.crowd.effects import Define, Effect, Keep, KeepHead, Redefine, Say, Show, Spawn, Tell
from actors.crowd.members import Crowd, Member, News, must_be_durable, put, queue
from actors.frozen import frozen
from actors.life.adoption import Decision
from actors.life.state import State
from actors.values.bulletins import DefinitionOrder, ServiceNow
from actors.values.facts import Handle, Pane
from actors.values.gates import Gate, Room
from actors.values.records import Head, Record
from actors.values.requests import RequestRefused, ShutDown
from actors.values.snapshot import Config

FILE = "config"  # the part of the service that fails while the config file is gone


@frozen(kw_only=True)
class Roster:
    """Everything that the Supervisor knows.

    - `servers`: the tmux servers by their numbers, None for one that is missing. `finding`: those are asked for.
    - `blind`: why tmux does not answer.
    - `shared`: the gate that holds all workers in the line.
    - `number`: of the last order.
    - `degraded`: each failing part of the service, and why.
    - `unknown`: panes with our mark whose worker is not known.
    """

    crowd: Crowd = field(default_factory=Crowd)
    room: Room
    config: Config
    head: Head = field(default_factory=Head)
    servers: tuple[Handle | None, ...] = (None,)
    finding: bool = False
    blind: str | None = None
    shared: Gate | None = None
    number: int = 0
    degraded: tuple[tuple[str, str], ...] = ()
    unknown: Mapping[str, tuple[Pane, ...]] = field(default_factory=dict)
    closing: ShutDown | None = None
    opened: bool = False

    @property
    def no_tmux(self) -> bool:
        return self.finding or self.blind is not None or not any(self.servers)

    @property
    def shown_config(self) -> Config:
        """The config; while its file is gone, its error says so."""
        return replace(self.config, error=dict(self.degraded).get(FILE) or self.config.error)


class Turn:
    """The roster and the effects of the step so far, and the names that the step has touched."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.effects: list[Effect] = []
        self.touched: dict[str, None] = {}
        self.freed: list[str] = []  # what removed workers depended on

    @property
    def crowd(self) -> Crowd:
        return self.roster.crowd

    def become(self, **news: Any) -> None:
        self.roster = replace(self.roster, **news)

    # ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, name: str, member: Member | None) -> None:
        before = self.crowd.get(name)
        if before and member is None:
            self.freed += [needed for needed, _ in self.crowd.needs(name)]
        crowd = put(self.crowd, name, member)
        if crowd is self.crowd:
            return
        self.become(crowd=crowd)
        self.touched[name] = None
        for known in (before, member):
            if known and known.record.spec.replica_of:
                self.touched[known.record.spec.replica_of] = None

    def change(self, name: str, **news: Any) -> None:
        self.put(name, replace(self.crowd[name], **news))

    def queue(self, name: str) -> None:
        self.become(crowd=queue(self.crowd, name))

    def reorder(self, names: Iterable[str]) -> None:
        self.become(crowd=replace(self.crowd, order=tuple(names)))

    def spawn(self, record: Record, birth: Define | Redefine | Decision) -> None:
        """Give a worker a new actor, which is told nothing yet."""
        name = record.spec.name
        known = self.crowd.get(name)
        if known is None:
            self.keep(name, record, durable=False)
            self.put(name, Member(state=State.UNBORN, record=record))
            self.reorder((*self.crowd.order, name) if name not in self.crowd.order else self.crowd.order)
        else:
            self.put(name, replace(known, state=State.UNBORN, record=record, rests=False, let_in=False))
        self.effects.append(Spawn(record, birth, self.crowd[name].heard(self.roster.number)))

    def remember(self, name: str, record: Record, *, durable: bool) -> None:
        """Keep a record that has changed, in memory and on disk."""
        if record != self.crowd[name].record:
            self.change(name, record=record)
            self.keep(name, record, durable=durable)

    def note(self, name: str, record: Record) -> None:
        """Keep what a worker reports about itself, with fsync when it is an order or a final verdict."""
        self.remember(name, record, durable=must_be_durable(self.crowd[name].record, record))

    def tell(self, name: str, message: Any) -> None:
        self.effects.append(Tell(name, message))

    def tell_news(self, name: str, news: News) -> None:
        """Tell a worker an order. A new actor hears it again, unless the worker has confirmed it."""
        self.change(name, unheard=(*self.crowd[name].unheard, news))
        self.tell(name, news)

    # ── records, words ────────────────────────────────────────────────────────────────────────────────────────────

    def keep(self, name: str, record: Record | None, *, durable: bool) -> None:
        self.effects.append(Keep(name, record, durable))

    def keep_head(self, **news: Any) -> None:
        self.become(head=replace(self.roster.head, **news))
        self.effects.append(KeepHead(self.roster.head))

    def say(self, event: str, **facts: Any) -> None:
        self.effects.append(Say(event, facts))

    def show_order(self) -> None:
        self.effects.append(Show(DefinitionOrder(self.crowd.order)))

    def show_service(self) -> None:
        tmux = "unreachable" if self.roster.no_tmux else "ok"
        degraded = tuple(f"{what}: {reason}" for what, reason in self.roster.degraded)
        self.effects.append(Show(ServiceNow(tmux, degraded, self.roster.shown_config)))

    def next_number(self) -> int:
        self.become(number=self.roster.number + 1)
        return self.roster.number

    def refuse_if_closing(self) -> None:
        if self.roster.closing:
            raise RequestRefused("shutting-down", "the service is shutting down")
