"""`panevisor top`: the dashboard in a terminal, a process of its own at the service's socket.

    link ──picture, activity, screen──▶ Desk ─┐
    logs ──lines of the selected worker───────┤
    keys ─────────────────────────────────────┴──▶ View (pure) ──frame──▶ lines ──app──▶ terminal
                                                     └── Order ──▶ service, `panevisor attach`

`table`, `paper`, `view` and `frame` decide what is seen, and are pure. `link`, `asking`, `logs` and `desk` carry. The
service knows nothing of it. Only `app` loads Textual.
"""

import os
import sys

from supervisor.state.place import Place
from supervisor.wire.client import Client
from supervisor.wire.errors import CommandError


def run(place: Place, command: str) -> int:
    """Show the dashboard until it is left; raises CommandError where it can't be shown, NoService where no one answers.

    `command`: how a command for this service begins, to be shown with each key.
    """
    streams = (sys.stdin, sys.stdout, sys.stderr)  # Textual draws on stderr
    if not all(stream.isatty() for stream in streams) or os.environ.get("TERM") == "dumb":
        raise CommandError("usage", "top needs a terminal; `panevisor status --watch` prints to whatever there is")
    Client.connect(place.socket).close()
    try:
        from supervisor.top.app import Top
    except ImportError:
        want = f"{sys.executable} -m pip install 'panevisor[top]'"
        said = f"top needs Textual (the extra `top`): {want}; `panevisor status --watch` goes without"
        raise CommandError("failed", said) from None
    app = Top(place, command)
    app.run(mouse=False)
    return app.return_code or 0
