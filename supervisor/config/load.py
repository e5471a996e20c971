"""The config file: read, validated as a whole, and turned into the values that the service works with.

    bytes ──tomllib──▶ tables ──tables.read──▶ Config
                         │ everything that is wrong
                         └──findings──▶ ConfigError, each problem with its line (places)

Loading also reads the env files that the file names, so `apply` sees a changed value in one of them. It does not check
that a `cwd` exists: the start of the worker does.
"""

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field, fields, replace
from heapq import nsmallest
from pathlib import Path
from typing import Any, TypeVar

from actors.frozen import frozen
from actors.values.spec import KINDS, LONGEST_NAME, MOST, REPLICA_OF, Family, NoReplica, PaneSize, WorkerSpec
from supervisor.attention.presets import Preset, PresetsWrong, with_those_of
from supervisor.config.dependencies import dependency_findings
from supervisor.config.env_files import EnvFile, digest_of, named_in, read_env_file, written_in
from supervisor.config.problems import ALIKE, DEFAULTS, MOST_PROBLEMS, ConfigError, Finding, Problem
from supervisor.config.replicas import filled
from supervisor.config.rules import misnamed
from supervisor.config.settings import SURFACES, Config, OfFile, Receiver, SupervisorSettings, surface
from supervisor.config.slips import name_fault
from supervisor.config.tables import check, read, tables_in
from supervisor.kernel.files import absolute
from supervisor.state.paths import (
    MOST_BYTES,
    NoRegularFile,
    below,
    default_state_dir,
    hint_above,
    is_utf8,
    printable,
    regular_content,
)
from supervisor.state.place import SERVICE_LOG
from supervisor.text.words import Keys, dotted, shown

_Raw = dict[str, Any]
T = TypeVar("T")

MOST_ARGUMENTS = 100_000  # Linux refuses a single argument of 128 KiB; the rest is for what tmux and sh add
_OWN = frozenset({"command", "depends_on"})  # belong to each worker, never to the defaults


@frozen
class _File:
    """The file as a whole; its tables are looked into one by one."""

    supervisor: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    workers: dict[str, dict[str, Any]] = field(default_factory=dict)
    notify: dict[str, dict[str, Any]] = field(default_factory=dict)
    web: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)


def load(path: Path) -> Config:
    """Read and validate the file; raises ConfigError with all that is wrong, also when it cannot be read.

    The path of the file and the default state directory must be UTF-8; the text of the file is UTF-8 anyway.
    """
    if not is_utf8(path):
        raise _error(path, None, "its path is not UTF-8 (rename it, or what it lies in)")
    try:
        text = regular_content(path, MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _error(path, None, _unreadable(error)) from error
    config = load_text(text, path)
    if not is_utf8(state_dir := config.supervisor.state_dir):
        mend = "name another by state_dir or XDG_STATE_HOME"
        raise _error(path, None, f"its state directory {printable(state_dir)} is not UTF-8 ({mend})")
    return config


def load_text(text: bytes, path: Path) -> Config:
    """Validate the text as if it stood at `path`, which itself is not read; raises ConfigError."""
    return _Reader(text, path).config()


def _error(path: Path, line: int | None, message: str) -> ConfigError:
    return ConfigError((Problem(printable(path), line, None, None, message),))


def _unreadable(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            mend = "write one with `panevisor init`, or name another with -c FILE"
            return f"there is no such file{hint_above()} ({mend})"
        case IsADirectoryError():
            return "is a directory (name the file in it with -c FILE)"
        case NoRegularFile():
            return "is no regular file (name one with -c FILE)"
        case PermissionError():
            return "no permission to read it (run as its owner, or let this user read it)"
        case OSError(strerror=reason):
            return f"cannot be read: {reason} (name another file with -c FILE)"
        case _:
            return "is no path of a file (name another with -c FILE)"


# text to tables


def _parsed(text: bytes, path: Path) -> _Raw:
    """Return what TOML says; raises ConfigError with the one problem that ended the reading."""
    if len(text) > MOST_BYTES:
        raise _error(path, None, f"is larger than {MOST_BYTES // 10**6} MB: this is hardly a config file")
    decoded = _decoded(text, path)
    try:
        return tomllib.loads(decoded)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), decoded, path) from error
    except RecursionError as error:
        raise _error(path, None, "is nested too deeply to be read (a config has arrays and tables 3 deep)") from error
    except ValueError as error:  # int() has a limit of 4300 digits
        raise _error(path, _line_of(r"[0-9][0-9_]{4000}", decoded), "not valid TOML: a number is too long") from error


def _decoded(text: bytes, path: Path) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise _error(path, line, f"is not UTF-8: byte 0x{text[error.start]:02x} (save the file as UTF-8)") from error


def _syntax_error(said: str, text: str, path: Path) -> ConfigError:
    found = re.search(r" \((?:at line (\d+), column (\d+)|at end of document)\)$", said)
    if found is None or found[1] is None:
        line, column = text.rstrip().count("\n") + 1, ""
    else:
        line, column = int(found[1]), f", column {found[2]}"
    reason = said[: found.start()] if found else said
    return _error(path, line, f"not valid TOML{column}: {_plainer(reason)}")


def _plainer(reason: str) -> str:
    if reason.startswith("Cannot overwrite") or (reason.startswith("Cannot declare") and reason.endswith("twice")):
        return "this key or table stands twice (keep one)"
    hint = " (text needs quotes)" if reason == "Invalid value" else ""
    return f"{reason[:200]}{hint}"


def _line_of(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text)
    return text.count("\n", 0, found.start()) + 1 if found else None


# tables to values


class _Reader:
    """One reading of one text. `_faults` gathers, by place and message, all that is wrong, without order or repeats."""

    def __init__(self, text: bytes, path: Path) -> None:
        self._text = text
        self._shown_path = path
        self._path = absolute(path)
        self._faults: dict[tuple[Keys, str], Finding] = {}
        self._env_files: dict[Path, EnvFile] = {}
        self._pane = PaneSize()
        self._presets: tuple[Preset, ...] | None = None  # None: the file of the user's own is wrong
        self._replicas: dict[str, tuple[_Raw, int]] = {}  # by family: its table as written, and how many

    def config(self) -> Config:
        raw = _parsed(self._text, self._shown_path)
        tables = self._tables(raw)
        self._env_files = {path: read_env_file(path) for path in named_in(raw, self._path)}
        supervisor = self._supervisor(tables["supervisor"])
        self._pane = supervisor.pane if supervisor else self._pane
        workers = self._workers(tables["workers"], self._inherited(tables["defaults"]))
        workers += self._surfaces(tables)
        receivers = tuple(self._receivers(tables["notify"]))
        self._check_dependencies(tables["workers"])
        if supervisor is None or self._faults:
            raise self._error()
        return Config(
            path=self._path,
            digest=digest_of(self._text, (file.content for file in self._env_files.values())),
            supervisor=supervisor,
            workers=tuple(workers),
            families=tuple(map(self._family, self._replicas)),
            receivers=receivers,
        )

    def _family(self, name: str) -> Family:
        merged, count = self._replicas[name]

        def spec_of(index: int) -> WorkerSpec:
            spec, found = self._replica(name, merged, index)
            if spec is None or found:
                said = "; ".join(finding.said() for finding in found[:MOST_PROBLEMS])
                raise NoReplica(f"the file gives no valid {name}-{index}: {said}")
            return spec

        return Family(name, count, spec_of)

    def _tables(self, raw: _Raw) -> dict[str, _Raw]:
        """Return the top-level tables, empty where they are missing or none."""
        _, found = read(_File, raw)
        for finding in found:
            self._add(finding)
        return {each.name: _table_or_empty(raw.get(each.name)) for each in fields(_File)}

    def _read(self, kind: type[T], raw: _Raw, *table: str, **known: str) -> T | None:
        """Return a table; what is wrong with it is noted."""
        found, findings = read(kind, raw, {"folder": self._path.parent, **known})
        for finding in findings:
            self._add(finding._replace(message=f"[{'.'.join(table)}]: {finding.message}"), *table)
        return found

    def _supervisor(self, raw: _Raw) -> SupervisorSettings | None:
        if (settings := self._read(SupervisorSettings, raw, "supervisor")) is None:
            return None
        try:
            settings = replace(settings, prompts=settings.prompts and Path(settings.prompts))
            self._presets = with_those_of(settings.prompts)
        except PresetsWrong as wrong:
            what = f"[supervisor]: prompts: {shown(str(settings.prompts))} can't be used:\n{wrong}"
            self._add(Finding(("prompts",), what), "supervisor")
        state_dir = settings.state_dir or default_state_dir(self._path)
        log = replace(settings.log, file=settings.log.file or state_dir / SERVICE_LOG)
        return replace(settings, state_dir=state_dir, log=log)

    def _receivers(self, raw: _Raw) -> Iterator[Receiver]:
        """Yield those whose tables are right."""
        for name, table in raw.items():
            if isinstance(table, dict) and (receiver := self._read(Receiver, table, "notify", name, name=name)):
                yield receiver

    def _surfaces(self, tables: dict[str, _Raw]) -> Iterator[WorkerSpec]:
        """Yield the workers that keep those that are enabled."""
        for table, kind in SURFACES.items():
            if tables[table] and (settings := self._read(kind, tables[table], table)) and settings.enabled:
                yield (worker := surface(table, settings, self._path, self._pane))
                if worker.name in tables["workers"]:
                    self._add(Finding((), f"is the name of the worker that [{table}] gives"), "workers", worker.name)

    def _inherited(self, raw: _Raw) -> _Raw:
        """Return what workers inherit, and note what is wrong in it by itself.

        Keys that do not go together are judged in each worker. Defaults with more than `MOST_PROBLEMS` problems are
        not inherited, because each worker would repeat all of them.
        """
        for key in _OWN & raw.keys():
            self._add(Finding((key,), f"{key} belongs to each worker and cannot stand here"), "defaults")
        inheritable = {key: value for key, value in raw.items() if key not in _OWN}
        if not inheritable:
            return {}
        found = check(WorkerSpec, inheritable, beside=OfFile, without=_OWN)
        for finding in found:
            if not finding.mismatch:
                self._add(finding, "defaults")
        for finding in self._env_file_findings(raw):
            self._add(finding, "defaults")
        return inheritable if len(found) <= MOST_PROBLEMS else {}

    def _workers(self, raw: _Raw, defaults: _Raw) -> list[WorkerSpec]:
        """Return the workers whose tables are right."""
        for name in raw:
            if fault := name_fault(name):
                self._add(Finding((), fault), "workers", name)
        specs: list[WorkerSpec | None] = []
        for name, own in raw.items():
            if isinstance(own, dict):
                specs += self._of_table(name, own, defaults, raw)
        return [spec for spec in specs if spec]

    def _of_table(self, name: str, own: _Raw, defaults: _Raw, raw: _Raw) -> list[WorkerSpec | None]:
        """Return the worker of a table, or its replicas."""
        merged = _merged(defaults, own)
        count = merged.get("replicas")
        if type(count) is int and 0 <= count <= MOST and count != 1:
            self._check_member_names(name, count, raw)
            return self._members(name, own, defaults, merged, count)
        spec, found = self._judged(name, filled(merged, name, 1) if count == 1 else merged)
        for finding in found:
            self._add_to_owner(name, own, defaults, finding)
        return [spec]

    def _judged(self, name: str, merged: _Raw) -> tuple[WorkerSpec | None, list[Finding]]:
        """Return the worker with the variables of its env files in `env`, and everything that is wrong with it."""
        known = {"folder": self._path.parent, "name": name, "pane": self._pane}
        spec, found = read(WorkerSpec, merged, known, beside=OfFile)
        by_files = self._set_by_files(merged)
        found += [*self._env_file_findings(merged), *_size_findings(merged, by_files), *misnamed(spec, self._presets)]
        return replace(spec, env=tuple((by_files | dict(spec.env)).items())) if spec else None, found

    def _members(self, name: str, own: _Raw, defaults: _Raw, merged: _Raw, count: int) -> list[WorkerSpec | None]:
        """Return the workers of a family. Only the first wrong one is reported; it is judged with 0 replicas, too."""
        self._replicas[name] = (merged, count)
        specs: list[WorkerSpec | None] = []
        for index in range(1, max(count, 1) + 1):
            spec, found = self._replica(name, merged, index)
            for finding in found:
                self._add_to_owner(name, own, defaults, finding)
            if found:
                break
            specs.append(spec)
        return specs if count else []

    def _replica(self, name: str, merged: _Raw, index: int) -> tuple[WorkerSpec | None, list[Finding]]:
        replica = f"{name}-{index}"
        spec, found = self._judged(replica, filled(merged, replica, index))
        if len(replica) > LONGEST_NAME >= len(name):
            found.append(Finding(("replicas",), f"replicas gives names longer than {LONGEST_NAME} characters"))
        return replace(spec, labels=(*spec.labels, (REPLICA_OF, name))) if spec else None, found

    def _check_member_names(self, name: str, count: int, raw: _Raw) -> None:
        for index in range(1, count + 1):
            if (replica := f"{name}-{index}") in raw:
                what = f"replicas gives a worker {shown(replica)}, and one of that name stands here too (rename one)"
                self._add(Finding(("replicas",), what), "workers", name)

    def _env_file_findings(self, table: _Raw) -> Iterator[Finding]:
        for keys, written in written_in(table).items():
            if wrong := self._env_files[below(self._path, written)].wrong:
                yield Finding(keys, f"{dotted(keys)} names {shown(written)}, {wrong}", mismatch=True)

    def _set_by_files(self, table: _Raw) -> dict[str, str]:
        """Return what the env files of a table set; a later file wins over an earlier one."""
        files = [self._env_files[below(self._path, written)] for written in written_in(table).values()]
        return {key: value for file in files for key, value in file.variables.items()}

    def _add_to_owner(self, name: str, own: _Raw, defaults: _Raw, finding: Finding) -> None:
        """Note a finding about merged tables where its key stands; `_inherited` has noted most of the defaults'."""
        if finding.mismatch and finding.keys[0] in defaults.keys() - own.keys():
            self._add(finding, "defaults")
        elif finding.mismatch or _has(own, finding.keys) or not _has(defaults, finding.keys):
            self._add(finding, "workers", name)

    def _check_dependencies(self, raw: _Raw) -> None:
        for name, finding in dependency_findings({name: _table_or_empty(table) for name, table in raw.items()}):
            self._add(finding, "workers", name)

    def _add(self, finding: Finding, *table: str) -> None:
        """Note a finding whose keys are counted from this table."""
        self._faults[(*table, *finding.keys), finding.message] = finding

    def _error(self) -> ConfigError:
        from supervisor.config.places import Places  # only now: a good file needs no second parser

        places, file = Places(self._text), printable(self._shown_path)
        found = [(places.line(keys), *_whose(keys), finding) for (keys, _), finding in self._faults.items()]
        found.sort(key=lambda one: (one[0] or 0, one[2], one[3].message))
        times: Counter[str] = Counter()
        turns = []  # the first ones of each kind, then the others: one slip in 500 workers hides no other one
        for index, (*_, finding) in enumerate(found):
            times[finding.message] += 1
            turns.append((times[finding.message] > ALIKE, index))
        first = [found[index] for index in sorted(index for _, index in nsmallest(MOST_PROBLEMS, turns))]
        problems = [Problem(file, line, worker, key or None, finding.said()) for line, worker, key, finding in first]
        alike = {each.message: times[finding.message] for each, (*_, finding) in zip(problems, first, strict=True)}
        return ConfigError(tuple(problems), len(found) - len(problems), alike)


def _whose(keys: Keys) -> tuple[str | None, str]:
    """Return `Problem.worker` and `Problem.key` of a place in the whole file."""
    match keys:
        case ("workers", name, *key):
            return str(name), dotted(tuple(key))
        case ("defaults", _, *_):
            return DEFAULTS, dotted(keys[1:])
    return None, dotted(keys)


def define(name: str, raw: Mapping[str, Any], pane: PaneSize) -> WorkerSpec:
    """Return the spec of a worker that is in no file, from a table like a file's.

    `cwd` has to be absolute, and other paths are relative to it.

    Raises ConfigError, whose problems have no line.
    """
    known = {"folder": str(raw.get("cwd", "")), "name": name, "pane": pane}
    spec, found = read(WorkerSpec, dict(raw), known, beside=OfFile)
    messages = [finding.said() for finding in (*found[:MOST_PROBLEMS], *_size_findings(dict(raw), {}))]
    if fault := name_fault(name):
        messages.append(f"{shown(name)} {fault}")
    if not os.path.isabs(str(raw.get("cwd", ""))):
        messages.append("cwd must be an absolute path")
    of_file = ("depends_on", "env_file", "replicas")
    messages += [f"{key} is for workers of the file" for key in of_file if raw.get(key) not in (None, [], {})]
    if spec is None or messages:
        more = len(found[MOST_PROBLEMS:])
        raise ConfigError(tuple(Problem("run", None, name, None, message) for message in messages), more)
    return spec


# defaults


def _merged(defaults: _Raw, own: _Raw) -> _Raw:
    """Return the worker's table over the defaults, merged key by key; a kind of probe replaces another kind."""
    tables = {
        key: _table_or_empty(defaults.get(key)) | own[key]
        for key in tables_in(WorkerSpec)
        if type(own.get(key)) is dict
    }
    for key in ("ready", "live"):
        if key in tables and not own[key].keys().isdisjoint(KINDS):
            tables[key] = {k: v for k, v in tables[key].items() if k not in KINDS or k in own[key]}
    return {**defaults, **own, **tables}


def _table_or_empty(value: object) -> _Raw:
    return value if isinstance(value, dict) else {}


def _has(table: Any, keys: Keys) -> bool:
    for key in keys:
        fits = isinstance(table, dict) and key in table
        if not fits and not (isinstance(table, list) and isinstance(key, int) and key < len(table)):
            return False
        table = table[key]
    return True


# what one table cannot tell


def _size_findings(merged: _Raw, by_files: dict[str, str]) -> Iterator[Finding]:
    """Yield a finding if arguments and environment are too long together, at the longest of them."""
    command, own = merged.get("command"), _table_or_empty(merged.get("env"))
    env = by_files | own
    arguments = bytes_of(command if isinstance(command, list) else [command])
    total = arguments + bytes_of([*env, *env.values()])
    if total > MOST_ARGUMENTS:
        by_env = bytes_of([*own, *own.values()])
        key = "command" if arguments * 2 >= total else "env" if by_env * 2 >= total - arguments else "env_file"
        what = f"command and environment together are longer than {MOST_ARGUMENTS:,} bytes (put the bulk in a file)"
        yield Finding((key,), what, mismatch=True)


def bytes_of(texts: list[Any]) -> int:
    """Return what these texts take as arguments or variables of a program."""
    return sum(len(text.encode()) + 1 for text in texts if isinstance(text, str))
