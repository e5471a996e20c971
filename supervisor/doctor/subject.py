"""What `panevisor doctor` examines: a config, the places that it leads to, and the tmux server that runs there."""

from dataclasses import dataclass

from supervisor.config.load import load_text
from supervisor.config.settings import Config, SupervisorSettings
from supervisor.state.place import Place


@dataclass(frozen=True, slots=True)
class Subject:
    """`found_at`: where a running service is looked for; `begins_at`: where a new one would live (mostly the same).

    `config` is None where the file is wrong, in `problems` places. `tmux_pid`: who listens on our tmux socket.
    """

    found_at: Place
    begins_at: Place
    config: Config | None
    problems: int
    tmux_pid: int | None

    @property
    def settings(self) -> SupervisorSettings:
        """The file's, or what an empty file says."""
        return (self.config or load_text(b"", self.begins_at.config)).supervisor

    @property
    def workers(self) -> int:
        return len(self.config.workers) if self.config else 0
