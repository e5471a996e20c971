"""What the service does not load, and when it looks for garbage."""

import subprocess
import sys

import pytest
from kit import ROOT

# what `main` does before a verb runs; then all that the service imports
BEGIN = """
import gc, sys
from supervisor.__main__ import main
try:
    main()
except SystemExit:
    pass
print(gc.isenabled())
import supervisor.commands.service.conflicts, supervisor.commands.workers.panes, supervisor.doctor.namesake
import supervisor.service
from pathlib import Path
from actors.values.records import Record
from supervisor.config.load import load_text
from supervisor.text.values import rebuilt
config = load_text(b"workers.web.command = 'sleep 9'", Path("/tmp/panevisor.toml"))
rebuilt(Record, {"spec": config.workers[0].to_json()})
NEEDLESS = {"pydantic", "rich.console", "_ssl", "_hashlib", "importlib.metadata", "email", "greenlet", "re2"}
EXTRAS = {"starlette", "uvicorn", "prometheus_client", "textual"}
print(*((NEEDLESS | EXTRAS) & {name for name, module in sys.modules.items() if module}))
"""


@pytest.mark.parametrize(("verb", "collects"), [("serve", "False"), ("status", "True")])
def test_the_service_loads_nothing_needless_and_collects_no_garbage_meanwhile(verb: str, collects: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN, verb, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said, loaded = done.stdout.splitlines()[-2:]
    assert said == collects
    assert loaded == "" or verb != "serve"


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        (
            "supervisor.commands.views.status",
            {"pydantic_core", "actors.life", "actors.values.spec", "supervisor.text.tables"},
        ),
        ("supervisor.commands.views.logs", {"pydantic_core", "actors.life.machine"}),
        ("supervisor.commands.views.why", {"pydantic_core", "actors.life"}),
        ("supervisor.commands.workers.orders", {"pydantic_core", "actors.life.machine"}),
        ("supervisor.commands.files.check", {"actors.ports", "actors.life.machine"}),
        ("supervisor.cli", {"supervisor.cli.views", "supervisor.cli.workers"}),
    ],
)
def test_a_command_begins_without_what_only_others_need(module: str, spared: set[str]) -> None:
    asked = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert spared & set(loaded.split()) == set()
