"""`panevisor` and `python -m supervisor`: the command line."""

import gc
import sys

from supervisor import signals


def main() -> None:
    gc.disable()  # what is imported stays: a look through it for garbage takes a tenth of the time
    serves = signals.is_service(sys.argv[1:])
    if serves:
        signals.catch_early()
        sys.modules["rich"] = None  # type: ignore[assignment]  # structlog would load it, 3.4 MB, to show tracebacks
    from supervisor.command_line import main as run  # only now: the imports take a while

    if not serves:  # the service imports more, and collects from when it has read its records
        gc.enable()
    run()


if __name__ == "__main__":
    main()
