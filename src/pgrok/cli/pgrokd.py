"""The command `pgrokd`: the server, and what its administrator does with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from pgrok import __version__
from pgrok.cli.listing import print_facts
from pgrok.cli.server_context import (
    DEFAULT_FILE,
    FAILED,
    Commands,
    config_option,
    load_settings,
    settings_file,
    with_store,
)
from pgrok.cli.server_users import user
from pgrok.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from pgrok.server.settings import Settings


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(__version__, prog_name="pgrokd")
@config_option
@click.pass_context
def pgrokd(context: click.Context) -> None:
    """Give the applications on people's machines public URLs; without a command, serve."""
    if context.invoked_subcommand is None:
        context.invoke(serve)


@pgrokd.command()
@config_option
def serve() -> None:
    """Serve until SIGINT or SIGTERM."""
    settings = load_settings()
    from pgrok.server import daemon

    if settings_file() is None:
        click.echo(
            f"There is no {DEFAULT_FILE} here: serving this machine only, on loopback.", err=True
        )
    daemon.run(settings, settings_file())


@pgrokd.command()
@config_option
@click.pass_context
def check(context: click.Context) -> None:
    """Check the settings and say what they mean."""
    settings = load_settings()
    facts = [("Settings", str(settings_file() or f"defaults: there is no {DEFAULT_FILE} here"))]
    facts += _exposed(settings_file()) + _listeners(settings)
    try:
        database = asyncio.run(_database(settings))
        status = 0
    except StoreError as error:
        database, status = str(error), FAILED
    print_facts([*facts, ("Sign-in", _sign_in(settings)), ("Database", database)])
    context.exit(status)


@pgrokd.command("import")
@click.option("--finish", is_flag=True, help="Blank the tokens in the original's own tables.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def import_(finish: bool, yes: bool) -> None:
    """Take over the database of an original pgrok.

    Every start does that too, and leaves the original's tables as they are. They hold each
    token readably: when nobody uses the original's server any more, `--finish` blanks them.
    """
    settings = load_settings()
    if not finish:
        count = with_store(settings, lambda store: store.taken_over())
        click.echo(f"People taken over from the original pgrok: {count}.")
        return
    if not yes:
        click.confirm(
            "Blank the tokens in the table `principles`? They go on working here, "
            "and the original's server will not know them any more.",
            abort=True,
        )
    blanked = with_store(settings, lambda store: store.finish_import())
    click.echo(f"Tokens blanked in the original's table: {blanked}.")


@pgrokd.command()
def demo() -> None:
    """See it work: server, application and client at once."""
    from pgrok.cli import demo as demonstration

    demonstration.run()


pgrokd.add_command(user)


def main() -> None:
    """Run the command that was typed."""
    pgrokd(prog_name="pgrokd")


async def _database(settings: Settings) -> str:
    from pgrok.server.store.probe import probe

    return await probe(settings.database.url)


def _exposed(file: Path | None) -> list[tuple[str, str]]:
    from pgrok.server.settings.secrecy import advice, told_to_everybody

    if file is None or not (keys := told_to_everybody(file)):
        return []
    return [("Warning", f"everybody here may read {', '.join(keys)}. Close it: {advice(file)}")]


def _listeners(settings: Settings) -> list[tuple[str, str]]:
    from pgrok.address import Address

    web, proxy, sshd = settings.web, settings.proxy, settings.sshd
    tcp = proxy.tcp
    trusted = ", ".join(str(network) for network in proxy.trusted_proxies)
    return [
        ("Dashboard", f"{settings.external_url}, listening on {Address(web.host, web.port)}"),
        ("Clients", f"{settings.client_address}, listening on {Address(sshd.host, sshd.port)}"),
        (
            "Tunnels",
            f"{proxy.public_url('<name>')}, listening on {Address(proxy.host, proxy.port)}",
        ),
        (
            "TCP tunnels",
            f"{tcp.tcp_url(tcp.port_start)} up to port {tcp.port_end - 1}, on {tcp.host}",
        ),
        ("Trusted proxies", trusted or "none"),
        ("Metrics", _metrics(settings)),
    ]


def _metrics(settings: Settings) -> str:
    token, listen = settings.metrics.token, settings.metrics.listen
    places = [f"listening on {listen}"] if listen else []
    if token:
        places.append(f"at {settings.external_url}/metrics, with metrics.token")
    return " and ".join(places) or "off: metrics.listen and metrics.token are not set"


def _sign_in(settings: Settings) -> str:
    provider = settings.identity_provider
    if provider is None:
        return "by one-time link: pgrokd user add, pgrokd user link"
    domain = f", only for {provider.required_domain}" if provider.required_domain else ""
    return f"{provider.display_name} ({provider.issuer}){domain}"
