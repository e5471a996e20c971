"""`panevisor` and `python -m supervisor`: the command line."""

import sys

from supervisor import early_signals


def main() -> None:
    if early_signals.is_service(sys.argv[1:]):
        early_signals.catch()
    from supervisor.command_line import main as run  # only now: the imports take a while

    run()


if __name__ == "__main__":
    main()
