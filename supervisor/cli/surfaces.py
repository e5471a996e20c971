"""The verbs that show the service to other programs: metrics, mcp."""

from pathlib import Path

import click

from supervisor.cli.options import Given, duration, panevisor
from supervisor.wire.errors import CommandError


@panevisor.command()
@click.option(
    "--write",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write them to FILE (NAME.prom), for the textfile collector of node_exporter.",
)
@click.option("--every", metavar="TIME", callback=duration, help="With --write: again and again, 15s for example.")
@click.pass_obj
def metrics(given: Given, path: Path | None, every: float | None) -> int:
    """Print the metrics for Prometheus once, or keep them in a file."""
    try:
        from supervisor.metrics import keeping
    except ImportError as error:
        if error.name is None or not error.name.startswith("prometheus_client"):
            raise
        raise CommandError("failed", "metrics need an extra: pip install 'panevisor[metrics]'") from None
    if path is None:
        if every is not None:
            raise click.UsageError("--every goes with --write")
        return keeping.show(given.place())
    if every is not None and every < 1:
        raise click.UsageError("--every must be at least 1s")
    return keeping.keep(given.place(), path, every)


@panevisor.command()
@click.option(
    "--operate", is_flag=True, help="Also the tools that type and give orders; without it nothing is changed."
)
@click.option("--project", help="Only workers of this project.")
@click.option("--own-project", is_flag=True, help="Only those of the project of the worker that this runs in.")
@click.pass_obj
def mcp(given: Given, operate: bool, project: str | None, own_project: bool) -> int:
    """Serve an agent by the Model Context Protocol (stdio): it sees workers, and operates them if it may."""
    from supervisor.mcp.command import become

    if own_project and project is not None:
        raise click.UsageError("use --project or --own-project, not both")
    become(None if given.empty else given.place(), operate=operate, project=project, own_project=own_project)
