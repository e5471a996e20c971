"""What stands in the input line of a program's screen: a draft, our own text, or nothing. Pure.

A program does not say what of its screen is input. Two signs are relied on: the cursor stands behind what was typed,
and a prompt stands before it (`$ `, `> `, `❯ `, `[y/N] `). Blanks and frames are not compared, because programs wrap,
indent and frame what is typed.
"""

import re
import unicodedata

from actors.values.typing import Sight

TAIL = 40  # characters at the end of a text by which it is known again
LEAST = 12  # a last line that is shorter is compared together with the lines before it
LOOK_UP = 12  # rows above the cursor's that may belong to the same input

_FRAME = re.compile(r"[\s\u2500-\u259f|]+")  # blanks, box drawing, blocks
_SIGN = "[$#%>❯›»➜λ]"
_PROMPT = re.compile(rf"(?:{_SIGN}|^\([\w-]+\)|\]:)(?:\s+|$)")  # also `(Pdb) ` and `In [1]: `
_FIRST = re.compile(r"^[$>❯›»➜](?:\s+|$)")  # a prompt at the beginning of a row
_QUESTION = re.compile(rf"(?:{_SIGN}|[:?\])}}])(?:\s+|$)")  # also `[y/N] ` and `Password: `
_PASTED = re.compile(r"\[past(?:e|ed)\b[^\]]*\]$", re.IGNORECASE)  # [Pasted text #1 +200 lines]


def compact(text: str) -> str:
    """Return the text as it is compared: without blanks and frames."""
    return _FRAME.sub("", unicodedata.normalize("NFC", text))


def standing(sight: Sight, text: str) -> bool:
    """Whether this text, or what a program shows in the place of a long one, ends at the cursor."""
    before = _unframed(sight.before)
    if _PASTED.search(before):
        return True
    if not compact(before) and not _wrapped(sight):
        return False
    lines = [compact(line) for line in text.splitlines() if compact(line)]
    return bool(lines) and _ends_with(compact("".join((*sight.above[-LOOK_UP:], sight.before))), lines)


def _ends_with(shown: str, lines: list[str]) -> bool:
    """Whether `shown` ends with the last lines of a text; a program may have put its own signs between two lines."""
    tail = lines[-1][-TAIL:]
    if not shown.endswith(tail):
        return False
    rest, compared = shown[: -len(tail)], len(tail)
    for line in reversed(lines[:-1]):
        if compared >= LEAST:
            break
        at = rest.rfind(line[-TAIL:])
        if at < 0:
            return False
        rest, compared = rest[:at], compared + len(line[-TAIL:])
    return True


def _wrapped(sight: Sight) -> bool:
    """Whether the row above is full, so that the cursor has gone to the beginning of the next one."""
    return sight.cursor[0] == 0 and bool(sight.above) and len(sight.above[-1].rstrip()) >= sight.columns


def draft(sight: Sight, *, anybody: bool) -> str:
    """Return the text in front of the cursor that may be a draft; "" when there is none.

    `anybody`: a person has been there, so whatever stands behind a prompt or a question may be theirs. Else only what a
    program that reads each key shows behind a prompt counts: in other programs it is their own output.
    """
    before = _unframed(sight.before)
    if sight.canonical:
        return _behind(_QUESTION, before) if anybody else ""
    found = _drawn(sight, before)
    return found if found is not None else (_behind(_QUESTION, before) if anybody else "")


def _drawn(sight: Sight, before: str) -> str | None:
    """Return what stands behind the prompt of a program that draws its input; None where there is no prompt."""
    if not sight.alternate and _PROMPT.search(before):
        return _behind(_PROMPT, before)
    for row, text in enumerate((before, *(_unframed(row) for row in reversed(sight.above[-LOOK_UP:])))):
        if first := _FIRST.match(text):
            return (text[first.end() :] + (before if row else "")).strip()
        if not text or (row == 0 and not sight.before.startswith("  ")):
            return None  # a further row of an input is indented
    return None


def _behind(prompt: re.Pattern[str], text: str) -> str:
    end = max((found.end() for found in prompt.finditer(text)), default=0)
    return text[end:].strip()


def _unframed(row: str) -> str:
    return row.strip().strip("│┃|╎┆").strip()
