"""What `panevisor doctor` examines, what a check of it found, and how a person or a program reads that. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from actors.events.words import counted
from actors.frozen import frozen
from supervisor.config.load import load_text
from supervisor.config.settings import Config, SupervisorSettings
from supervisor.state.place import Place
from supervisor.text.plain import visible


@frozen
class Subject:
    """`found_at`: where a running service is looked for; `begins_at`: where a new one would live (mostly the same).

    `config` is None where the file is wrong, in `problems` places. `tmux`: the pids of the tmux servers, by their
    numbers.
    """

    found_at: Place
    begins_at: Place
    config: Config | None
    problems: int
    tmux: Mapping[int, int]

    @property
    def tmux_pid(self) -> int | None:
        """That of one which runs."""
        return next(iter(self.tmux.values()), None)

    @property
    def settings(self) -> SupervisorSettings:
        """The file's, or what an empty file says."""
        return (self.config or load_text(b"", self.begins_at.config)).supervisor

    @property
    def workers(self) -> int:
        return len(self.config.workers) if self.config else 0


class Level(StrEnum):
    """How bad it is: only an error keeps the service, or a worker of the file, from running."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


_COLOURS = {Level.OK: "32", Level.WARNING: "33", Level.ERROR: "31;1"}
_INDENT = " " * 4


@frozen
class Finding:
    """`mend`: what to do about it, empty where nothing is to be done."""

    level: Level
    what: str
    mend: str = ""


Named = tuple[str, Finding]
"""A finding with the name of its check."""


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def warning(what: str, mend: str) -> Finding:
    return Finding(Level.WARNING, what, mend)


def error(what: str, mend: str) -> Finding:
    return Finding(Level.ERROR, what, mend)


def healthy(found: Sequence[Named]) -> bool:
    """Whether none of them is an error."""
    return all(finding.level is not Level.ERROR for _, finding in found)


def as_table(found: Sequence[Named], *, colour: bool = False) -> str:
    """Return one line for each finding, its remedy below it, and a last line with the counts."""
    levels, checks = max(len(level) for level in Level), max(len(check) for check, _ in found)
    lines: list[str] = []
    for check, finding in found:
        level = finding.level.ljust(levels)
        if colour:
            level = f"\x1b[{_COLOURS[finding.level]}m{level}\x1b[0m"
        lines.append(f"{level}  {check.ljust(checks)}  {visible(finding.what)}")
        if finding.mend:
            lines.append(f"{' ' * (levels + checks + 4)}{_INDENT}→ {visible(finding.mend)}")
    return "\n".join([*lines, "", _count(found)])


def as_json(found: Sequence[Named]) -> dict[str, object]:
    """Return what `-o json` prints: {"ok", "findings": [{"check", "level", "what", "mend"}]}."""
    findings = [{"check": check, "level": f.level.value, "what": f.what, "mend": f.mend} for check, f in found]
    return {"ok": healthy(found), "findings": findings}


def _count(found: Sequence[Named]) -> str:
    counts = {level: sum(1 for _, finding in found if finding.level is level) for level in (Level.ERROR, Level.WARNING)}
    said = [counted(count, level) for level, count in counts.items() if count]
    return ", ".join(said) or "no problems found"
