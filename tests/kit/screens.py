"""The recorded screens under tests/screens: prompts as they stand, and prose that looks like one.

A file is what the program printed: where it ends with a newline, the cursor is in the next row. Prompts of tools were
captured from the real programs, those of agents and of `sudo` are copied from what they show.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit import ROOT

SCREENS = ROOT / "tests/screens"
YES, IN_FULL, ONE_KEY = ("y", "Enter"), ("y", "e", "s", "Enter"), ("y",)
NO = ("C-c",)

# the file of each prompt: the preset that knows it, the answer that a rule gives, and the keys of this very dialog
PROMPTS = {
    "aider-command": ("aider-question", "yes", YES),
    "apt": ("yes-no", "yes", YES),
    "claude-command": ("claude-question", "yes", ("1",)),
    "claude-edit": ("claude-question", "yes", ("1",)),
    "claude-plan": ("claude-plan", "yes", ("2",)),
    "claude-trust": ("claude-trust", "yes", ("1",)),
    "codex-command": ("codex-question", "yes", ONE_KEY),
    "codex-edits": ("codex-question", "yes", ONE_KEY),
    "cp-i": ("remove-question", "yes", YES),
    "cursor-command": ("cursor-question", "yes", ONE_KEY),
    "docker": ("yes-no", "yes", YES),
    "dpkg-conffile": ("dpkg-conffile", "yes", YES),
    "e2fsck": ("one-key", "yes", ONE_KEY),
    "gdb-quit": ("yes-no", "yes", YES),
    "gemini-shell": ("gemini-question", "yes", ("Enter",)),
    "git-add-patch": ("letters", "yes", YES),
    "git-am": ("letters", "yes", YES),
    "git-username": ("login", "no", NO),
    "gpg": ("yes-no", "yes", YES),
    "less-git-log": ("pager", "quit", ("q",)),
    "man": ("pager", "quit", ("q",)),
    "mkfs": ("yes-no", "yes", YES),
    "more": ("pager", "quit", ("q",)),
    "npm-init": ("yes-no", "yes", YES),
    "npx": ("yes-no", "yes", YES),
    "opencode-command": ("opencode-question", "yes", ("Enter",)),
    "pip": ("yes-no", "yes", YES),
    "read": ("yes-no", "yes", YES),
    "rm-i": ("remove-question", "yes", YES),
    "rm-protected": ("remove-question", "yes", YES),
    "screen-licence": ("any-key", "go_on", ("Enter",)),
    "ssh-host-key": ("yes-in-full", "yes", IN_FULL),
    "ssh-keygen": ("yes-no", "yes", YES),
    "sudo": ("password", "no", NO),
    "terraform-apply": ("terraform", "yes", IN_FULL),
    "terraform-destroy": ("terraform", "yes", IN_FULL),
    "terraform-variable": ("enter-value", "no", NO),
    "unzip": ("letters", "yes", YES),
    "vim-swap": ("vim-swap", "quit", ("q",)),
    "zsh-rm": ("one-key", "yes", ONE_KEY),
}
RULES = "\n".join(
    f"[[workers.{{name}}.rules]]\non = 'prompt'\nprompts = ['{preset}']\ndo = {{{{ answer = '{answer}' }}}}"
    for preset, answer in sorted({(preset, answer) for preset, answer, _ in PROMPTS.values()})
)
DRAWS = ("claude-", "codex-", "cursor-", "gemini-", "opencode-")  # full-screen programs


@dataclass(frozen=True)
class Recorded:
    """One file: its rows, and where the cursor is."""

    name: str
    text: str

    @property
    def path(self) -> Path:
        return SCREENS / self.kind / f"{self.name}.txt"

    @property
    def kind(self) -> str:
        return "prompts" if self.name in PROMPTS else "prose"

    @property
    def screen(self) -> bytes:
        """What the judge gets: a pane of 50 rows, without blanks at the ends of rows."""
        rows = [row.rstrip() for row in self.text.removesuffix("\n").split("\n")]
        return "".join(f"{row}\n" for row in (rows + [""] * 50)[:50]).encode()

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(row.rstrip() for row in self.text.split("\n") if row.strip())

    @property
    def at_cursor(self) -> str:
        """The row of the cursor, up to it."""
        return self.text.split("\n")[-1]


def recorded(kind: str) -> Iterator[Recorded]:
    """Yield the files of "prompts" or of "prose"."""
    for path in sorted((SCREENS / kind).glob("*.txt")):
        yield Recorded(path.stem, path.read_text())
