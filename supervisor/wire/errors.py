"""Why a request or a command can't do what it was asked: one exception, whose code decides the exit code.

CommandError          `code` is one of EXIT_CODES; the gateway answers a request with its code and message
├── UnknownWorker     nobody has the name that was given
└── ServiceError      the service refused, or did not answer as it should (client.py)
    └── NoService     nobody answers at the socket, or the connection ended
"""

EXIT_CODES = {
    "failed": 1,
    "usage": 2,
    "not-met": 3,
    "unknown-worker": 4,
    "config": 5,
    "not-permitted": 6,
    "no-service": 7,
    "starting": 7,
    "parked": 3,
    "timeout": 8,
    "unknown": 8,
    "conflict": 9,
    "too-large": 1,
    "bad-frame": 1,
    "busy": 1,
    "shutting-down": 1,
}
"""Every error code there is, and what a command that got it exits with."""


class CommandError(Exception):
    """What was asked can't be done; `message` says what to do about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def exit_code(self) -> int:
        return EXIT_CODES.get(self.code, 1)


class UnknownWorker(CommandError):
    """No worker is called `name`, or matches it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__("unknown-worker", message)
        self.name = name
