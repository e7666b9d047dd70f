"""The commands of `pgrok`: http and tcp tunnels, and the settings file for them.

Whatever takes long to import is imported by the command that needs it: help comes at once.
"""

from __future__ import annotations

from typing import Any

import click

from pgrok import __version__
from pgrok.cli.client_failures import EXIT_STATUSES
from pgrok.cli.client_options import Options, client_options


class Commands(click.Group):
    """Takes `pgrok 8080` for `pgrok http 8080`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Put the command before an address that stands in its place."""
        if args[0] not in self.commands and _looks_like_an_address(args[0]):
            args = ["http", *args]
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    subcommand_metavar="[http|tcp|init] [ADDR]",
    epilog=EXIT_STATUSES,
)
@client_options(environment=True)
@click.version_option(__version__, prog_name="pgrok")
@click.pass_context
def pgrok(context: click.Context, /, **given: Any) -> None:
    """Give an application on this machine a public address.

    \b
    pgrok 8080        an http tunnel to localhost:8080
    pgrok tcp 5432    a tcp tunnel to localhost:5432
    pgrok init        ask for the server and the token, and keep them
    """
    context.obj = Options.of(**given)
    if context.invoked_subcommand is None:
        context.invoke(http)


@pgrok.command()
@click.argument("addr", required=False)
@client_options(environment=False)
@click.pass_obj
def http(before: Options, /, addr: str | None, **given: Any) -> None:
    """Open an http tunnel to ADDR: 8080, localhost:8080 or https://localhost:8443/base."""
    _serve("http", before, addr, given)


@pgrok.command()
@click.argument("addr", required=False)
@client_options(environment=False)
@click.pass_obj
def tcp(before: Options, /, addr: str | None, **given: Any) -> None:
    """Open a tcp tunnel to ADDR: 5432 or localhost:5432."""
    _serve("tcp", before, addr, given)


@pgrok.command()
@client_options(environment=False)
@click.pass_obj
def init(before: Options, /, **given: Any) -> None:
    """Write the settings file; ask for what no option says."""
    from pgrok.cli.client_init import initialise

    initialise(before.overridden(Options.of(**given)))


def _serve(command: str, before: Options, addr: str | None, given: dict[str, Any]) -> None:
    from pgrok.cli.client_tunnel import serve
    from pgrok.protocol import TunnelKind

    options = before.overridden(Options.of(**given))
    if addr is not None:
        if not addr.strip():
            raise click.BadParameter("it is empty", param_hint="ADDR")
        options = options.overridden(Options(values={"forward_addr": addr}))
    serve(TunnelKind(command), options)


def _looks_like_an_address(text: str) -> bool:
    return text.isdigit() or text == "localhost" or any(mark in text for mark in ":./")
