"""What the port to tmux raises.

TerminalError
  └── TerminalUnreachable
        └── NotAsked
"""


class TerminalError(Exception):
    """tmux refused, or did not answer in time."""


class TerminalUnreachable(TerminalError):
    """tmux did not answer within the deadline: the outcome is unknown."""


class NotAsked(TerminalUnreachable):
    """The order has not reached tmux, and will not reach it."""
