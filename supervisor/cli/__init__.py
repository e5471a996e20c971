"""`panevisor`: the click tree. Each verb is one function that imports what it needs, and returns an exit code."""

from supervisor.cli.options import NAME, Given, panevisor

__all__ = ["NAME", "Given", "panevisor"]
