"""PyPI's `supervisor` (supervisord) installs a package of the same name: is it here beside us?

Both work side by side, as no module of ours bears a name of theirs and `__init__.py` holds only a docstring. But that
one file is both packages': pip deletes it with whichever is uninstalled first. What is left of the other goes on as a
namespace package, until another `supervisor` anywhere on sys.path takes the name.
"""

import sys
from pathlib import Path

import supervisor

THEIRS = "supervisor-*-info"  # what pip or Debian notes of the distribution; ours is called panevisor
MEND = (
    "give panevisor a virtual environment of its own; once one of the two was uninstalled or upgraded here: "
    "`pip install --force-reinstall --no-deps` the one that stays"
)


def clash() -> str | None:
    """Return what is to be said of PyPI's `supervisor` in this environment, None when it is not here."""
    return in_words(_their_version(), supervisor.__file__)


def in_words(their_version: str | None, our_init: str | None) -> str | None:
    """Say it for this version of theirs (None: not installed) and this `supervisor/__init__.py` (None: deleted)."""
    if their_version is not None:
        return (
            f"PyPI's supervisor {their_version} (supervisord) is installed in the same environment under the same "
            "import name: both work, but uninstalling one deletes the supervisor/__init__.py of the other"
        )
    if our_init is None:
        return "supervisor/__init__.py is missing (PyPI's supervisor was uninstalled?): another package takes the name"
    return None


def _their_version() -> str | None:
    """Return the version that stands in the name of what notes it: the service loads no importlib.metadata (1.8 MB)."""
    noted = (found.name for folder in sys.path for found in Path(folder).glob(THEIRS))
    return next((name.split("-")[1].removesuffix(".dist").removesuffix(".egg") for name in noted), None)
