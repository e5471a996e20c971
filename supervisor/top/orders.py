"""What can be ordered from here: as a line of CLI, as a request, and what is said of its answer. Pure."""

import shlex
from collections.abc import Mapping
from typing import Any

from actors.frozen import frozen
from supervisor.text.plain import visible

WAIT = 60.0  # seconds for verdicts, as the commands have it
_TYPING = 30.0
_ENDING = frozenset({"stop", "restart"})


@frozen
class Order:
    """One worker's order; `text` is that of a prompt."""

    verb: str
    name: str
    text: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command line behind `panevisor`; a name that looks like an option stands behind --."""
        guard = ("--",) if self.name.startswith("-") or self.text.startswith("-") else ()
        return (self.verb, *guard, self.name, *((self.text,) if self.verb == "prompt" else ()))

    @property
    def is_asked(self) -> bool:
        """Whether a person is asked before: it ends a process."""
        return self.verb in _ENDING

    @property
    def request(self) -> dict[str, Any]:
        """The fields of the request."""
        if self.verb == "prompt":
            return {"name": self.name, "text": self.text, "wait": _TYPING}
        return {"names": [self.name], "wait": WAIT}

    def told(self, answer: Mapping[str, Any]) -> tuple[str, bool]:
        """Return what came of it in a line, and whether that is well."""
        if self.verb == "prompt":
            return f"{visible(self.name)}: {answer['outcome']}", answer["outcome"] == "submitted"
        verdicts = answer["verdicts"]
        said = "; ".join(f"{verdict['name']}: {verdict['text']}" for verdict in verdicts)
        if answer["unrecorded"] is not None:
            return visible(f"done, but not on record: {answer['unrecorded']}"), False
        return visible(said), all(verdict["ok"] for verdict in verdicts)


def command_line(command: str, *words: str) -> str:
    """Return a command that can be pasted; `command` is how it begins."""
    return visible(f"{command} {shlex.join(words)}")
