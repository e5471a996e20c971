"""The config file: read, validated as a whole, and turned into the values that the service works with.

    bytes ──tomllib──▶ tables ──config_tables──▶ Config
                         │ whatever is wrong, anywhere in the file
                         └──config_problems──▶ ConfigError, each problem with its line (toml_places)

Beside the file only the env files that it names are read, now: so a changed value is a change that `apply` sees, and
a new start of the service is none. A `cwd` that does not exist is found when the worker starts.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from actors.values.families import MOST, Family, NoReplica
from actors.values.spec import (
    KINDS,
    LONGEST_NAME,
    NAME_PATTERN,
    REPLICA_OF,
    Backoff,
    Condition,
    Do,
    ExitRule,
    Limit,
    Limits,
    Live,
    LogLimits,
    PaneSize,
    Ready,
    Restart,
    Rung,
    Stall,
    Window,
    WorkerSpec,
)
from supervisor.config.env_files import EnvFile, digest_of, named_in, read_env_file, written_in
from supervisor.config.model import (
    RUNG_WAIT,
    CheckTable,
    FileTable,
    LimitGiven,
    LimitsTable,
    PolicyTable,
    StallTable,
    SupervisorTable,
    Table,
    WorkerTable,
)
from supervisor.config.problems import DEFAULTS, MOST_PROBLEMS, ConfigError, Finding, Problem, findings
from supervisor.config.replicas import filled
from supervisor.state.paths import (
    MOST_BYTES,
    NoRegularFile,
    below,
    default_state_dir,
    is_utf8,
    printable,
    regular_content,
)
from supervisor.state.place import SERVICE_LOG
from supervisor.text.words import Keys, dotted, shown

__all__ = [
    "Config",
    "ConfigError",
    "Problem",
    "ServiceLogSettings",
    "SupervisorSettings",
    "define",
    "different_settings",
    "load",
    "load_text",
]

_T = TypeVar("_T", bound=Table)
_Raw = dict[str, Any]

_MOST_ARGUMENTS = 100_000  # Linux refuses a single argument of 128 KiB; the rest is for what tmux and sh add
_MOST_NAMES = 12  # of a cycle in a message
_MERGED = ("backoff", "ready", "live", "log", "env", "labels", "stall", "limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLogSettings:
    """`supervisor.log`: `file` is absolute, `max_size` in bytes, `format` is "json" or "console"."""

    file: Path
    level: str
    format: str
    max_size: int
    keep: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorSettings:
    """`[supervisor]`: paths are absolute, intervals in seconds, `on_term` is "keep" or "stop".

    `min_free_memory` in bytes, `max_starting` 0: no limit.
    """

    state_dir: Path
    capture_interval: float
    health_interval: float
    heartbeat_interval: float
    max_workers: int
    pane: PaneSize
    log: ServiceLogSettings
    watch_config: bool
    on_term: str
    min_free_memory: int
    max_starting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A valid file: `path` is absolute, `workers` stand as in the file, with the replicas of each of the `families`.

    `digest` is 12 hex digits over its bytes and those of its env files; without any, of its SHA-256. `next_start` is
    for a running service to set: the keys of `[supervisor]` that it can't take from the file.
    """

    path: Path
    digest: str
    supervisor: SupervisorSettings
    workers: tuple[WorkerSpec, ...]
    families: tuple[Family, ...] = ()
    next_start: tuple[str, ...] = ()


def load(path: Path) -> Config:
    """Read and validate the file; raises ConfigError with all that is wrong, also when it cannot be read.

    Its path has to be UTF-8, and then all paths that are written in it are; the default state directory is asked for
    that, too.
    """
    if not is_utf8(path):
        raise _error(path, None, "its path is not UTF-8 (rename it, or what it lies in)")
    try:
        text = regular_content(path, MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _error(path, None, _unreadable(error)) from error
    config = load_text(text, path)
    if not is_utf8(state_dir := config.supervisor.state_dir):
        what = f"its state directory {printable(state_dir)} is not UTF-8 (name another by state_dir or XDG_STATE_HOME)"
        raise _error(path, None, what)
    return config


def load_text(text: bytes, path: Path) -> Config:
    """Validate the text as if it stood at `path`, which itself is not read; raises ConfigError."""
    return _Reader(text, path).config()


def different_settings(begun: SupervisorSettings, now: SupervisorSettings) -> tuple[str, ...]:
    """Return the keys of `[supervisor]` in which these differ; `pane` is no such key, as it counts with each worker."""
    old, new = _beside_its_log(begun), _beside_its_log(now)
    keys = [field.name for field in fields(SupervisorSettings) if field.name != "pane"]
    return tuple(key for key in keys if getattr(old, key) != getattr(new, key))


def _beside_its_log(settings: SupervisorSettings) -> SupervisorSettings:
    """Return the settings with `log.file` relative to the state directory, where it is in it: it follows that."""
    file = settings.log.file
    relative = file.relative_to(settings.state_dir) if file.is_relative_to(settings.state_dir) else file
    return replace(settings, log=replace(settings.log, file=relative))


def _error(path: Path, line: int | None, message: str) -> ConfigError:
    return ConfigError((Problem(printable(path), line, None, None, message),))


def _unreadable(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file (write one with `panevisor init`, or name another with -c FILE)"
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


class _Fault(NamedTuple):
    """A finding at its place in the whole file."""

    keys: Keys
    worker: str | None
    key: str
    message: str


class _Reader:
    """One reading of one text; `_faults` gathers whatever is wrong, in no order and without repeats."""

    def __init__(self, text: bytes, path: Path) -> None:
        self._text = text
        self._shown_path = path
        self._path = Path(os.path.abspath(path))
        self._faults: dict[_Fault, Finding] = {}
        self._env_files: dict[Path, EnvFile] = {}
        self._replicas: dict[str, tuple[_Raw, int]] = {}  # by family: its table as written, and how many

    def config(self) -> Config:
        raw = _parsed(self._text, self._shown_path)
        tables = self._tables(raw)
        self._env_files = {path: read_env_file(path) for path in named_in(raw, self._path)}
        supervisor = self._supervisor(tables["supervisor"])
        workers = self._workers(tables["workers"], self._inherited(tables["defaults"]))
        self._check_dependencies(tables["workers"])
        if supervisor is None or self._faults:
            raise self._error()
        pane = PaneSize(**supervisor.pane.model_dump())
        return Config(
            path=self._path,
            digest=digest_of(self._text, (file.content for file in self._env_files.values())),
            supervisor=_settings(supervisor, self._path),
            workers=tuple(self._spec(name, table, pane) for name, table in workers.items()),
            families=tuple(self._family(name, pane) for name in self._replicas),
        )

    def _family(self, name: str, pane: PaneSize) -> Family:
        merged, count = self._replicas[name]

        def spec_of(index: int) -> WorkerSpec:
            table, found = self._replica(name, merged, index)
            if table is None or found:
                said = "; ".join(finding.said() for finding in found[:MOST_PROBLEMS])
                raise NoReplica(f"the file gives no valid {name}-{index}: {said}")
            return self._spec(f"{name}-{index}", table, pane)

        return Family(name, count, spec_of)

    def _tables(self, raw: _Raw) -> dict[str, _Raw]:
        """Return the three top-level tables, empty where they are missing or none."""
        _, found = _validated(FileTable, raw)
        for finding in found:
            self._note_top(finding)
        return {key: _table_or_empty(raw.get(key)) for key in FileTable.model_fields}

    def _note_top(self, finding: Finding) -> None:
        worker = str(finding.keys[1]) if finding.keys[0] == "workers" and len(finding.keys) > 1 else None
        self._add(finding.keys, worker, "" if worker else dotted(finding.keys), finding)

    def _supervisor(self, raw: _Raw) -> SupervisorTable | None:
        table, found = _validated(SupervisorTable, raw)
        for finding in found:
            keys = ("supervisor", *finding.keys)
            self._add(keys, None, dotted(keys), finding._replace(message=f"[supervisor]: {finding.message}"))
        return table

    def _inherited(self, raw: _Raw) -> _Raw:
        """Return what workers inherit, and note what is wrong in it by itself.

        What does not go together is judged in each worker. Defaults with more problems than are told give no worker
        anything: each worker would have them all again.
        """
        for key in {"command", "depends_on"} & raw.keys():
            self._add_default(Finding((key,), f"{key} belongs to each worker and cannot stand here"))
        inheritable = _inheritable(raw)
        _, found = _validated(PolicyTable, inheritable)
        for finding in found:
            if not finding.mismatch:
                self._add_default(finding)
        for finding in self._env_file_findings(raw):
            self._add_default(finding)
        return inheritable if len(found) <= MOST_PROBLEMS else {}

    def _workers(self, raw: _Raw, defaults: _Raw) -> dict[str, WorkerTable]:
        """Return the workers whose tables are right, what their env files set being in `env`."""
        for name in raw:
            if fault := _name_fault(name):
                self._add(("workers", name), name, "", Finding((), fault))
        owned = {name: own for name, own in raw.items() if isinstance(own, dict)}
        tables: dict[str, WorkerTable | None] = {}
        for name, own in owned.items():
            merged = _merged(defaults, own)
            count = merged.get("replicas")
            if type(count) is int and 0 <= count <= MOST and count != 1:
                tables |= self._members(name, own, defaults, merged, count)
                self._check_member_names(name, count, raw)
            else:
                tables[name] = self._worker(name, own, defaults, filled(merged, name, 1) if count == 1 else merged)
        return {name: table for name, table in tables.items() if table is not None}

    def _worker(self, name: str, own: _Raw, defaults: _Raw, merged: _Raw) -> WorkerTable | None:
        table, found = self._judged(merged)
        for finding in found:
            self._add_to_owner(name, own, defaults, finding)
        return table

    def _judged(self, merged: _Raw) -> tuple[WorkerTable | None, list[Finding]]:
        """Return the table, what its env files set being in `env`, and whatever is wrong with it."""
        table, found = _validated(WorkerTable, merged)
        by_files = self._set_by_files(merged)
        found = [*found, *self._env_file_findings(merged), *_size_findings(merged, by_files)]
        return table.model_copy(update={"env": by_files | table.env}) if table else None, found

    def _members(self, name: str, own: _Raw, defaults: _Raw, merged: _Raw, count: int) -> dict[str, WorkerTable | None]:
        """Return a family's tables; the first one that is wrong speaks for all. Of none, the first is judged, too."""
        self._replicas[name] = (merged, count)
        tables: dict[str, WorkerTable | None] = {}
        for index in range(1, max(count, 1) + 1):
            table, found = self._replica(name, merged, index)
            for finding in found:
                self._add_to_owner(name, own, defaults, finding)
            if found:
                break
            tables[f"{name}-{index}"] = table
        return tables if count else {}

    def _replica(self, name: str, merged: _Raw, index: int) -> tuple[WorkerTable | None, list[Finding]]:
        replica = f"{name}-{index}"
        table, found = self._judged(filled(merged, replica, index))
        if len(replica) > LONGEST_NAME >= len(name):
            found.append(Finding(("replicas",), f"replicas gives names longer than {LONGEST_NAME} characters"))
        return table.model_copy(update={"labels": table.labels | {REPLICA_OF: name}}) if table else None, found

    def _check_member_names(self, name: str, count: int, raw: _Raw) -> None:
        for index in range(1, count + 1):
            if (replica := f"{name}-{index}") in raw:
                what = f"replicas gives a worker {shown(replica)}, and one of that name stands here too (rename one)"
                self._add_worker(name, Finding(("replicas",), what))

    def _env_file_findings(self, table: _Raw) -> Iterator[Finding]:
        for keys, written in written_in(table).items():
            if wrong := self._env_files[below(self._path, written)].wrong:
                yield Finding(keys, f"{dotted(keys)} names {shown(written)}, {wrong}", mismatch=True)

    def _set_by_files(self, table: _Raw) -> dict[str, str]:
        """Return what the env files of a table set; a later file wins over an earlier one."""
        files = [self._env_files[below(self._path, written)] for written in written_in(table).values()]
        return {key: value for file in files for key, value in file.variables.items()}

    def _add_to_owner(self, name: str, own: _Raw, defaults: _Raw, finding: Finding) -> None:
        """Note a finding about merged tables where it was written; `_check_defaults` knows most of the defaults'."""
        if finding.mismatch and finding.keys[0] in defaults.keys() - own.keys():
            self._add_default(finding)
        elif finding.mismatch or _has(own, finding.keys) or not _has(defaults, finding.keys):
            self._add_worker(name, finding)

    def _check_dependencies(self, raw: _Raw) -> None:
        wanted = {name: _dependencies(_table_or_empty(table)) for name, table in raw.items()}
        for name, fault in _dependency_faults(wanted):
            self._add_worker(name, fault)
        edges = {name: [other for other in on if other in raw and other != name] for name, on in wanted.items()}
        for cycle in _cycles(edges):
            keys = wanted[cycle[0]][cycle[1]]
            self._add_worker(cycle[0], Finding(keys, f"depends_on goes in a circle: {_drawn(cycle)}"))

    def _spec(self, name: str, table: WorkerTable, pane: PaneSize) -> WorkerSpec:
        return _spec_of(name, table, self._path.parent, pane)

    def _add_default(self, finding: Finding) -> None:
        self._add(("defaults", *finding.keys), DEFAULTS, dotted(finding.keys), finding)

    def _add_worker(self, name: str, finding: Finding) -> None:
        self._add(("workers", name, *finding.keys), name, dotted(finding.keys), finding)

    def _add(self, keys: Keys, worker: str | None, key: str, finding: Finding) -> None:
        self._faults[_Fault(keys, worker, key, finding.message)] = finding

    def _error(self) -> ConfigError:
        from supervisor.config.places import Places  # only now: a good file needs no second parser

        places, file = Places(self._text), printable(self._shown_path)
        lines = {fault: places.line(fault.keys) for fault in self._faults}
        first = nsmallest(MOST_PROBLEMS, lines, key=lambda fault: (lines[fault] or 0, fault.key, fault.message))
        problems = [
            Problem(file, lines[fault], fault.worker, fault.key or None, self._faults[fault].said()) for fault in first
        ]
        return ConfigError(tuple(problems), len(lines) - len(problems))


def define(name: str, raw: Mapping[str, Any], pane: PaneSize) -> WorkerSpec:
    """Return the spec of a worker that is in no file, from a table like a file's; `cwd` has to be absolute.

    Other paths are relative to that.

    Raises ConfigError, whose problems have neither file nor line.
    """
    table, found = _validated(WorkerTable, dict(raw))
    messages = [finding.said() for finding in (*found[:MOST_PROBLEMS], *_size_findings(dict(raw), {}))]
    if fault := _name_fault(name):
        messages.append(f"{shown(name)} {fault}")
    if not os.path.isabs(str(raw.get("cwd", ""))):
        messages.append("cwd must be an absolute path")
    of_file = ("depends_on", "env_file", "replicas")
    messages += [f"{key} is for workers of the file" for key in of_file if raw.get(key) not in (None, [], {})]
    if table is None or messages:
        more = len(found[MOST_PROBLEMS:])
        raise ConfigError(tuple(Problem("run", None, name, None, message) for message in messages), more)
    return _spec_of(name, table, Path(table.cwd), pane)


def _spec_of(name: str, table: WorkerTable, folder: Path, pane: PaneSize) -> WorkerSpec:
    return WorkerSpec(
        name=name,
        command=table.command if isinstance(table.command, str) else tuple(table.command),
        cwd=os.path.normpath(folder / table.cwd),
        env=tuple(table.env.items()),
        project=table.project,
        labels=tuple(table.labels.items()),
        protected=table.protected,
        restart=Restart(table.restart),
        ok_exit_codes=tuple(table.ok_exit_codes),
        backoff=Backoff.from_json(table.backoff.model_dump()),
        max_restarts=table.max_restarts,
        healthy_after=table.healthy_after,
        depends_on=tuple((other, Condition(on)) for other, on in table.depends_on.items()),
        ready=Ready.from_json(_check_of(table.ready, folder)),
        live=replace(Live.from_json(_check_of(table.live, folder)), do=Do(table.live.do)),
        stop=tuple(table.stop),
        cleanup_after=table.cleanup_after,
        log=LogLimits(**table.log.model_dump()),
        pane=pane,
        stall=_stall(table.stall),
        limits=_limits(table.limits),
        on_exit=tuple(ExitRule.from_json(rule.model_dump()) for rule in table.on_exit),
        max_restarts_in=Window(**table.max_restarts_in.model_dump()) if table.max_restarts_in else None,
        retry=table.retry,
    )


def _stall(table: StallTable) -> Stall:
    rungs = (
        Rung(
            do=rung.do,
            wait=rung.wait if rung.wait is not None else RUNG_WAIT if number else 0.0,
            text=rung.text,
            keys=tuple(rung.keys),
        )
        for number, rung in enumerate(table.ladder)
    )
    return Stall(after=table.after, by=table.by, ladder=tuple(rungs))


def _limits(table: LimitsTable) -> Limits:
    def limit(given: LimitGiven | None) -> Limit | None:
        return Limit(given.value, given.do or table.do) if given else None

    return Limits(
        memory=limit(table.memory),
        cpu=limit(table.cpu),
        cpu_samples=table.cpu_samples,
        processes=limit(table.processes),
        age=limit(table.age),
    )


def _check_of(table: CheckTable, folder: Path) -> _Raw:
    values = table.model_dump()
    return values | {"unix": os.path.normpath(folder / table.unix) if table.unix is not None else None}


def _validated(model: type[_T], raw: _Raw) -> tuple[_T | None, list[Finding]]:
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        return None, list(findings(error, model))


def _settings(table: SupervisorTable, path: Path) -> SupervisorSettings:
    state_dir = below(path, table.state_dir) if table.state_dir else default_state_dir(path)
    log_file = below(path, table.log.file) if table.log.file else state_dir / SERVICE_LOG
    plain = table.model_dump(exclude={"state_dir", "pane", "log"})
    return SupervisorSettings(
        state_dir=state_dir,
        pane=PaneSize(**table.pane.model_dump()),
        log=ServiceLogSettings(file=log_file, **table.log.model_dump(exclude={"file"})),
        **plain,
    )


# defaults


def _inheritable(defaults: _Raw) -> _Raw:
    return {key: value for key, value in defaults.items() if key not in ("command", "depends_on")}


def _merged(defaults: _Raw, own: _Raw) -> _Raw:
    """Return the worker's table over the defaults; tables are merged key by key, a kind of probe replaces another."""
    tables = {key: _over(_table_or_empty(defaults.get(key)), own[key]) for key in _MERGED if type(own.get(key)) is dict}
    for key in ("ready", "live"):
        if key in tables and not own[key].keys().isdisjoint(KINDS):
            tables[key] = {k: v for k, v in tables[key].items() if k not in KINDS or k in own[key]}
    return {**defaults, **own, **tables}


def _over(defaults: _Raw, own: _Raw) -> _Raw:
    return {**defaults, **own}


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


def _name_fault(name: str) -> str | None:
    if not re.fullmatch(NAME_PATTERN, name):
        return "is no name for a worker (1 to 64 letters, digits, _ and -)"
    if name.startswith("_panevisor"):
        return "names that begin with _panevisor are kept for the service itself (choose another)"
    return None


def _size_findings(merged: _Raw, by_files: dict[str, str]) -> Iterator[Finding]:
    """Say when arguments and environment are too much, at the largest of them; what is no text is judged elsewhere."""
    command, own = merged.get("command"), _table_or_empty(merged.get("env"))
    env = by_files | own
    arguments = _bytes_of(command if isinstance(command, list) else [command])
    total = arguments + _bytes_of([*env, *env.values()])
    if total > _MOST_ARGUMENTS:
        by_env = _bytes_of([*own, *own.values()])
        key = "command" if arguments * 2 >= total else "env" if by_env * 2 >= total - arguments else "env_file"
        what = f"command and environment together are longer than {_MOST_ARGUMENTS:,} bytes (put the bulk in a file)"
        yield Finding((key,), what, mismatch=True)


def _bytes_of(texts: list[Any]) -> int:
    return sum(len(text.encode()) + 1 for text in texts if isinstance(text, str))


def _dependencies(table: _Raw) -> dict[str, Keys]:
    """Return the names that a worker waits for, each with its place, whatever else is wrong with the table."""
    written = table.get("depends_on")
    names = enumerate(written) if isinstance(written, list) else ((name, name) for name in _table_or_empty(written))
    return {name: ("depends_on", at) for at, name in names if isinstance(name, str)}


def _dependency_faults(wanted: dict[str, dict[str, Keys]]) -> Iterator[tuple[str, Finding]]:
    """Give, by worker, what it waits for in vain: a worker that is not there, or itself."""
    names = tuple(wanted)
    for name, dependencies in wanted.items():
        for other, keys in dependencies.items():
            if other not in wanted:
                what = f"depends_on names {shown(other)}, and no worker is called that"
                yield name, Finding(keys, what, meant=(other, names))
            elif other == name:
                yield name, Finding(keys, "depends_on names the worker itself, which would never start")


def _cycles(edges: dict[str, list[str]]) -> Iterator[list[str]]:
    """Give cycles that share no worker, each from its first worker on: enough to see what to cut.

    A depth-first walk without recursion: there may be thousands in a row. It looks at each edge once.
    """
    order = {name: number for number, name in enumerate(edges)}
    seen: set[str] = set()
    for root in edges:
        trail = {root: iter(edges[root])} if root not in seen else {}
        depth, told = {root: 0}, [-1]  # of the workers on the trail: how deep they stand, and which depths were told
        while trail:
            seen.add(here := next(reversed(trail)))
            other = next(trail[here], None)
            if other is None:
                del trail[here]
                told = told if told[-1] < len(trail) else told[:-1]
            elif other not in seen:
                depth[other] = len(trail)
                trail[other] = iter(edges[other])
            elif other in trail and told[-1] < depth[other]:
                cycle = list(islice(reversed(trail), len(trail) - depth[other]))[::-1]
                told += range(depth[other], len(trail))
                yield _rotated(cycle, first=min(cycle, key=order.__getitem__))


def _rotated(cycle: list[str], first: str) -> list[str]:
    start = cycle.index(first)
    return cycle[start:] + cycle[:start]


def _drawn(cycle: list[str]) -> str:
    names = [*cycle, cycle[0]]
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 2], "…", names[-1]]
    return " → ".join(names)
