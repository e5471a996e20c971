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
import supervisor.service
EXTRAS = {"starlette", "uvicorn", "prometheus_client", "textual"}
print(*(({"rich.console", "_ssl", "_hashlib"} | EXTRAS) & {name for name, module in sys.modules.items() if module}))
"""


@pytest.mark.parametrize(("verb", "collects"), [("serve", "False"), ("status", "True")])
def test_the_service_loads_neither_rich_nor_openssl_and_collects_no_garbage_meanwhile(verb: str, collects: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN, verb, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    said, loaded = done.stdout.splitlines()[-2:]
    assert said == collects
    assert loaded == "" or verb != "serve"
