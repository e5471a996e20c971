"""The names of keys as `send --keys` takes them: tmux's own, checked, because tmux types an unknown name as text.

[C-][M-][S-] and then one character, or a name: C-c, M-x, Enter, Escape, F5
"""

import re
from collections.abc import Iterable

NAMES = (
    *("Enter", "Escape", "Tab", "BTab", "Space", "BSpace", "Up", "Down", "Left", "Right", "Home", "End"),
    *("PageUp", "PageDown", "PgUp", "PgDn", "PPage", "NPage", "IC", "DC", "Insert", "Delete"),
    *(f"F{number}" for number in range(1, 13)),
)
_KEY = re.compile(rf"(?:[CMS]-){{0,3}}(?:{'|'.join(NAMES)}|[!-~])")
_MOST = 256


class KeyUnknown(ValueError):
    """It is no key that tmux knows."""


def checked(keys: Iterable[str]) -> tuple[str, ...]:
    """Return the keys; raises KeyUnknown for what is no name of a key."""
    found = tuple(keys)
    for key in found:
        if not _KEY.fullmatch(key):
            from supervisor.text.words import nearest, shown

            hint = nearest(key, list(NAMES)) or " (C-c, M-x, Enter, Escape, Up, F5 …; text goes without --keys)"
            raise KeyUnknown(f"{shown(key)} is not a key{hint}")
    if len(found) > _MOST:
        raise KeyUnknown(f"at most {_MOST} keys at once")
    return found
