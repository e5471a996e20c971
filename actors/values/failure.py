"""The failure of an actor, and how many a Worker actor may have."""

from dataclasses import dataclass

FAILURES = 5  # of one Worker actor in FAILURE_WINDOW seconds; with one more, its worker is quarantined
FAILURE_WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class ActorFailed:
    """An actor ended by an exception: its role and worker, the type of the message that it handled, the traceback."""

    role: str
    worker: str | None
    handling: str
    error: str
    trace: str

    def facts(self) -> dict[str, str | None]:
        """Return the facts for the log."""
        who = {"actor": self.role, "worker": self.worker, "handling": self.handling}
        return who | {"error": self.error, "traceback": self.trace}
