"""What several verbs share: the group, what stands before a verb, and the options that select workers.

Nothing heavy is imported in this package at the top of a module: it would delay every command.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from actors.frozen import frozen
from supervisor.cli.verbs import Verbs
from supervisor.version import VERSION

if TYPE_CHECKING:
    from supervisor.state.place import Place
    from supervisor.wire.selection import Selection

NAME = "panevisor"
_IN_HOME = "~/.config/panevisor/panevisor.toml"
Command = Callable[..., Any]

# ── options that several verbs have ───────────────────────────────────────────────────────────────────────────────


@frozen
class Given:
    """What stood before the verb."""

    config: str | None
    socket: str | None
    state_dir: str | None = None

    @property
    def empty(self) -> bool:
        """Whether no service was named."""
        return not (self.config or self.socket or self.state_dir)

    def command(self) -> str:
        """Return how a next command is to begin, so that it can be copied."""
        from supervisor.kernel.programs import own_command

        options = [("-c", self.config), ("--state-dir", self.state_dir), ("--socket", self.socket)]
        return own_command(*(word for key, value in options if value for word in (key, value)))

    def place(self) -> "Place":
        """Return where the service of this config is found."""
        from supervisor.state.place import locate

        return locate(self.config, self.socket, self.state_dir)

    def own_place(self) -> "Place":
        """Return where a service of this config has to begin."""
        from supervisor.state.place import place_to_serve

        return place_to_serve(self.config, self.socket, self.state_dir)


def duration(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Read seconds, written "1m30s" or as a bare number; None where nothing is given."""
    from supervisor.text.quantities import seconds

    try:
        return None if value is None else seconds(f"{value}s" if value.replace(".", "", 1).isdigit() else value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def in_seconds(context: click.Context, parameter: click.Parameter, value: str) -> float:
    """Read seconds that a request may wait."""
    from supervisor.wire.frames import MAX_WAIT

    found = duration(context, parameter, value) or 0.0
    if found > MAX_WAIT:
        raise click.BadParameter(f"must be at most {MAX_WAIT / 3600:g}h, not {value!r}")
    return found


def timeout_of(default: str, told: str) -> Callable[[Command], Command]:
    return click.option("--timeout", default=default, show_default=True, callback=in_seconds, help=told)


with_timeout = timeout_of("60s", "Wait at most this long for the verdicts.")


def selecting(function: Command) -> Command:
    for option in (
        click.option("-p", "--project", help="Only workers of this project."),
        click.option("-l", "--label", "labels", multiple=True, metavar="LABEL=VALUE", help="Only workers with it."),
        click.argument("names", nargs=-1, metavar="[NAME]..."),
    ):
        function = option(function)
    return function


def meaning(function: Command) -> Command:
    """Add what selects workers to a verb that shows them: names, globs, families, -l, -p, --all."""
    return selecting(click.option("--all", "everyone", is_flag=True, help="All workers.")(function))


def chosen_of(options: dict[str, Any]) -> "Selection":
    """Take the options of `meaning` out of the others, and return the selection."""
    names, labels, project, everyone = (options.pop(key) for key in ("names", "labels", "project", "everyone"))
    return chosen(names, labels, project, everyone=everyone)


def ordering(function: Command) -> Command:
    for option in (
        click.option("--no-wait", is_flag=True, help="Do not wait for the verdicts."),
        with_timeout,
        click.option("--force", is_flag=True, help="Also those that are protected."),
        click.option("--all", "everyone", is_flag=True, help="All workers."),
        click.pass_obj,
    ):
        function = option(function)
    return selecting(function)


OUTPUT = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
LINES = click.Choice(["text", "json"])


def chosen(
    names: tuple[str, ...], labels: tuple[str, ...], project: str | None, *, everyone: bool = False
) -> "Selection":
    from supervisor.wire.selection import Selection, parse_label

    pairs = tuple(parse_label(label) for label in labels)
    return Selection(patterns=names, labels=pairs, project=project, all=everyone)


# ── the group ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(f"{NAME} {VERSION}")
        context.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c", "--config", metavar="FILE", help=f"The config; else $PANEVISOR_CONFIG, ./panevisor.toml, {_IN_HOME}."
)
@click.option("--state-dir", metavar="DIR", help="The service that lives there, whatever its config; `ps` lists all.")
@click.option("--socket", metavar="PATH", help="The service's socket; by default in its state directory.")
@click.option(
    *("-V", "--version"), is_flag=True, expose_value=False, is_eager=True, callback=_tell_version, help="The version."
)
@click.pass_context
def panevisor(context: click.Context, config: str | None, state_dir: str | None, socket: str | None) -> None:
    """Keep hundreds of long-running terminal programs alive, each in its own tmux pane."""
    context.obj = Given(config, socket, state_dir)
