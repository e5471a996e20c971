"""Known prompts, as data: supervisor/prompts.toml, and a file of the user's with the same form, which comes first.

    [NAME]
    says = "waiting"            # or working, idle
    in = "row"                  # the last row that is not empty; "input", "rows": the last 15; "title": the last title
    match = '''RE2'''           # \\z is the end of what is looked at; ^ and $ are the ends of a row
    keys = { yes = ["y", "Enter"], no = ["n", "Enter"] }    # optional: what answers it
    shows = ['''a recorded screen''', …]                    # recorded: each has to match
    unlike = ['''what looks like one''', …]                 # optional: none of these may match

A row is looked at without the lines of a box around it. The first preset that matches is right. An answer also wants
the cursor behind the last row (`row`, `input`), or a program that reads each key (`rows`), or one that the kernel sees
reading. A file is refused as a whole, with all that is wrong: also when a recorded screen does not give what its preset
says.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from actors.frozen import frozen
from actors.values.attention import Word
from supervisor.text.keys import KeyUnknown, checked
from supervisor.text.patterns import compiled
from supervisor.text.plain import plain

SHIPPED = Path(__file__).parent.parent / "prompts.toml"
ROWS = 15  # the highest dialog of a known agent has 12
_BOX = "\u2500-\u257f\u2580-\u259f"  # lines of boxes, and blocks
_FRAME = re.compile(f"^[ \t{_BOX}]+|[ \t{_BOX}]+$")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

Region = Literal["row", "input", "rows", "title"]


class PresetsWrong(ValueError):
    """The file can't be used; one line for each thing that is wrong."""


@frozen(kw_only=True)
class Preset:
    """One known prompt. `keys`: the name of each answer, and the keys that give it."""

    name: str
    says: Word
    region: Region
    match: str
    keys: tuple[tuple[str, tuple[str, ...]], ...]
    shows: tuple[str, ...]
    unlike: tuple[str, ...]

    def found_in(self, text: str) -> str | None:
        """Return the first row of what matches, None where nothing does."""
        found: Any = compiled(self.match).search(text)
        return None if found is None else str(found.group()).strip().partition("\n")[0]


@frozen
class Sign:
    """What a preset has found: the row that shows it."""

    preset: Preset
    text: str


@frozen
class Rows:
    """A screen as presets look at it."""

    row: str
    rows: str


def unframed(text: str) -> list[str]:
    """Return the rows of a screen that have more in them than the lines of a box, without those."""
    return [stripped for row in text.split("\n") if (stripped := _FRAME.sub("", row))]


def rows_of(text: str) -> Rows:
    """Return the last rows of a screen as presets look at them."""
    rows = unframed(text)
    return Rows(rows[-1] if rows else "", "\n".join(rows[-ROWS:]))


def seen_on(screen: bytes, presets: Sequence[Preset]) -> Sign | None:
    """Return what the first preset finds on a screen."""
    return seen_in(plain(screen), presets)


def seen_in(shown: str, presets: Sequence[Preset]) -> Sign | None:
    """Return what the first preset finds on a screen that has no escape sequences any more."""
    rows = rows_of(shown)
    for preset in presets if rows.row else ():  # a service whose workers show nothing loads no RE2: 3 MB
        if preset.region == "title":
            continue
        text = preset.found_in(rows.row if preset.region == "row" else rows.rows)
        if text is not None:
            return Sign(preset, text)
    return None


def seen_in_title(title: str, presets: Sequence[Preset]) -> Sign | None:
    """Return what the first preset of titles finds."""
    for preset in presets:
        if preset.region == "title" and (text := preset.found_in(title)) is not None:
            return Sign(preset, text)
    return None


# ── the files ─────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def shipped() -> tuple[Preset, ...]:
    """Return our own. Tests have proved them: to do so in each process would take 30 ms and 4 MB."""
    return tuple(_preset(name, table) for name, table in tomllib.loads(SHIPPED.read_text()).items())


def with_those_of(path: Path | None) -> tuple[Preset, ...]:
    """Return the presets of the file, then the shipped ones whose names it does not have; raises PresetsWrong."""
    if path is None:
        return shipped()
    try:
        own = tuple(proved(path.read_text()))
    except OSError as error:
        raise PresetsWrong(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PresetsWrong("is not UTF-8") from error
    names = {preset.name for preset in own}
    return (*own, *(preset for preset in shipped() if preset.name not in names))


def usable(path: Path | None, on_error: Callable[[BaseException], None]) -> tuple[Preset, ...]:
    """Return all presets; without those of the file where it has broken since the config was read."""
    try:
        return with_those_of(path)
    except PresetsWrong as wrong:
        on_error(wrong)
        return shipped()


def proved(text: str) -> Iterator[Preset]:
    """Yield the presets of a file that find what is recorded with them; raises PresetsWrong."""
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PresetsWrong(f"not valid TOML: {error}") from error
    wrong: list[str] = []
    for name, table in tables.items():
        faults = list(_faults_of(name, table))
        wrong += [f"{name}: {fault}" for fault in faults]
        if not faults:
            preset = _preset(name, table)
            wrong += [f"{name}: {fault}" for fault in _faults_in_screens(preset)]
            if not wrong:
                yield preset
    if wrong:
        raise PresetsWrong("\n".join(wrong))


_KEYS = {"says", "in", "match", "keys", "shows", "unlike"}
_WORDS = (Word.WAITING, Word.WORKING, Word.IDLE)


def _faults_of(name: str, table: Any) -> Iterator[str]:
    if not isinstance(table, dict):
        yield "must be a table"
        return
    if not _NAME.fullmatch(name):
        yield "a name has small letters, digits and hyphens"
    yield from (f"unknown key {key!r}" for key in table.keys() - _KEYS)
    if table.get("says") not in _WORDS:
        yield f"says must be one of {', '.join(_WORDS)}"
    if table.get("in", "row") not in get_args(Region):
        yield f"in must be one of {', '.join(get_args(Region))}"
    for key in ("shows", "unlike"):
        if not _texts(table.get(key, [])):
            yield f"{key} must be an array of text"
    if not table.get("shows"):
        yield "shows must have at least one recorded screen: only that proves the pattern"
    yield from _faults_of_pattern(table.get("match"))
    yield from _faults_of_keys(table.get("keys", {}))


def _faults_of_pattern(match: Any) -> Iterator[str]:
    if not isinstance(match, str):
        yield "match must be text"
        return
    try:
        compiled(match)
    except ValueError as error:
        yield f"match {error}"


def _faults_of_keys(keys: Any) -> Iterator[str]:
    if not isinstance(keys, dict) or not all(map(_texts, keys.values())):
        yield 'keys must be a table of arrays of text, as { yes = ["y", "Enter"] }'
        return
    for words in keys.values():
        try:
            checked(tuple(words))
        except KeyUnknown as error:
            yield str(error)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _preset(name: str, table: Mapping[str, Any]) -> Preset:
    return Preset(
        name=name,
        says=Word(table["says"]),
        region=table.get("in", "row"),
        match=table["match"],
        keys=tuple((answer, tuple(keys)) for answer, keys in table.get("keys", {}).items()),
        shows=tuple(table["shows"]),
        unlike=tuple(table.get("unlike", ())),
    )


def _faults_in_screens(preset: Preset) -> Iterator[str]:
    for number, screen in enumerate(preset.shows, 1):
        if not fits(preset, screen):
            yield f"its match does not find shows[{number}]"
    for number, screen in enumerate(preset.unlike, 1):
        if fits(preset, screen):
            yield f"its match finds unlike[{number}]"


def fits(preset: Preset, recorded: str) -> bool:
    """Whether the preset alone finds its prompt on a recorded screen, or in a recorded title."""
    if preset.region == "title":
        return seen_in_title(recorded, [preset]) is not None
    return seen_on(recorded.encode(), [preset]) is not None
