"""`panevisor web`: the page, the HTTP API, and who may use them."""

from typing import Any

import click

from supervisor.cli.options import OUTPUT, Given, duration, panevisor
from supervisor.wire.errors import CommandError


@panevisor.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=7263, show_default=True, help="0: any that is free.")
@click.option("--unix", metavar="PATH", help="Listen at a Unix socket instead, for a proxy.")
@click.option("--name", "names", multiple=True, metavar="HOST[:PORT]", help="A further name that browsers know it by.")
@click.option("--i-have-a-proxy", "proxy", is_flag=True, help="A proxy with TLS stands before it.")
@click.option("--cert", metavar="FILE", help="Its certificate (PEM).")
@click.option("--key", metavar="FILE", help="The key of the certificate (PEM).")
@click.pass_context
def web(context: click.Context, /, **options: Any) -> int | None:
    """Serve the page of live terminals, and the HTTP API, on loopback; each request needs a token."""
    if context.invoked_subcommand is not None:
        return None
    given: Given = context.obj
    return _serve(given, options)


def _serve(given: Given, options: dict[str, Any]) -> int:
    from pathlib import Path

    try:
        from supervisor.page.serve import Where, serve
    except ModuleNotFoundError as missing:
        raise _without_extra(missing) from missing
    for key in ("unix", "cert", "key"):
        options[key] = options[key] and Path(options[key]).absolute()
    return serve(given.place(), Where(**options), given.command())


def _without_extra(missing: ModuleNotFoundError) -> Exception:
    if (missing.name or "").partition(".")[0] in ("starlette", "uvicorn", "prometheus_client", "anyio"):
        return CommandError("failed", "panevisor web needs its extra: pip install 'panevisor[web]'")
    return missing


@web.group()
def token() -> None:
    """Make, show and remove the tokens that the page and the API take."""


@token.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(["read", "operate"]), default="read", show_default=True)
@click.option("--expires", default="30d", show_default=True, help='When: "12h", "30d"; "never" is possible.')
@click.pass_obj
def add_token(given: Given, name: str, role: Any, expires: str) -> int:
    """Make a token and print it: this once, as only its sha256 is kept."""
    import sys

    from supervisor.page.access.tokens import Tokens

    lasts = None if expires == "never" else _seconds(expires)
    place = given.place()
    print(Tokens(place).add(name, role, lasts))
    print(f"panevisor: {name} may {role}; open http://127.0.0.1:7263/#token=… with it in the browser", file=sys.stderr)
    return 0


def _seconds(text: str) -> float:
    found = duration(click.get_current_context(), click.Option(["--expires"]), text)
    if not found:
        raise click.BadParameter("must be longer than 0s")
    return found


@token.command("list")
@OUTPUT
@click.pass_obj
def list_tokens(given: Given, output: str) -> int:
    """List the tokens: names, roles, expiry."""
    from supervisor.page.access.tokens import Tokens, table

    print(table(Tokens(given.place()).all(), as_json=output == "json"))
    return 0


@token.command("remove")
@click.argument("name")
@click.pass_obj
def remove_token(given: Given, name: str) -> int:
    """Remove a token, and with it whoever is logged in by it."""
    from supervisor.page.access.tokens import Tokens

    Tokens(given.place()).remove(name)
    return 0
