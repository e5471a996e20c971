"""What a start gets beside its spec: the values of its secret files, and of the lines that its env_command prints.

    Start ──read──▶ a thread of its own ──▶ env_command, then secret_files ──SecretsRead──▶ the Terminal

They are read at each start and kept nowhere. A problem names the key, the file, or the line, and never shows a value.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from actors.ports import SecretsRead
from actors.values.effects import Start
from actors.values.spec import WorkerSpec
from supervisor.children.limited import Children
from supervisor.config.env_files import MOST_BYTES, Unusable, content_at, open_to_all, variables_in
from supervisor.config.load import MOST_ARGUMENTS, bytes_of
from supervisor.text.words import shown
from supervisor.tmux.surroundings import account_of

UNKEPT = "; what it prints is not kept: run it by hand to see why"


class SecretReader:
    """`actors.ports.Secrets`. A command or a disk that hangs holds up its own start alone."""

    def __init__(self, nofile: int) -> None:
        self._children = Children(nofile)
        self._told: set[str] = set()  # the files that others may read

    def read(self, start: Start, tell: Callable[[SecretsRead], None]) -> None:
        try:
            threading.Thread(target=self._run, args=(start, tell), name="secrets", daemon=True).start()
        except RuntimeError as problem:
            tell(SecretsRead(start.life, problem=f"its secrets cannot be read: {problem}"))

    def call_off(self, life: str) -> None:
        self._children.kill(life)

    def close(self) -> None:
        """Kill the commands that still run, and start none any more."""
        self._children.close()

    def _run(self, start: Start, tell: Callable[[SecretsRead], None]) -> None:
        try:
            tell(self._read(start))
        except Exception as error:  # its text may hold a value
            tell(SecretsRead(start.life, problem=f"its secrets cannot be read: {type(error).__name__}"))

    def _read(self, start: Start) -> SecretsRead:
        spec = start.spec
        found = tuple(path for path in open_to_all(spec) if path not in self._told)
        self._told |= set(found)
        try:
            variables = self._printed(spec, start.life) | {key: _value_in(key, path) for key, path in spec.secret_files}
        except Unusable as wrong:
            return SecretsRead(start.life, problem=str(wrong), open=found)
        texts = [*spec.argv, *(text for pair in (dict(spec.env) | variables).items() for text in pair)]
        if bytes_of(texts) > MOST_ARGUMENTS:
            what = f"command, environment and secrets together are longer than {MOST_ARGUMENTS:,} bytes"
            return SecretsRead(start.life, problem=what, open=found)
        return SecretsRead(start.life, tuple(variables.items()), open=found)

    def _printed(self, spec: WorkerSpec, life: str) -> dict[str, str]:
        if not spec.env_command:
            return {}
        try:
            account = account_of(spec)
        except LookupError as unknown:
            raise Unusable(str(unknown.args[0])) from None
        ended = self._children.run(
            spec.env_command,
            cwd=spec.cwd,
            timeout=spec.env_command_timeout,
            more=dict(account.environment if account else ()) | dict(spec.env),
            output=MOST_BYTES,
            account=account,
            of=life,
        )
        if ended.problem:
            hint = UNKEPT if ended.code is not None and "cannot be started" not in ended.problem else ""
            raise Unusable(f"env_command {ended.problem}{hint}")
        try:
            return variables_in(ended.output)
        except Unusable as wrong:
            raise Unusable(f"env_command has printed text {wrong}") from None


def _value_in(key: str, path: str) -> str:
    """Return the value in a secret file, without its last line end; raises Unusable."""
    names = f"secret_files.{key} names {shown(path)}, "
    try:
        content = content_at(Path(path))
    except Unusable as wrong:
        raise Unusable(f"{names}{wrong}") from None
    content = content.removesuffix(b"\n").removesuffix(b"\r")
    if not content:
        raise Unusable(f"{names}which is empty")
    if b"\0" in content:
        raise Unusable(f"{names}which has a NUL character in it")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Unusable(f"{names}which is not UTF-8") from None
