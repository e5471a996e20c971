"""Env files: which ones a config names, what they set, and the digest over the config and its env files.

    tables ──named_in──▶ paths ──read_env_file──▶ EnvFile ──▶ a worker's environment
                           └──content_of──▶ bytes ──digest_of──▶ Config.digest, FileOnDisk.digest

A message names the line of an env file and never shows its text, which may be a secret. Secret files are read by the
same rules (`content_at`), and `open_to_all` names those that everybody may read.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.frozen import frozen
from actors.values.spec import WorkerSpec
from supervisor.config.forms import variable_name
from supervisor.state.paths import NoRegularFile, below, regular_content

if TYPE_CHECKING:
    from dotenv.parser import Binding

MOST_BYTES = 1_000_000  # of one file: a worker's environment may have a tenth of it
_OTHERS = 0o006  # who is neither the owner nor of the group may read, or write


@frozen(kw_only=True)
class EnvFile:
    """One env file as it was read. `wrong` is a clause that follows its name: "which …", "whose line 3 …"."""

    content: bytes | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    wrong: str | None = None


class Unusable(Exception):
    """A file, or what it says, can't be used. Its text is `EnvFile.wrong`."""


def read_env_file(path: Path) -> EnvFile:
    """Read one env file. A later line wins over an earlier one. What is wrong is returned, not raised."""
    content = None
    try:
        content = content_at(path)
        return EnvFile(content=content, variables=variables_in(content))
    except Unusable as wrong:
        return EnvFile(content=content, wrong=str(wrong))


def content_of(path: Path) -> bytes | None:
    """Return the bytes of an env file; None if it cannot be read."""
    with suppress(Unusable):
        return content_at(path)
    return None


def named_in(tables: Mapping[str, Any], config: Path) -> tuple[Path, ...]:
    """Return the env files that these tables of `config` name, each once, in the order of the file."""
    workers = tables.get("workers")
    sections = [tables.get("defaults"), *(workers.values() if isinstance(workers, dict) else ())]
    written = [name for section in sections if isinstance(section, dict) for name in written_in(section).values()]
    return tuple(dict.fromkeys(below(config, name) for name in written))


def written_in(table: Mapping[str, Any]) -> dict[tuple[str | int, ...], str]:
    """Return the env files of one table by their keys, as the file has them. What can't be a path is left out."""
    value = table.get("env_file")
    parts = enumerate(value) if isinstance(value, list) else [(None, value)]
    return {
        ("env_file",) if index is None else ("env_file", index): part
        for index, part in parts
        if isinstance(part, str) and part.strip() and "\0" not in part and not part.startswith("~")
    }


def digest_of(config: bytes, env_files: Iterable[bytes | None]) -> str:
    """Return 12 hex digits over a config and the env files that it names; without any, of the config's SHA-256."""
    whole = hashlib.sha256(config)
    for content in env_files:
        whole.update(b"-" if content is None else hashlib.sha256(content).digest())
    return whole.hexdigest()[:12]


def content_at(path: Path) -> bytes:
    """Return the bytes of a file of variables, or of a secret; raises Unusable."""
    try:
        content = regular_content(path, MOST_BYTES + 1)
    except (NoRegularFile, IsADirectoryError):
        raise Unusable("which is no regular file") from None
    except FileNotFoundError:
        raise Unusable(f"and there is no such file (looked for {path})") from None
    except PermissionError:
        raise Unusable("which this user may not read") from None
    except OSError as error:
        raise Unusable(f"which cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise Unusable(f"which is larger than {MOST_BYTES // 10**6} MB")
    return content


def variables_in(content: bytes) -> dict[str, str]:
    """Return what lines of NAME=value set; raises Unusable.

    They are read one by one because `dotenv_values` leaves bad ones out.
    """
    from dotenv.parser import parse_stream  # only now: most configs name no env file

    found: dict[str, str] = {}
    for binding in parse_stream(StringIO(_decoded(content))):
        if binding.key is None and not binding.error:
            continue  # nothing but blanks and a comment
        if fault := _fault(binding):
            raise Unusable(f"whose line {_line(binding)} {fault}")
        found[str(binding.key)] = str(binding.value)
    return found


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unusable(f"whose line {line} is not UTF-8 (save the file as UTF-8)") from None


def _fault(binding: "Binding") -> str | None:
    if binding.key is None or binding.value is None:
        return "is not NAME=value, or has a quote that does not close"
    try:
        variable_name(binding.key)
    except ValueError as verdict:
        return f"has a name that {verdict}"
    return "has a NUL character in its value" if "\0" in binding.value else None


def _line(binding: "Binding") -> int:
    """Return where the binding itself begins: the parser counts from the blank lines before it."""
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return binding.original.line + len(re.findall(r"\r\n|\n|\r", blank))


def open_to_all(spec: WorkerSpec) -> Iterator[str]:
    """Yield the secret files of a worker that everybody on this machine may read or write."""
    for _, path in spec.secret_files:
        try:
            mode = Path(path).stat().st_mode
        except OSError:
            continue
        if mode & _OTHERS:
            yield path
