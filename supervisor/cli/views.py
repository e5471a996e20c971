"""The verbs that show something."""

import time
from typing import Any

import click

from supervisor.cli.options import LINES, OUTPUT, Given, chosen, chosen_of, meaning, panevisor, selecting


@panevisor.command()
@selecting
@OUTPUT
@click.option("-w", "--watch", is_flag=True, help="Print again at each change, until Ctrl-C.")
@click.option("--waiting", is_flag=True, help="Only who waits for a person, the oldest wait first, with its last rows.")
@click.option("--need-first", "in_need", is_flag=True, help="Those that need a person first, the oldest need first.")
@click.pass_obj
def status(
    given: Given,
    /,
    names: tuple[str, ...],
    labels: tuple[str, ...],
    project: str | None,
    output: str,
    **options: bool,
) -> int:
    """Show the workers. With names: exit 3 if one of them is neither running nor completed."""
    from supervisor.commands.views.status import status as show_status
    from supervisor.commands.views.waiting import who_waits

    selection = chosen(names, labels, project)
    if options["watch"] and (options["waiting"] or options["in_need"]):
        raise click.UsageError("--watch goes with neither --waiting nor --need-first")
    if options["waiting"]:
        return who_waits(given.place(), selection, as_json=output == "json")
    return show_status(
        given.place(), selection, as_json=output == "json", watch=options["watch"], in_need=options["in_need"]
    )


@panevisor.command()
@click.pass_obj
def top(given: Given) -> int:
    """Watch and reach all workers on one screen: table, live screens, logs, orders. `?` shows its keys."""
    from supervisor.top import run

    return run(given.place(), given.command())


@panevisor.command()
@OUTPUT
def ps(output: str) -> int:
    """List every service of this user on this machine, and workers that live on without one."""
    from supervisor.commands.views.ps import ps as list_services

    return list_services(as_json=output == "json")


@panevisor.command()
@meaning
@click.option("--ansi", is_flag=True, help="Keep colours.")
@click.option("--rows", is_flag=True, help="Row by row; else a line that the terminal wrapped is one line.")
@click.option(
    "--history", type=click.IntRange(min=0), metavar="N", default=0, help="Also N rows that have scrolled off."
)
@click.pass_obj
def screen(given: Given, /, ansi: bool, rows: bool, history: int, **options: Any) -> int:
    """Print what the panes of workers show now."""
    from supervisor.commands.views.screen import screens
    from supervisor.commands.workers.panes import Look

    return screens(given.place(), chosen_of(options), Look(ansi=ansi, rows=rows, history=history))


@panevisor.command()
@meaning
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), help="Only the last N lines (200 unless another limit is given)."
)
@click.option(
    "--since",
    metavar="TIME",
    help='Only lines from TIME on: "10m", "5 min ago", "09:30", "yesterday 18:00", ISO 8601. A line has the time of '
    "the health beat that saw it first.",
)
@click.option("--until", metavar="TIME", help="Only lines up to TIME.")
@click.option("-t", "--times", is_flag=True, help="The time of each line in front of it.")
@click.option("--grep", metavar="PATTERN", help="Only lines that match (RE2); -n counts those.")
@click.option("--previous", is_flag=True, help="The life before the present one.")
@click.option("--raw", is_flag=True, help="The bytes as they were printed, escape sequences too.")
@click.pass_obj
def logs(
    given: Given,
    /,
    follow: bool,
    lines: int | None,
    since: str | None,
    until: str | None,
    previous: bool,
    **options: Any,
) -> int:
    """Print workers' logs, those of several in the order of their times, with names in front."""
    from supervisor.commands.views.logs import Wanted, time_of
    from supervisor.commands.views.logs import logs as print_logs

    if lines is None and since is None and until is None and not previous:
        lines = 200
    now, selection = time.time(), chosen_of(options)
    begin = None if since is None else time_of(since, now, "--since")
    end = None if until is None else time_of(until, now, "--until")
    wanted = Wanted(lines=lines, since=begin, until=end, previous=previous, **options)
    return print_logs(given.place(), selection, wanted, keep_on=follow)


@panevisor.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("-n", "--count", type=click.IntRange(0, 100), default=20, show_default=True, help="The newest N.")
@click.option("-o", "--output", type=LINES, default="text", show_default=True)
@click.pass_obj
def events(given: Given, follow: bool, count: int, output: str) -> int:
    """Print what has happened lately, oldest first; ! marks a warning, !! an error."""
    from supervisor.commands.views.status import events as print_events

    return print_events(given.place(), count=count, follow=follow, as_json=output == "json")


@panevisor.command()
@click.option("--since", metavar="TIME", default="1h", show_default=True, help="Changes from TIME on, as of `logs`.")
@click.option("-p", "--project", help="Only workers of this project.")
@click.option("-o", "--output", type=LINES, default="text", show_default=True)
@click.pass_obj
def briefing(given: Given, since: str, project: str | None, output: str) -> int:
    """Tell in one short text who needs you, what failed and why, what restarts when, and what has changed."""
    from supervisor.commands.views.briefing import briefing as tell_briefly
    from supervisor.commands.views.logs import time_of

    begin = time_of(since, time.time(), "--since")
    return tell_briefly(given.place(), begin, project, as_json=output == "json")


@panevisor.command()
@meaning
@click.option("-o", "--output", type=LINES, default="text", show_default=True)
@click.pass_obj
def why(given: Given, /, output: str, **options: Any) -> int:
    """Show what led to a worker's state, what happens next and when, and what you can do."""
    from supervisor.commands.views.why import why as tell_why

    return tell_why(given.place(), chosen_of(options), as_json=output == "json", command=given.command())


@panevisor.command()
@meaning
@click.option("-n", "--count", type=click.IntRange(1, 200), default=20, show_default=True, help="The newest N.")
@click.option("--full", is_flag=True, help="With the last lines of each (the default for one NAME with -n 1).")
@OUTPUT
@click.pass_obj
def deaths(given: Given, /, count: int, full: bool, output: str, **options: Any) -> int:
    """Show how workers have ended, and what was decided; newest first. Works without a service, too."""
    from supervisor.commands.views.deaths import deaths as show_deaths

    return show_deaths(given.place(), chosen_of(options), most=count, full=full, as_json=output == "json")
