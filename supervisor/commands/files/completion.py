"""`panevisor completion install`: the script where the user's shell reads it, and a line in the shell's own file."""

import os
from pathlib import Path

from supervisor.kernel.files import replace_file
from supervisor.wire.errors import CommandError

SHELLS = ("bash", "zsh", "fish")


def install(shell: str | None, scripts: dict[str, str]) -> int:
    """Write the script of this shell, or of $SHELL; say what was done and how to undo it. Again does no more."""
    shell = shell or os.path.basename(os.environ.get("SHELL", ""))
    if shell not in SHELLS:
        raise CommandError("usage", "name the shell: panevisor completion install bash, zsh or fish")
    home = Path.home()
    if shell == "fish":
        config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        _write(config / "fish/completions/panevisor.fish", scripts[shell])
    else:
        rc = home / ".bashrc" if shell == "bash" else Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        path = Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share") / f"panevisor/completion.{shell}"
        _write(path, scripts[shell])
        _add(rc, f'source "{path}"  # completion of panevisor')
    print(f"A new {shell} completes panevisor.")
    return 0


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode(), sync=False)
    print(f"wrote {path}  (to undo: rm {path})")


def _add(rc: Path, line: str) -> None:
    text = rc.read_text() if rc.exists() else ""
    if line in text.splitlines():
        print(f"{rc} has the line that reads it")
        return
    with rc.open("a") as file:
        file.write(f"{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n")
    print(f"added to {rc}: {line}  (to undo: delete that line)")
