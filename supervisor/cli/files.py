"""The verbs about config files, and about this installation."""

import click

from supervisor.cli.options import OUTPUT, Given, in_seconds, panevisor, with_timeout
from supervisor.version import VERSION


@panevisor.command()
@OUTPUT
@click.pass_obj
def plan(given: Given, output: str) -> int:
    """Show what applying the file would change; exit 10 if it would change something."""
    from supervisor.commands.service.plan import plan as show_plan

    return show_plan(given.place(), given.own_place(), as_json=output == "json")


@panevisor.command()
@with_timeout
@click.option("--no-wait", is_flag=True, help="Do not wait for the verdicts.")
@click.option("--force", is_flag=True, help="Even if it stops or replaces more than half of the running workers.")
@click.pass_obj
def apply(given: Given, timeout: float, no_wait: bool, force: bool) -> int:
    """Apply the file to the running service: what `plan` says, and nothing else."""
    from supervisor.commands.service.plan import apply as apply_file

    return apply_file(given.place(), given.own_place(), force=force, wait=0.0 if no_wait else timeout)


@panevisor.command()
@click.argument("file", required=False)
@click.pass_obj
def check(given: Given, file: str | None) -> int:
    """Check a config: every problem with its line, else what each restart policy does, and warnings."""
    from supervisor.commands.files.check import check as check_file

    return check_file(file or given.config)


@panevisor.command("import")
@click.argument("file")
@click.option(
    "--format",
    "tool",
    type=click.Choice(["supervisord", "procfile", "pm2", "process-compose", "circus", "tmuxp"]),
    help="The tool of FILE; by default recognised by its name and content.",
)
def move_in(file: str, tool: str | None) -> int:
    """Print a config made from another tool's FILE: supervisord, Procfile, pm2, process-compose, Circus, tmuxp."""
    from supervisor.commands.files.move_in import run

    return run(file, tool)


@panevisor.command()
@click.argument("file", required=False)
@click.option(
    "--crash",
    "crashes",
    multiple=True,
    required=True,
    metavar="NAME@LIFE",
    help="web@3s: each life of web ends after 3 s. web@3sx5: the next five. web@3s:code=2, web@3s:signal=SEGV.",
)
@click.option("--for", "until", default="10m", show_default=True, callback=in_seconds, help="The time to simulate.")
@OUTPUT
@click.pass_obj
def simulate(given: Given, file: str | None, crashes: tuple[str, ...], until: float, output: str) -> int:
    """Show what the restart policies would do about crashes, on a virtual clock; nothing is run."""
    from supervisor.commands.files.simulate import run

    return run(file or given.config, crashes, until, as_json=output == "json")


@panevisor.group()
def notify() -> None:
    """Try the receivers of notifications of a file."""


@notify.command("test")
@click.argument("name")
@click.pass_obj
def notify_test(given: Given, name: str) -> int:
    """Send a test message to the receiver NAME of the file, and say whether it arrived."""
    from supervisor.commands.files.notify import test

    return test(given.config, name)


@panevisor.group()
def rules() -> None:
    """Try the rules of a file."""


@rules.command("test")
@click.argument("what", metavar="NAME|FILE")
@click.option("--since", metavar="TIME", help="Only what was printed since, for example 1h or 09:30.")
@click.option("--rules-of", metavar="NAME", help="The worker whose rules are tried; for a FILE otherwise those of all.")
@click.pass_obj
def rules_test(given: Given, what: str, since: str | None, rules_of: str | None) -> int:
    """Show which rules would have fired on the log of a worker, or on a FILE with its output; nothing is done."""
    import time

    from supervisor.commands.files.rules import test
    from supervisor.commands.views.logs import time_of

    return test(given.place(), what, None if since is None else time_of(since, time.time(), "--since"), rules_of)


@panevisor.command()
def schema() -> int:
    """Print the JSON Schema of a config, by which editors complete and check it."""
    from supervisor.commands.files.schema import schema as print_schema

    return print_schema()


@panevisor.command()
@click.option("-y", "--yes", is_flag=True, help="Take all that is found, without a question.")
def init(yes: bool) -> int:
    """Write a first ./panevisor.toml: from a Procfile, package.json and the like here, else a starter."""
    from supervisor.commands.files.init import init as begin_file

    return begin_file(yes=yes)


@panevisor.command()
@OUTPUT
@click.pass_obj
def doctor(given: Given, output: str) -> int:
    """Check tmux, limits, rights, disk, config and service, each with its remedy. Exit 1 if there is an error."""
    from supervisor.doctor.checks import doctor as examine

    return examine(given.place(), given.own_place(), json_wanted=output == "json")


@panevisor.command()
def version() -> int:
    """Print the version."""
    print(f"panevisor {VERSION}")
    return 0


@panevisor.command()
@click.argument("what", type=click.Choice(["bash", "zsh", "fish", "install"]))
@click.argument("shell", required=False, type=click.Choice(["bash", "zsh", "fish"]))
def completion(what: str, shell: str | None) -> int:
    """Print the script that completes panevisor in a shell, or install it for you (in SHELL, else in $SHELL)."""
    from supervisor.cli.completion import script

    if what != "install":
        click.echo(script(what), nl=False)
        return 0
    from supervisor.commands.files.completion import SHELLS
    from supervisor.commands.files.completion import install as write

    return write(shell, {each: script(each) for each in SHELLS})
