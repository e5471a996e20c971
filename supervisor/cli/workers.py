"""The verbs that tell workers something, and those that lead to their panes."""

from typing import TYPE_CHECKING, Any

import click

from supervisor.cli.options import (
    Command,
    Given,
    chosen_of,
    duration,
    meaning,
    ordering,
    panevisor,
    timeout_of,
    with_timeout,
)

if TYPE_CHECKING:
    from pathlib import Path

    from supervisor.wire.selection import Selection


def _order(verb: str, told: str) -> None:
    """Add a verb that orders something of the selected workers."""

    @panevisor.command(verb, help=told)
    @ordering
    def order(given: Given, **options: Any) -> int:
        from supervisor.commands.workers.orders import order as give_order

        selection = chosen_of(options)
        wait = 0.0 if options["no_wait"] else options["timeout"]
        hurry = {key: True for key in ("kill", "now") if options.get(key)}
        return give_order(given.place(), verb, selection, force=options["force"], wait=wait, **hurry)

    if verb != "start":
        now = "Those that are stopping already go on with the next step of their plan."
        order.params.append(click.Option(["--now"], is_flag=True, help=now))
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
@click.option(
    "-E", "--env-all", is_flag=True, help="Pass on all variables, but for those of this terminal and functions."
)
@click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Set its lines of NAME=VALUE; -e wins.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any other key of a worker, as TOML.")
@with_timeout
@click.option("--no-wait", is_flag=True, help="Do not wait for the verdict.")
@click.option("--wait", "to_its_end", is_flag=True, help="Run it once, wait for its end and exit with its exit code.")
@click.option("--rm", "ephemeral", is_flag=True, help="Forget it when it has ended, whatever becomes of this command.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
@click.pass_obj
@click.pass_context
def run_(context: click.Context, given: Given, /, name: str, command: tuple[str, ...], **options: Any) -> int:
    """Start a worker that is in no file, here and with this PATH; it survives the service, and stays until removed."""
    from supervisor.commands.workers import run as by_hand

    to_its_end, no_wait, timeout = (options.pop(key) for key in ("to_its_end", "no_wait", "timeout"))
    if to_its_end:
        given_one = context.get_parameter_source("timeout") is not click.core.ParameterSource.DEFAULT
        return by_hand.run_to_its_end(given.place(), name, command, timeout=timeout if given_one else None, **options)
    return by_hand.run(given.place(), name, command, wait=0.0 if no_wait else timeout, **options)


@panevisor.command()
@meaning
@click.option(
    "--for",
    "goal",
    type=click.Choice(["ready", "completed", "ended"]),
    default="ended",
    show_default=True,
    help="The state: ready is running or completed, ended is completed, failed or stopped.",
)
@click.option("--timeout", callback=duration, help="Wait at most this long, then exit with 8; by default forever.")
@click.option("--exit-code", is_flag=True, help="Exit as the worker did: with its code, or 128 + n after signal n.")
@click.pass_obj
def wait(given: Given, /, **options: Any) -> int:
    """Wait for workers, without asking again and again; exit 3 when one can't come to that state any more."""
    from supervisor.commands.workers.wait import wait as wait_for_them

    return wait_for_them(given.place(), chosen_of(options), options.pop("goal"), **options)


@panevisor.command()
@click.argument("name")
@click.argument("replicas", type=click.IntRange(0, 4000), metavar="N")
@with_timeout
@click.option("--no-wait", is_flag=True, help="Do not wait for the verdicts.")
@click.option("--force", is_flag=True, help="Also stop those that are protected.")
@click.pass_obj
def scale(given: Given, name: str, replicas: int, timeout: float, no_wait: bool, force: bool) -> int:
    """Set how many replicas NAME has, until the file changes that; the highest numbers go first."""
    from supervisor.commands.workers.orders import scale as scale_family

    return scale_family(given.place(), name, replicas, force=force, wait=0.0 if no_wait else timeout)


@panevisor.command("signal")
@meaning
@click.argument("number", metavar="SIGNAL")
@click.option("--tree", is_flag=True, help="To every process of the tree, not to the main process alone.")
@click.pass_obj
def send_signal(given: Given, /, **options: Any) -> int:
    """Send SIGNAL (HUP, USR1 ...) to running workers; they go on."""
    from supervisor.commands.workers.orders import send_signal as give_signal

    selection = chosen_of(options)
    return give_signal(given.place(), selection, options["number"], tree=options["tree"])


@panevisor.command()
@meaning
@click.option("--cancel", is_flag=True, help="Type nothing and restart nothing then.")
@click.pass_obj
def release(given: Given, /, cancel: bool, **options: Any) -> int:
    """End the holds of workers before their time: they go on as their rule says; exit 3 when none is held."""
    from supervisor.commands.workers.orders import release as end_holds

    return end_holds(given.place(), chosen_of(options), cancel=cancel)


@panevisor.command()
@click.argument("word", type=click.Choice(["working", "waiting", "idle"]), required=False)
@click.argument("text", default="")
@click.option("--ttl", default="5m", show_default=True, callback=duration, help="How long this is true without news.")
@click.option("--cost", type=click.FloatRange(min=0), help="What this life has cost so far, in your currency.")
@click.option("--tokens", type=click.IntRange(min=0), help="How many tokens this life has used so far.")
@click.option("--session", metavar="ID", help="The session that this life is in, for `resume`.")
@click.option("--name", help="Which worker, where this runs outside of it.")
@click.pass_obj
def report(given: Given, /, word: str | None, text: str, name: str | None, **numbers: Any) -> int:
    """Say what this worker is at, from a hook within it: it works, idles, or waits for a person (TEXT: for what)."""
    from supervisor.commands.workers.report import report as tell_service

    return tell_service(word, text, name, place_of=given.place, meant=not given.empty, **numbers)


def _typing(function: Command) -> Command:
    """Add what `send` and `prompt` have in common."""
    for option in (
        timeout_of("30s", "Wait at most this long."),
        click.option("--force", is_flag=True, help="Also where a person is typing, or has left a draft."),
        click.option("--file", metavar="FILE", help="Take the text from this file; then all words are names."),
        click.option("--all", "everyone", is_flag=True, help="All workers."),
        click.option("-p", "--project", help="Only workers of this project."),
        click.option("-l", "--label", "labels", multiple=True, metavar="LABEL=VALUE", help="Only workers with it."),
        click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[NAME]... [--] TEXT"),
    ):
        function = option(function)
    return function


def _meant(options: dict[str, Any]) -> "tuple[Selection, str | Path]":
    """Take selection and text out of the options: the last word is the text, those before it are names."""
    from supervisor.commands.workers.typing import text_in

    several = bool(options["everyone"] or options["project"] is not None or options["labels"])
    names, text = text_in(options.pop("words"), several=several, file=options.pop("file"))
    return chosen_of(options | {"names": names}), text


@panevisor.command(context_settings={"ignore_unknown_options": True})
@_typing
@click.option("--keys", is_flag=True, help="What follows NAME are keys: C-c, Enter, Up ...")
@click.option("--no-enter", is_flag=True, help="Press no Enter after the text.")
@click.option("--raw", is_flag=True, help="Type exactly these bytes, and no Enter.")
@click.pass_obj
def send(given: Given, /, keys: bool, no_enter: bool, raw: bool, **options: Any) -> int:
    """Type TEXT into workers' terminals, then press Enter; `-` reads it from standard input. Exit 9: hands are on."""
    from supervisor.commands.workers import typing

    manner = "exact" if raw else "text" if no_enter else "line"
    how = typing.How(manner=manner, force=options.pop("force"), wait=options.pop("timeout"))
    if keys:
        selection, pressed = _keys_of(options)
        return typing.send_keys(given.place(), selection, pressed, how)
    selection, text = _meant(options)
    return typing.send(given.place(), selection, text, how)


def _keys_of(options: dict[str, Any]) -> "tuple[Selection, tuple[str, ...]]":
    """Take selection and keys out of the options: one name or glob, unless -l, -p or --all say to whom."""
    words = options.pop("words")
    several = bool(options["everyone"] or options["project"] is not None or options["labels"])
    names, keys = ((), words) if several else (words[:1], words[1:])
    if not keys or options.pop("file"):
        raise click.UsageError("name the keys: send NAME --keys C-c ...")
    return chosen_of(options | {"names": names}), keys


@panevisor.command(context_settings={"ignore_unknown_options": True})
@_typing
@click.option("--command", is_flag=True, help="Type it plainly, as a person types a slash command.")
@click.option(
    "--wait-for", metavar="PATTERN", help='Then wait for such output, or with "idle" for silence; print what came.'
)
@click.pass_obj
def prompt(given: Given, /, command: bool, wait_for: str | None, **options: Any) -> int:
    """Paste TEXT into an agent or a console, see it there, press Enter, look again: exit 0 submitted, 3 parked, 8
    unknown."""
    from supervisor.commands.workers import typing

    how = typing.How(force=options.pop("force"), wait=options.pop("timeout"))
    selection, text = _meant(options)
    return typing.prompt(given.place(), selection, text, how, command=command, until=wait_for)


@panevisor.command()
@click.argument("name", required=False)
@click.option("--next", "in_need", is_flag=True, help="To the next worker that needs a person; exit 3 if none does.")
@click.option("-r", "--read-only", is_flag=True, help="Look, but type nothing.")
@click.option("--fit", is_flag=True, help="Give the pane the size of this terminal until the last person has left.")
@click.pass_obj
def attach(given: Given, name: str | None, in_need: bool, read_only: bool, fit: bool) -> int:
    """Attach the terminal to a worker's pane; leaving (C-b d, within a tmux C-b C-b d) never ends the worker."""
    from supervisor.commands.workers.attach import attach as become_client
    from supervisor.commands.workers.attach import next_pane
    from supervisor.commands.workers.panes import pane_of

    if (name is None) != in_need:
        raise click.UsageError("name one worker, or say --next")
    place = given.place()
    pane = pane_of(place, name) if name is not None else next_pane(place)
    become_client(place, pane, read_only=read_only, fit=fit)
    return 0
