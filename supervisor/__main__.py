"""`panevisor` and `python -m supervisor`: the command line."""

import gc
import os
import sys
from importlib.util import find_spec
from types import ModuleType

from supervisor import signals


def main() -> None:
    _name_files_in_utf8()
    gc.disable()  # what is imported stays: looks through it for garbage take a tenth of the time
    serves = signals.is_service(sys.argv[1:])
    if serves:
        signals.catch_early()
        _leave_out()
    _without_plugins()
    from supervisor.command_line import main as run  # only now: the imports take a while

    if not serves:  # the service imports more, and collects from when it has read its records
        gc.freeze()
        gc.enable()
    run()


def _name_files_in_utf8() -> None:
    """Begin again in Python's UTF-8 mode where the locale has another encoding: ASCII, Latin-1.

    Config files and tmux are UTF-8, and a service that cannot name a folder of its workers cannot look at it.
    """
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _without_plugins() -> None:
    """Let pydantic, which `web` loads, look for no plugins: none takes part in what we read.

    The look reads what every installed package says of itself, and imports what can read that (15 ms, 3 MB).
    """
    none = ModuleType("pydantic.plugin._loader")
    none.get_plugins = tuple  # type: ignore[attr-defined]
    sys.modules[none.__name__] = none


def _leave_out() -> None:
    """Let the service load none of what others would load for it, and what it never calls.

    structlog would load rich to show tracebacks (3.4 MB), and greenlet where it is installed (1.1 MB); asyncio ssl, and
    hashlib OpenSSL's hashes (4.7 MB together); shutil what packs archives (0.3 MB).
    A Python that was built without hashes of its own keeps those of OpenSSL.
    """
    names = ["rich", "greenlet", "ssl", "bz2", "lzma"]
    if find_spec("_sha2") or (find_spec("_sha256") and find_spec("_sha512")):
        names.append("_hashlib")
    for name in names:
        sys.modules[name] = None  # type: ignore[assignment]


if __name__ == "__main__":
    main()
