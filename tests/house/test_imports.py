"""Who may import whom: `supervisor → actors`, never back, and `actors` touches neither tmux, processes nor sockets."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import ROOT

ACTORS = sorted((ROOT / "actors").rglob("*.py"))
SUPERVISOR = sorted((ROOT / "supervisor").rglob("*.py"))

# what the pure core and the actors stand on, beside our own
ALLOWED = ({"actors", "immutables", "pykka"} | sys.stdlib_module_names) - {"socket", "subprocess"}
PURE = {"beats", "values", "life", "rules", "crowd"}
IMPURE = {"pykka", "threading", "time", "queue", "asyncio", "logging", "signal", "selectors", "socket"}

# PyPI's `supervisor` (supervisord) installs the same package name; same-named modules would overwrite each other
SUPERVISORD = {
    *("childutils", "compat", "confecho", "datatypes", "dispatchers", "events", "http", "http_client", "loggers"),
    *("options", "pidproxy", "poller", "process", "rpcinterface", "socket_manager", "states", "supervisorctl"),
    *("supervisord", "templating", "web", "xmlrpc"),
}


def imported(path: Path) -> Iterator[str]:
    """Yield the top-level name of each import anywhere in the file, those in functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield path.parent.name if node.level else (node.module or "").partition(".")[0]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_look_at() -> None:
    assert {"machine.py", "worker.py"} <= {path.name for path in ACTORS}
    assert {"service.py", "build.py"} <= {path.name for path in SUPERVISOR}


def test_actors_import_no_adapter_and_nothing_of_the_service() -> None:
    assert {relative(path): found for path in ACTORS if (found := set(imported(path)) - ALLOWED)} == {}


def test_the_pure_core_knows_no_clock_no_thread_and_no_actor() -> None:
    pure = [path for path in ACTORS if PURE & {path.stem, path.parent.name}]
    assert {relative(path): found for path in pure if (found := IMPURE & set(imported(path)))} == {}


def test_nothing_is_imported_by_a_computed_name() -> None:
    computed = ("__import__", "importlib")
    assert [relative(path) for path in ACTORS if any(word in path.read_text() for word in computed)] == []


def test_no_module_bears_a_name_of_supervisord() -> None:
    assert SUPERVISORD & {path.stem for path in SUPERVISOR if path.parent.name == "supervisor"} == set()


def test_imports_run_as_the_contracts_in_setup_cfg_say() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", ["actors", "supervisor"])
def test_packages_hold_nothing_but_their_docstring(package: str) -> None:
    body = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")).body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert ast.get_docstring(ast.Module(body, [])) is not None
