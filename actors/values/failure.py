"""What is told of an actor that has died of an exception, and how often one may."""

from dataclasses import dataclass

FAILURES = 5  # of one Worker actor in FAILURE_WINDOW seconds; one more, and the worker is left alone
FAILURE_WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class ActorFailed:
    """An actor died of an exception: its role and worker, the type of message that it handled, and the traceback."""

    role: str
    worker: str | None
    handling: str
    error: str
    trace: str

    def facts(self) -> dict[str, str | None]:
        """Return what the log says of it."""
        who = {"actor": self.role, "worker": self.worker, "handling": self.handling}
        return who | {"error": self.error, "traceback": self.trace}
