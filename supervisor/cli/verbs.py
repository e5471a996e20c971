"""The group of verbs: other names of some of them, and what a word that is none was probably meant as."""

from collections.abc import MutableMapping, Sequence
from importlib import import_module
from typing import Any

import click

MODULES = ("service", "views", "workers", "files", "surfaces", "web")
"""Of verbs: first the service's, as it keeps what it has loaded (0.4 MB), then those that are asked most."""
ALIASES = {"ls": "status", "list": "status"}

_MEANT = {
    "kill": "stop NAME --kill` ends a worker at once, `panevisor signal NAME KILL` sends a signal",
    "tail": "logs -f NAME` follows what a worker prints",
    "log": "logs NAME` prints what a worker printed, `panevisor events` what happened",
    "reload": "apply` applies the file, `panevisor signal NAME HUP` has a program read its own",
    "update": "apply` applies the file",
    "add": "run --name NAME -- CMD…` starts a worker that is in no file, `panevisor apply` those of the file",
    "delete": "remove NAME` stops a worker and forgets it",
    "rm": "remove NAME` stops a worker and forgets it",
    "exec": "run --name NAME -- CMD…` starts a worker, `panevisor attach NAME` leads to its terminal",
    "shutdown": "down` stops the workers, then the service",
    "quit": "down` stops the workers, then the service",
}
"""By the word of another tool: the rest of a sentence that begins with `panevisor …`."""


class Verbs(click.Group):
    """The verbs. Their modules are imported one after the other until the one that was asked for is there."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = ALIASES.get(cmd_name, cmd_name)
        for module in MODULES:
            if verb in self.commands:
                break
            import_module(f"supervisor.cli.{module}")
        return super().get_command(ctx, verb)

    def every(self) -> MutableMapping[str, click.Command]:
        """Return all verbs by their names."""
        for module in MODULES:
            import_module(f"supervisor.cli.{module}")
        return self.commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.every())

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        word = args[0]
        if not word.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, word) is None:
            raise click.UsageError(f"No such command '{word}'{_hint(word, self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text(f"{' and '.join(ALIASES)} mean status.")


def _hint(word: str, verbs: Sequence[str]) -> str:
    from supervisor.text.words import nearest  # only now: rapidfuzz takes a while

    meant = _MEANT.get(word)
    return f": `panevisor {meant}" if meant else nearest(word, [*verbs, *ALIASES])
