"""`panevisor` and `python -m supervisor`: the command line."""

from supervisor.cli import main

if __name__ == "__main__":
    main()
