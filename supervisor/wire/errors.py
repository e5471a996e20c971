"""Why a command can't do what it was asked: one exception, whose code decides the exit code.

CommandError          `code` is one of wire.EXIT_CODES
├── UnknownWorker     nobody has the name that was given
└── ServiceError      the service refused, or did not answer as it should (client.py)
    └── NoService     nobody answers at the socket, or the connection ended
"""

from supervisor.wire import frames as wire


class CommandError(Exception):
    """A command can't do what it was asked; `message` says what to do about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def exit_code(self) -> int:
        return wire.EXIT_CODES.get(self.code, 1)


class UnknownWorker(CommandError):
    """No worker is called `name`, or matches it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__("unknown-worker", message)
        self.name = name
