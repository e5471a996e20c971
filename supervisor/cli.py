"""`panevisor`: the verbs and their options. Each verb is one function that imports what it needs.

Each returns an exit code. Nothing heavy is imported up here: it would delay every command.
"""

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from supervisor.state.lock import Lock
    from supervisor.state.place import Place
    from supervisor.wire.selection import Selection

NAME = "panevisor"
_IN_HOME = "~/.config/panevisor/panevisor.toml"
Command = Callable[..., Any]


# ── options that several verbs have ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Given:
    """What stood before the verb."""

    config: str | None
    socket: str | None

    def command(self) -> str:
        """Return how a next command is to begin, so that it can be copied."""
        options = [("-c", self.config), ("--socket", self.socket)]
        return shlex.join([_program(), *(word for key, value in options if value for word in (key, value))])

    def place(self) -> "Place":
        """Return where the service of this config is found."""
        from supervisor.state.place import locate

        return locate(self.config, self.socket)

    def own_place(self) -> "Place":
        """Return where a service of this config has to begin."""
        from supervisor.state.place import place_to_serve

        return place_to_serve(self.config, self.socket)


def _program() -> str:
    """Return the word that runs this program from here: its name where PATH finds it, else the path that was typed."""
    typed = sys.argv[0]
    found = shutil.which(NAME)
    known = found is not None and os.path.exists(typed) and os.path.samefile(found, typed)
    return NAME if known or os.path.basename(typed) != NAME else typed


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    """Read seconds, written "1m30s" or as a bare number."""
    from supervisor.text.quantities import seconds
    from supervisor.wire.frames import MAX_WAIT

    try:
        found = seconds(f"{value}s" if value.replace(".", "", 1).isdigit() else value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if found > MAX_WAIT:
        raise click.BadParameter(f"must be at most {MAX_WAIT / 3600:g}h, not {value!r}")
    return found


def _timeout_of(default: str, told: str) -> Callable[[Command], Command]:
    return click.option("--timeout", default=default, show_default=True, callback=_seconds, help=told)


_timeout = _timeout_of("60s", "Wait at most this long for the verdicts.")


def _selecting(function: Command) -> Command:
    for option in (
        click.option("-p", "--project", help="Only workers of this project."),
        click.option("-l", "--label", "labels", multiple=True, metavar="LABEL=VALUE", help="Only workers with it."),
        click.argument("names", nargs=-1, metavar="[NAME]..."),
    ):
        function = option(function)
    return function


def _ordering(function: Command) -> Command:
    for option in (
        click.option("--no-wait", is_flag=True, help="Do not wait for the verdicts."),
        _timeout,
        click.option("--force", is_flag=True, help="Also those that are protected."),
        click.option("--all", "everyone", is_flag=True, help="All workers."),
        click.pass_obj,
    ):
        function = option(function)
    return _selecting(function)


_OUTPUT = click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
_LINES = click.Choice(["text", "json"])


def _selection(
    names: tuple[str, ...], labels: tuple[str, ...], project: str | None, *, everyone: bool = False
) -> "Selection":
    from supervisor.wire.selection import Selection, parse_label

    pairs = tuple(parse_label(label) for label in labels)
    return Selection(patterns=names, labels=pairs, project=project, all=everyone)


# ── the group ─────────────────────────────────────────────────────────────────────────────────────────────────────


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c", "--config", metavar="FILE", help=f"The config; else $PANEVISOR_CONFIG, ./panevisor.toml, {_IN_HOME}."
)
@click.option("--socket", metavar="PATH", help="The service's socket; by default in its state directory.")
@click.pass_context
def panevisor(context: click.Context, config: str | None, socket: str | None) -> None:
    """Keep hundreds of long-running terminal programs alive, each in its own tmux pane."""
    context.obj = Given(config, socket)


# ── the service ───────────────────────────────────────────────────────────────────────────────────────────────────


@panevisor.command()
@click.option("--force", is_flag=True, help="Even where workers of this file live in a directory that was moved.")
@click.pass_obj
def serve(given: Given, force: bool) -> int:
    """Run the service in the foreground (for systemd)."""
    from supervisor.commands.conflicts import hold_alone
    from supervisor.commands.panes import need_tmux
    from supervisor.doctor.namesake import clash

    place = given.own_place()
    os.environ.pop("PANEVISOR_WORKER", None)  # inherited from a worker: what we start is not that worker's
    lock = hold_alone(place, force=force)
    if said := clash():
        click.echo(f"panevisor: {said} (see `panevisor doctor`)", err=True)
    need_tmux()
    from supervisor.service import serve as run_service  # only with the lock: a second service is refused at once

    return run_service(place, lock)


@panevisor.command()
@_timeout
@click.option("--force", is_flag=True, help="Even if more than half of the running workers end, or live elsewhere.")
@click.pass_obj
def up(given: Given, timeout: float, force: bool) -> int:
    """Start the service if none runs, apply the config, wait for a verdict on each worker."""
    from supervisor.commands.up import up as bring_up

    return bring_up(given.place(), given.own_place(), timeout=timeout, force=force)


@panevisor.command()
@click.option("--keep-workers", is_flag=True, help="End the service only; the workers live on.")
@click.pass_obj
def down(given: Given, keep_workers: bool) -> int:
    """Stop the workers in reverse dependency order, then the service, then tmux."""
    from supervisor.commands.down import down as take_down

    return take_down(given.place(), keep_workers=keep_workers, end=_end_what_lives)


def _end_what_lives(place: "Place", lock: "Lock") -> int:
    from supervisor.service import end_what_lives  # 0.3 s, only where no service runs

    return end_what_lives(place, lock)


@panevisor.command(name="tmux-server")
@click.option("--wait", is_flag=True, help="Only wait until that tmux server listens.")
@_timeout_of("10s", "Wait at most this long for it to listen.")
@click.pass_obj
def tmux_server(given: Given, wait: bool, timeout: float) -> int:
    """Become this config's tmux server, in the foreground (for systemd)."""
    from supervisor.commands import tmux_server as tmux_unit

    place = given.own_place()
    return tmux_unit.wait(place, timeout) if wait else tmux_unit.become(place)


# ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@panevisor.command()
@_selecting
@_OUTPUT
@click.option("-w", "--watch", is_flag=True, help="Print again at each change, until Ctrl-C.")
@click.pass_obj
def status(
    given: Given, names: tuple[str, ...], labels: tuple[str, ...], project: str | None, output: str, watch: bool
) -> int:
    """Show the workers. With names: exit 3 if one of them is neither running nor completed."""
    from supervisor.commands.status import status as show_status

    selection = _selection(names, labels, project)
    return show_status(given.place(), selection, as_json=output == "json", watch=watch)


def _order(verb: str, told: str) -> None:
    """Add a verb that orders something of the selected workers."""

    @panevisor.command(verb, help=told)
    @_ordering
    def order(given: Given, **options: Any) -> int:
        from supervisor.commands.orders import order as give_order

        selection = _selection(options["names"], options["labels"], options["project"], everyone=options["everyone"])
        wait = 0.0 if options["no_wait"] else options["timeout"]
        kill = options.get("kill", False)
        return give_order(given.place(), verb, selection, force=options["force"], kill=kill, wait=wait)

    if verb != "start":
        order.params.append(click.Option(["--kill"], is_flag=True, help="Kill them at once, whatever their plan says."))


_order("start", "Start workers (globs, -l, -p, --all) and wait until they are ready.")
_order("stop", "Stop workers and wait until nothing of them is left; they stay stopped until started.")
_order("restart", "End workers and start them again, at once.")
_order("complete", "End workers and mark them done; their panes go after `cleanup_after`.")
_order("remove", "Stop workers and forget them, with their logs; those of the file come back when it is applied.")


@panevisor.command("run")
@click.option("--name", required=True, help="Its name; it must be free.")
@click.option("-p", "--project", help="Its project.")
@click.option("-l", "--label", "labels", multiple=True, metavar="LABEL=VALUE", help="A label of it.")
@click.option("--restart", type=click.Choice(["always", "on-failure", "never"]), help="When it is started again.")
@click.option(
    "-e",
    "--env",
    multiple=True,
    metavar="NAME",
    help="Pass on a variable of the caller. NAME=VALUE sets one that is no secret: `ps` shows the command line to all.",
)
@click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Set its lines of NAME=VALUE; -e wins.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any other key of a worker, as TOML.")
@_timeout
@click.option("--no-wait", is_flag=True, help="Do not wait for the verdict.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@click.pass_obj
def run_(given: Given, /, name: str, command: tuple[str, ...], timeout: float, no_wait: bool, **options: Any) -> int:
    """Start a worker that is in no file, here and with this PATH; it survives the service, and stays until removed."""
    from supervisor.commands.orders import run as run_by_hand

    return run_by_hand(given.place(), name, command, wait=0.0 if no_wait else timeout, **options)


@panevisor.command()
@click.argument("name")
@click.argument("replicas", type=click.IntRange(0, 4000), metavar="N")
@_timeout
@click.option("--no-wait", is_flag=True, help="Do not wait for the verdicts.")
@click.option("--force", is_flag=True, help="Also stop those that are protected.")
@click.pass_obj
def scale(given: Given, name: str, replicas: int, timeout: float, no_wait: bool, force: bool) -> int:
    """Set how many replicas NAME has, until the file changes that; the highest numbers go first."""
    from supervisor.commands.orders import scale as scale_family

    return scale_family(given.place(), name, replicas, force=force, wait=0.0 if no_wait else timeout)


@panevisor.command("signal")
@_selecting
@click.argument("number", metavar="SIGNAL")
@click.option("--tree", is_flag=True, help="To every process of the tree, not to the main process alone.")
@click.option("--all", "everyone", is_flag=True, help="All workers.")
@click.pass_obj
def send_signal(given: Given, /, **options: Any) -> int:
    """Send SIGNAL (HUP, USR1 …) to running workers; they go on."""
    from supervisor.commands.orders import send_signal as give_signal

    selection = _selection(options["names"], options["labels"], options["project"], everyone=options["everyone"])
    return give_signal(given.place(), selection, options["number"], tree=options["tree"])


@panevisor.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--] TEXT")
@click.option("--keys", is_flag=True, help="What follows are keys: C-c, Enter, Up …")
@click.option("--no-enter", is_flag=True, help="Type no Enter after the text.")
@click.option("--timeout", default="30s", show_default=True, callback=_seconds, help="Wait at most this long.")
@click.pass_obj
def send(given: Given, name: str, words: tuple[str, ...], keys: bool, no_enter: bool, timeout: float) -> int:
    """Type exactly TEXT and Enter into a worker's terminal, or keys; `-` reads the text from standard input."""
    from supervisor.commands.orders import send as send_input

    return send_input(given.place(), name, words, keys=keys, enter=not no_enter, wait=timeout)


@panevisor.command()
@click.argument("name")
@click.option("-r", "--read-only", is_flag=True, help="Look, but type nothing.")
@click.pass_obj
def attach(given: Given, name: str, read_only: bool) -> int:
    """Attach the terminal to a worker's pane; leaving (C-b d) never ends the worker."""
    from supervisor.commands import panes

    place = given.place()
    panes.attach(place, panes.pane_of(place, name), read_only=read_only)
    return 0


@panevisor.command()
@click.argument("name")
@click.option("--ansi", is_flag=True, help="Keep colours.")
@click.pass_obj
def screen(given: Given, name: str, ansi: bool) -> int:
    """Print what a worker's pane shows now."""
    from supervisor.commands import panes

    place = given.place()
    sys.stdout.buffer.write(panes.screen(place, panes.pane_of(place, name), ansi=ansi).encode())
    return 0


@panevisor.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), help="Only the last N lines (200 unless another limit is given)."
)
@click.option("--since", metavar="TIME", help='A duration back ("10m") or an ISO 8601 time.')
@click.option("--previous", is_flag=True, help="The life before the present one.")
@click.option("--raw", is_flag=True, help="The bytes as they were printed, escape sequences too.")
@click.pass_obj
def logs(
    given: Given, names: tuple[str, ...], follow: bool, lines: int | None, since: str | None, previous: bool, raw: bool
) -> int:
    """Print workers' logs; names stand in front where there are several."""
    from supervisor.commands.logs import Wanted, since_time
    from supervisor.commands.logs import logs as print_logs

    if lines is None and since is None and not previous:
        lines = 200
    begin = None if since is None else since_time(since, time.time())
    wanted = Wanted(lines=lines, since=begin, previous=previous, raw=raw)
    return print_logs(given.place(), names, wanted, keep_on=follow)


@panevisor.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("-n", "--count", type=click.IntRange(0, 100), default=20, show_default=True, help="The newest N.")
@click.option("-o", "--output", type=_LINES, default="text", show_default=True)
@click.pass_obj
def events(given: Given, follow: bool, count: int, output: str) -> int:
    """Print what has happened lately, oldest first."""
    from supervisor.commands.status import events as print_events

    return print_events(given.place(), count=count, follow=follow, as_json=output == "json")


@panevisor.command()
@click.argument("name")
@click.option("-o", "--output", type=_LINES, default="text", show_default=True)
@click.pass_obj
def why(given: Given, name: str, output: str) -> int:
    """Show what led to a worker's state, what happens next and when, and what you can do."""
    from supervisor.commands.why import why as tell_why

    return tell_why(given.place(), name, as_json=output == "json", command=given.command())


@panevisor.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-n", "--count", type=click.IntRange(1, 200), default=20, show_default=True, help="The newest N.")
@click.option("--full", is_flag=True, help="With the last lines of each (the default for one NAME with -n 1).")
@_OUTPUT
@click.pass_obj
def deaths(given: Given, names: tuple[str, ...], count: int, full: bool, output: str) -> int:
    """Show how workers have ended, and what was decided; newest first. Works without a service, too."""
    from supervisor.commands.deaths import deaths as show_deaths

    return show_deaths(given.place(), names, most=count, full=full, as_json=output == "json")


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@panevisor.command()
@_OUTPUT
@click.pass_obj
def plan(given: Given, output: str) -> int:
    """Show what applying the file would change; exit 10 if it would change something."""
    from supervisor.commands.plan import plan as show_plan

    return show_plan(given.place(), given.own_place(), as_json=output == "json")


@panevisor.command()
@_timeout
@click.option("--no-wait", is_flag=True, help="Do not wait for the verdicts.")
@click.option("--force", is_flag=True, help="Even if it stops or replaces more than half of the running workers.")
@click.pass_obj
def apply(given: Given, timeout: float, no_wait: bool, force: bool) -> int:
    """Apply the file to the running service: what `plan` says, and nothing else."""
    from supervisor.commands.plan import apply as apply_file

    return apply_file(given.place(), given.own_place(), force=force, wait=0.0 if no_wait else timeout)


@panevisor.command()
@click.argument("file", required=False)
@click.pass_obj
def check(given: Given, file: str | None) -> int:
    """Check a config: every problem with its line, else what each restart policy does, and warnings."""
    from supervisor.commands.check import check as check_file

    return check_file(file or given.config)


@panevisor.command()
def init() -> int:
    """Write a commented starter config to ./panevisor.toml."""
    from supervisor.commands.check import init as begin_file

    return begin_file()


@panevisor.command()
@_OUTPUT
@click.pass_obj
def doctor(given: Given, output: str) -> int:
    """Check tmux, limits, rights, disk, config and service, each with its remedy. Exit 1 if there is an error."""
    from supervisor.doctor.checks import doctor as examine

    return examine(given.place(), given.own_place(), json_wanted=output == "json")


@panevisor.command()
def version() -> int:
    """Print the version."""
    from importlib.metadata import version as installed

    click.echo(f"panevisor {installed('panevisor')}")
    return 0
