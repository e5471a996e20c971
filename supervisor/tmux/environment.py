"""What of the starter's environment reaches no worker: what belongs to the starter, or is not true of a pane. Pure.

A worker's terminal is its pane. tmux says TERM there, from tmux 3.2 on TERM_PROGRAM too, and the kernel says the size.
What a variable says of the terminal in which `up` was typed is wrong in a pane: with COLUMNS=80 a program draws 80
columns on 200. What is as true in a pane as elsewhere passes: DISPLAY, SSH_AUTH_SOCK, LANG, XDG_*.
"""

from collections.abc import Mapping


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what never passes to a worker."""
    return {key: value for key, value in environment.items() if passes(key)}


def passes(variable: str) -> bool:
    """Whether a variable of this name passes from who starts the service to the workers."""
    return variable not in _NEVER and not variable.startswith(_FAMILIES)


_OF_THE_CALLER = {
    *("PANEVISOR_WORKER", "PANEVISOR_CONFIG", "OLDPWD", "SHLVL", "_", "LD_PRELOAD"),
    *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"),
    *("INVOCATION_ID", "JOURNAL_STREAM", "MANAGERPID", "SYSTEMD_EXEC_PID"),
    *("MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE"),
}
_OF_ITS_TERMINAL = {
    *("COLUMNS", "LINES", "TERMCAP", "TERMINFO", "COLORTERM", "COLORFGBG"),  # its size, its colours, its language
    *("TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TERM_SESSION_ID", "TERMINAL_EMULATOR", "LC_TERMINAL"),  # which one it is
    *("LC_TERMINAL_VERSION", "VTE_VERSION", "WINDOWID", "INSIDE_EMACS", "WT_SESSION", "WT_PROFILE_ID"),
    *("GPG_TTY", "SSH_TTY", "SSH_CLIENT", "SSH_CONNECTION"),  # its device, and from where
    *("TMUX", "TMUX_PANE", "STY", "WINDOW"),  # the multiplexer that it is in
}
_NEVER = _OF_THE_CALLER | _OF_ITS_TERMINAL
_FAMILIES = (
    *("ALACRITTY_", "GHOSTTY_", "GNOME_TERMINAL_", "ITERM_", "KITTY_", "KONSOLE_", "TILIX_", "WEZTERM_", "ZELLIJ"),
)
