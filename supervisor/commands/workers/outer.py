"""The terminal that a person attaches from: what tmux may draw on it, and which keys of an outer tmux reach ours."""

import os
import subprocess
from collections.abc import Mapping

FALLBACK = "xterm-256color"
_TRUE_COLOUR = ("alacritty", "contour", "direct", "foot", "ghostty", "kitty", "rio", "wezterm")  # parts of a TERM
_TIMEOUT = 3.0
_USUAL = ("C-b", "C-b")


def usable(term: str) -> bool:
    """Whether tmux can draw on such a terminal: terminfo has it, and how it is cleared and its cursor moved."""
    import curses

    try:
        curses.setupterm(term, 1)
    except curses.error:
        return False
    return bool(term) and None not in (curses.tigetstr("clear"), curses.tigetstr("cup"))


def has_true_colour(environment: Mapping[str, str]) -> bool:
    """Whether the terminal shows 24-bit colours. An outer tmux takes them, and shows what its own terminal can."""
    term = environment.get("TERM", "")
    said = environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    return said or "TMUX" in environment or any(part in term for part in _TRUE_COLOUR)


def through(prefix: str, environment: Mapping[str, str]) -> str:
    """Return the keys that bring `prefix` through an outer tmux, or through the worker that this is run in.

    "" where the prefix needs no help: there is no outer tmux, or it has another one.
    """
    if "TMUX" in environment:
        taken, passes_on = _outer_keys(environment)
    elif "PANEVISOR_WORKER" in environment:
        taken = passes_on = prefix
    else:
        return ""
    return f"{taken} {passes_on}" if taken == prefix else ""


def _outer_keys(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the prefix of the outer tmux, and the key after it that passes the prefix on; the usual ones in doubt."""
    ask = ["tmux", "display-message", "-p", "#{prefix}", ";", "list-keys", "-T", "prefix"]
    try:
        done = subprocess.run(
            ask, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return _USUAL
    prefix, *bound = os.fsdecode(done.stdout).splitlines() or [_USUAL[0]]
    keys = [words[-2] for line in bound if (words := line.split())[-1:] == ["send-prefix"]]
    return prefix, prefix if prefix in keys or not keys else keys[0]
