"""One request as its endpoint sees it, and what all endpoints work with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from actors.frozen import frozen
from supervisor.page.access.guard import Guard, Names
from supervisor.page.access.keyboards import Keyboards
from supervisor.page.access.rates import Rate
from supervisor.page.access.tokens import Known, Tokens
from supervisor.page.picture.contact import Contact
from supervisor.page.stream import Streams
from supervisor.state.place import Place


@dataclass
class Page:
    """What one web process holds. `command`: how a next command line begins, for the lines of `why`."""

    place: Place
    names: Names
    tokens: Tokens
    command: str = "panevisor"
    orders: Rate = field(default_factory=lambda: Rate(per_second=20, burst=100))
    keys: Rate = field(default_factory=lambda: Rate(per_second=50, burst=300))
    guard: Guard | None = None

    def __post_init__(self) -> None:
        self.contact = Contact(self.place.socket, self._changed)
        self.streams = Streams(self.contact.look)
        self.keyboards = Keyboards(self._changed)

    def _changed(self) -> None:
        self.streams.wake()


@frozen
class Asked:
    """A request whose path, query and body were read and checked."""

    page: Page
    request: Request
    query: Any = None
    body: Any = None

    @property
    def known(self) -> Known:
        """Who asks."""
        known: Known = self.request.scope["known"]
        return known

    @property
    def name(self) -> str:
        """The worker in the path."""
        return str(self.request.path_params["name"])

    @property
    def path(self) -> Mapping[str, str]:
        return self.request.path_params

    def prefers_text(self) -> bool:
        """Whether plain text is wanted rather than JSON."""
        return "text/plain" in self.request.headers.get("accept", "")
