"""What is typed into a worker's terminal, what its input line shows, and why something was not typed.

Manner: how an input is typed        Sight: one look at the input line        Untyped: the answer to its sender
"""

from enum import StrEnum

from actors.frozen import frozen


class Manner(StrEnum):
    """How one input is typed."""

    EXACT = "exact"  # these bytes, and nothing else
    LINE = "line"  # the text, and then Enter as a key of its own
    TEXT = "text"  # as LINE, without Enter
    PASTE = "paste"  # a prompt: pasted, seen on the screen, entered, and seen to be gone
    COMMAND = "command"  # as PASTE, but typed plainly, for what programs dispatch as they read it
    KEYS = "keys"

    @property
    def is_prompt(self) -> bool:
        """Whether the text is looked for on the screen before and after Enter."""
        return self in (Manner.PASTE, Manner.COMMAND)

    @property
    def enters(self) -> bool:
        """Whether Enter follows the text."""
        return self is Manner.LINE or self.is_prompt


class Rows(StrEnum):
    """When a look captures the rows, which takes a process of its own."""

    ALWAYS = "always"
    PROMPT = "prompt"  # always, and whether the program reads its terminal
    DRAWN = "drawn"  # where the program reads each key and draws its input, or a person has been there
    TOUCHED = "touched"  # where a person has been there


class Why(StrEnum):
    """Why an input was not typed, or what is known of it else. Each value is an error code of the wire."""

    NOT_MET = "not-met"  # the worker does not run, its queue is full, or its program does not read
    CONFLICT = "conflict"  # a person is typing, or text stands at the cursor that was not sent from here
    PARKED = "parked"  # a prompt: its text stands in the input line, and Enter was not taken
    UNKNOWN = "unknown"  # a prompt: its text was not seen, or what became of it
    LATE = "timeout"  # the worker has not come to run in time


@frozen
class Untyped:
    """What the sender of an input is told when it was not typed, or not entered. `text` is a sentence for people."""

    why: Why
    text: str


@frozen(kw_only=True)
class Sight:
    """One look at the place where a pane's input is shown.

    `above`: the rows above the input line. `before`, `after`: that line up to the cursor, and from it. Faint text,
    which programs suggest, is left out. All are empty where the rows were not looked at.
    `cursor`: where tmux has it. `columns`: of the pane.
    `canonical`: the kernel collects whole lines for the program. Else the program reads each key and shows it itself.
    `rows`, `reads`: all rows with text, and whether the program sleeps in a read of its terminal, where a prompt is
    answered.
    `unread`: bytes that wait in the terminal for the program; of a canonical one only whole lines count.
    `touched`: Unix time at which a person last came or pressed a key, 0 for never. `typing`: the same of those who are
    attached now and may type; None: nobody is.
    """

    above: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    rows: tuple[str, ...] = ()
    reads: bool = False
    cursor: tuple[int, int] = (0, 0)
    columns: int = 200
    alternate: bool = False
    canonical: bool = True
    unread: int = 0
    touched: int = 0
    typing: int | None = None
