"""What the verbs need of the service: the Gateway as they see it."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from actors.values.death import Death
from actors.values.families import Family
from actors.values.spec import WorkerSpec
from supervisor.gateway.pictures import Pictures
from supervisor.gateway.verdict_wait import Expected


class LoadedConfig(Protocol):
    """What Apply needs of a config."""

    @property
    def digest(self) -> str: ...

    @property
    def workers(self) -> tuple[WorkerSpec, ...]: ...

    @property
    def families(self) -> tuple[Family, ...]: ...

    @property
    def next_start(self) -> tuple[str, ...]: ...


class Dependencies(Protocol):
    """What verbs need of the Gateway."""

    pictures: Pictures
    starting: str
    """Why there is no picture yet, in words."""

    @property
    def subscribers(self) -> int: ...

    async def ask(self, request: object) -> object:
        """Ask the Supervisor; raises RequestRefused or WireError."""

    async def apply(self, force: bool) -> tuple[LoadedConfig, object]:
        """Read the file and have it applied, in turn; raises ConfigError, RequestRefused or WireError."""

    async def load_config(self) -> LoadedConfig:
        """Read the file; raises ConfigError."""

    def define(self, name: str, table: Mapping[str, Any]) -> WorkerSpec:
        """Return the spec of a worker that is in no file; raises ConfigError."""

    @property
    def deaths(self) -> Callable[[Collection[str] | None, int], list[Death]]:
        """Return the newest death records of these workers (None: of all), newest first; does not block."""

    async def type(self, name: str, content: bytes, keys: tuple[str, ...], wait: float) -> str | None:
        """Type into a worker's terminal; return None when it is typed, else why it is not."""

    async def verdicts_of(self, expected: Expected, wait: float) -> list[dict[str, Any]]:
        """Wait until each of these workers has a verdict; raises WireError("timeout") when that takes too long."""

    async def tmux_pid(self) -> int | None:
        """Return the tmux server's pid, which has ended when `down` is done; None if no server runs."""
