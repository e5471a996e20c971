"""`panevisor` and `python -m supervisor`: the command line."""

import sys

from supervisor import signals


def main() -> None:
    if signals.is_service(sys.argv[1:]):
        signals.catch_early()
    from supervisor.command_line import main as run  # only now: the imports take a while

    run()


if __name__ == "__main__":
    main()
