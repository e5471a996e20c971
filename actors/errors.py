"""What the port to tmux raises.

TerminalError
  └── TerminalUnreachable
        └── NotAsked
"""


class TerminalError(Exception):
    """tmux refused, or did not answer in time."""


class TerminalUnreachable(TerminalError):
    """tmux did not answer within the deadline: nothing is known about what was asked."""


class NotAsked(TerminalUnreachable):
    """The order has not reached tmux, and will not: nothing of it happens."""
