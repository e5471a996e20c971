"""What a start gets from its secret files and its env_command, and what is said of wrong ones: never a value."""

from pathlib import Path
from queue import SimpleQueue

import pytest

from actors.ports import SecretsRead
from actors.values.effects import Start
from actors.values.spec import WorkerSpec
from supervisor.children.secrets import UNKEPT, SecretReader

CANARY = "canary-33"


def read(place: Path, **keys: object) -> SecretsRead:
    spec = WorkerSpec(name="api", command="x", cwd=str(place), **keys)  # type: ignore[arg-type]
    answers: SimpleQueue[SecretsRead] = SimpleQueue()
    reader = SecretReader(nofile=1024)
    reader.read(Start("l-1", spec, None), answers.put)
    found = answers.get(timeout=60)
    reader.close()
    assert CANARY not in f"{found!r} {found.problem}"
    return found


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"s3cret", "s3cret"), (b"s3cret\n", "s3cret"), (b" 'a' #b\r\n", " 'a' #b"), (b"a\nb\n\n", "a\nb\n")],
)
def test_a_file_is_its_value_without_the_last_line_end(place: Path, content: bytes, value: str) -> None:
    (place / "db").write_bytes(content)
    assert read(place, secret_files=(("DB", str(place / "db")),)).variables == (("DB", value),)


@pytest.mark.parametrize(
    ("content", "clause"),
    [
        (b"\n", "which is empty"),
        (f"{CANARY}\0".encode(), "which has a NUL character in it"),
        (f"{CANARY}é".encode("latin-1"), "which is not UTF-8"),
        (None, "which is no regular file"),
    ],
)
def test_a_wrong_file_is_named(place: Path, content: bytes | None, clause: str) -> None:
    file = place / "db"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    assert read(place, secret_files=(("DB", str(file)),)).problem == f'secret_files.DB names "{file}", {clause}'


def test_a_command_prints_lines_which_win_over_env_and_files_win_over_them(place: Path) -> None:
    (place / "db").write_text("file")
    command = """printf "A='a # b'\\nexport DB=command\\nE=$E\\n" """
    found = read(place, env_command=command, env=(("E", "of env"),), secret_files=(("DB", str(place / "db")),))
    assert dict(found.variables) == {"A": "a # b", "DB": "file", "E": "of env"}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (f"echo A={CANARY}; exit 2", f"env_command exited with code 2{UNKEPT}"),
        (f"echo A={CANARY}; sleep 1000", f"env_command has not ended within 0.5s{UNKEPT}"),
        (f"echo {CANARY}", "env_command has printed text whose line 1 is not NAME=value"),
        (f"echo TMUX={CANARY}", "env_command has printed text whose line 1 has a name that is never set in a worker"),
        (("no-such-program", CANARY), "env_command cannot be started: program not found: no-such-program"),
        (f"echo {CANARY} >&2; yes", "env_command has printed more than 1,000,000 bytes"),
        ("echo A=$(yes | head -c 200000)", "command, environment and secrets together are longer than 100,000 bytes"),
    ],
)
def test_what_a_command_does_wrong_is_said_without_what_it_prints(
    place: Path, command: tuple[str, ...] | str, problem: str
) -> None:
    assert str(read(place, env_command=command, env_command_timeout=0.5).problem).startswith(problem)
