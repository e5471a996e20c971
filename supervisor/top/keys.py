"""Every key of `top` once: its name, what it does, which command does the same. docs/top.md has this table. Pure."""

from actors.frozen import frozen


@frozen
class Key:
    """`keys`: as Textual names them. `shown`: as people read them. `action`: what the app does."""

    keys: tuple[str, ...]
    shown: str
    action: str
    does: str
    command: str = ""


KEYS = (
    Key(("down", "j"), "↓ j", "down", "the next worker, or a line down in the lower part"),
    Key(("up", "k"), "↑ k", "up", "the worker before, or a line up in the lower part"),
    Key(("pagedown", "space", "ctrl+f"), "PgDn Space", "page_down", "a page down"),
    Key(("pageup", "ctrl+b"), "PgUp", "page_up", "a page up"),
    Key(("home",), "Home", "home", "to the first, or to the beginning of the lower part"),
    Key(("end", "G"), "End G", "end", "to the last, or to the end of the lower part, and follow"),
    Key(("left", "h"), "← h", "left", "to the left, in the grid or in the lower part"),
    Key(("right", "l"), "→ l", "right", "to the right, in the grid or in the lower part"),
    Key(("tab", "enter"), "Tab Enter", "focus", "between the table and the lower part"),
    Key(("z",), "z", "zoom", "the lower part alone, and back"),
    Key(("1",), "1", "screen", "its screen, live", "screen --ansi NAME"),
    Key(("2",), "2", "log", "its log, live", "logs -f NAME"),
    Key(("3",), "3", "why", "why it is so, and what comes next", "why NAME"),
    Key(("4",), "4", "deaths", "how it has ended, its last words", "deaths --full NAME"),
    Key(("5",), "5", "activity", "what has happened to all", "events -f"),
    Key(("slash",), "/", "filter", "filter the workers, or the lines of the lower part"),
    Key(("escape",), "Esc", "clear", "clear the filter; the selection stays"),
    Key(("n",), "n", "need", "only who needs a person, and back", "status --need-first"),
    Key(("greater_than_sign", "full_stop"), "> .", "sort", "sort by the next column"),
    Key(("less_than_sign", "comma"), "< ,", "sort_back", "sort by the column before"),
    Key(("i",), "i", "invert", "sort the other way round"),
    Key(("g",), "g", "grid", "all names side by side, and back"),
    Key(("w",), "w", "wrap", "wrap long lines of the lower part, or not"),
    Key(("s",), "s", "start", "start it", "start NAME"),
    Key(("x",), "x", "stop", "stop it, after a question", "stop NAME"),
    Key(("r",), "r", "restart", "restart it, after a question", "restart NAME"),
    Key(("p",), "p", "prompt", "submit a text to it", "prompt NAME TEXT"),
    Key(("a",), "a", "attach", "attach; leaving comes back here", "attach NAME"),
    Key(("y",), "y", "copy", "copy the text of the lower part (OSC 52)"),
    Key(("Y", "upper_y"), "Y", "copy_command", "copy the command of the line at the bottom"),
    Key(("o",), "o", "pager", "its whole log in $PAGER", "logs -n 100000 NAME"),
    Key(("question_mark", "f1"), "?", "help", "these keys"),
    Key(("q", "ctrl+c"), "q Ctrl-C", "quit", "quit; the service and its workers go on"),
)
BY_KEY = {key: entry for entry in KEYS for key in entry.keys}
HINTS = (
    ("?", "help"),
    ("/", "filter"),
    ("s", "start"),
    ("x", "stop"),
    ("r", "restart"),
    ("p", "prompt"),
    ("a", "attach"),
    ("q", "quit"),
    ("Tab", "read below"),
    ("1-5", "what is below"),
    ("z", "zoom"),
    ("n", "who needs you"),
    ("> <", "sort"),
    ("g", "grid"),
    ("y", "copy"),
)
"""What the last line shows, as much of it as fits."""
