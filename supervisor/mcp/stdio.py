"""The stdio transport: one JSON-RPC message a line, on stdin and stdout; a thread for each call of a tool.

    stdin ──line──▶ handle ──▶ stdout       tools/call ──thread──▶ handle ──▶ stdout

The end of stdin ends the server, as SIGTERM does, and with it whatever still runs.
"""

import json
import signal
import sys
import threading
from typing import Any, BinaryIO

from supervisor.mcp.protocol import INVALID_REQUEST, PARSE_ERROR, Reply, Session, handle, is_call, refusal

LONGEST = 4 << 20  # bytes of a message
MOST_CALLS = 8  # at the same time


def serve(session: Session, given: BinaryIO, taken: BinaryIO) -> None:
    """Answer the messages of `given` on `taken`, until it ends or nobody reads."""
    writer = _Writer(taken)
    calls = threading.Semaphore(MOST_CALLS)
    try:
        while line := given.readline(LONGEST):
            if len(line) == LONGEST and not line.endswith(b"\n"):
                _skip(given)
                writer.write(refusal(None, INVALID_REQUEST, f"a message has at most {LONGEST:,} bytes"))
            elif line.strip():
                _take(line, session, writer, calls)
    except BrokenPipeError:
        pass
    finally:
        session.close()


class _Writer:
    def __init__(self, taken: BinaryIO) -> None:
        self._taken = taken
        self._lock = threading.Lock()

    def write(self, reply: Reply) -> None:
        line = json.dumps(reply, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._taken.write(line)
            self._taken.flush()


def _take(line: bytes, session: Session, writer: _Writer, calls: threading.Semaphore) -> None:
    try:
        message: Any = json.loads(line)
    except (ValueError, RecursionError):
        writer.write(refusal(None, PARSE_ERROR, "not JSON"))
        return
    if not is_call(message):
        if reply := handle(message, session):
            writer.write(reply)
    elif calls.acquire(blocking=False):
        threading.Thread(target=_run, args=(message, session, writer, calls), daemon=True).start()
    else:
        writer.write(refusal(message.get("id"), INVALID_REQUEST, f"at most {MOST_CALLS} calls at a time"))


def _run(message: object, session: Session, writer: _Writer, calls: threading.Semaphore) -> None:
    try:
        if reply := handle(message, session):
            writer.write(reply)
    except BrokenPipeError:
        pass  # nobody reads any more: the main thread hears of it by the end of stdin
    finally:
        calls.release()


def _skip(given: BinaryIO) -> None:
    """Read to the end of the line."""
    while (rest := given.readline(LONGEST)) and not rest.endswith(b"\n"):
        pass


def main(argv: list[str]) -> None:
    """Serve as the JSON in `argv` says: what `command.become` has found."""
    from pathlib import Path

    from supervisor.mcp.calls import Access

    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    found = json.loads(argv[1])
    access = Access(
        socket=Path(found["socket"]),
        words=tuple(found["words"]),
        operate=found["operate"],
        project=found["project"],
        by=found["by"],
    )
    serve(Session(access, found["version"]), sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv)
