"""How this program is called; and can another one be executed? What it lacks is told in words, before it is tried."""

import errno
import functools
import os
import shlex
import shutil
import sys
from pathlib import Path

NAME = "panevisor"
INSTALL = "install tmux 3.2 or newer (on Debian: apt install tmux)"
NOT_INSTALLED = f"tmux is not installed: {INSTALL}"
_MISSING = {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG}
_ELF = b"\x7fELF"
_X86_64, _I386 = b"\x3e\x00", b"\x03\x00"
_BINFMT = Path("/proc/sys/fs/binfmt_misc")


def own_command(*words: str) -> str:
    """Return a command of this program that can be pasted: by its name where PATH finds it, else as it was typed."""
    typed = sys.argv[0]
    found = shutil.which(NAME)
    known = found is not None and os.path.exists(typed) and os.path.samefile(found, typed)
    return shlex.join([NAME if known or os.path.basename(typed) != NAME else typed, *words])


def is_known(path: str) -> bool:
    """Whether the kernel can say now if the path is there; not while its disk does not answer, or memory is short."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno in _MISSING
    return True


def cannot_execute(program: str, *, cwd: str, path: str) -> str | None:
    """Return why the program can't be executed in `cwd` with this PATH, or None."""
    if "/" in program:
        program = os.path.join(cwd, program)
    if found := shutil.which(program, path=path):
        return _unloadable(found)
    places = [program] if "/" in program else [os.path.join(folder, program) for folder in path.split(os.pathsep)]
    if not all(map(is_known, places)):
        return None  # it is left to the kernel, and tried again after a crash
    if "/" not in program:
        return f"program not found: {program} (in none of the {len(path.split(os.pathsep))} folders of PATH)"
    if os.path.isdir(program):
        return f"program is a folder: {program}"
    return f"program may not be executed: {program}" if os.path.exists(program) else f"program not found: {program}"


def _unloadable(path: str) -> str | None:
    """Return why the kernel would refuse to execute the file, or None; what can't be read is left to the kernel."""
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(256)
    except OSError:
        return None
    if head.startswith(b"#!"):
        return _without_interpreter(path, head)
    if head.startswith(_ELF) and not _runs_here(head[18:20]):
        return f"program is for another kind of machine (ELF machine {head[18:20].hex()}): {path}"
    return None


def _runs_here(wanted: bytes) -> bool:
    ours = _machine()
    return wanted == ours or (ours, wanted) == (_X86_64, _I386) or _emulates()


def _emulates() -> bool:
    return any(entry.name not in ("register", "status") for entry in _BINFMT.glob("*"))


def _without_interpreter(path: str, head: bytes) -> str | None:
    line = head[2:].split(b"\n", 1)[0]
    if line.endswith(b"\r"):
        return f"the script has the line ends of Windows (CRLF; write it with LF): {path}"
    words = os.fsdecode(line).split()
    if words and os.path.isabs(words[0]) and not os.path.exists(words[0]):
        return f"interpreter not found: {words[0]} (first line of {path})"
    return None


@functools.cache
def _machine() -> bytes:
    with Path(sys.executable).open("rb") as file:
        return file.read(20)[18:20]
