"""What of the starter's environment reaches a worker."""

import pytest

from supervisor.tmux.environment import scrubbed

OF_A_TERMINAL = (
    "COLUMNS",
    "LINES",
    "COLORTERM",
    "TERMINFO",
    "TERM_PROGRAM",
    "WINDOWID",
    "TMUX",
    "STY",
    "WINDOW",
    "SSH_TTY",
    "KITTY_PID",
)


@pytest.mark.parametrize("variable", OF_A_TERMINAL)
def test_what_speaks_of_the_starter_s_terminal_reaches_no_worker(variable: str) -> None:
    assert scrubbed({variable: "1", "A": "1"}) == {"A": "1"}


def test_what_programs_need_and_what_is_true_in_a_pane_passes() -> None:
    needed = dict.fromkeys(("PATH", "HOME", "LANG", "DISPLAY", "SSH_AUTH_SOCK", "TERM", "VSCODE_GIT_ASKPASS_NODE"), "x")
    assert scrubbed(needed) == needed
