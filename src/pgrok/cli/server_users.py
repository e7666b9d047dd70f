"""`pgrokd user ...`: who may use the server, for teams with and without an identity provider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from pgrok.cli.durations import duration
from pgrok.cli.listing import moment, print_facts, print_table
from pgrok.cli.server_context import NotFound, config_option, load_settings, with_store
from pgrok.text import counted, printable

if TYPE_CHECKING:
    from pgrok.server.settings import Settings
    from pgrok.server.store import Identity, Person, Store, Token

ADDED_LABEL = "from pgrokd user add"
ISSUED_LABEL = "from pgrokd user token"


@click.group("user")
def user() -> None:
    """Add, show and remove people, their tokens and sign-in links."""


@user.command()
@click.argument("identifier", metavar="NAME_OR_EMAIL")
@click.option("--display-name", help="What to call them; default: NAME_OR_EMAIL.")
@config_option
def add(identifier: str, display_name: str | None) -> None:
    """Add a person, and print their token and a one-time sign-in link."""
    if printable(identifier) != identifier:
        raise click.BadParameter("nobody can type its control characters")
    settings = load_settings()

    async def work(store: Store) -> tuple[Person, str, str]:
        person = await store.people.add(identifier, display_name or identifier)
        token = await store.tokens.issue(person.id, ADDED_LABEL)
        return person, token, await store.sign_ins.issue_link(person.id)

    person, token, link = with_store(settings, work)
    print_facts(
        [
            ("Name", _explained(person.name, identifier)),
            ("Their URL", settings.proxy.public_url(person.name)),
            ("Server", settings.client_address),
            ("Token", f"{token}  (shown only this once)"),
            ("Dashboard", f"{_link_url(settings, link)}  ({_works(settings)})"),
        ]
    )


def _explained(name: str, identifier: str) -> str:
    from pgrok.server.subdomains import label_from_identifier

    wanted = label_from_identifier(identifier)
    return name if name == wanted else f"{name}  ({wanted} is taken, held or reserved)"


@user.command("list")
@config_option
def list_() -> None:
    """List everybody."""

    async def work(store: Store) -> list[list[str]]:
        return [await _row(store, person) for person in await store.people.all()]

    rows = with_store(load_settings(), work)
    if not rows:
        click.echo("Nobody is here yet. Add somebody with: pgrokd user add NAME_OR_EMAIL")
        return
    print_table(["Name", "Identifier", "Display name", "Tokens", "Last used", "Added"], rows)


@user.command()
@click.argument("name")
@config_option
def show(name: str) -> None:
    """Show a person, how they sign in, and their tokens."""
    settings = load_settings()

    async def work(store: Store) -> tuple[Person, list[Identity], int | None, list[Token]]:
        person = await _find(store, name)
        identities = await store.people.identities(person.id)
        port = await store.ports.last(person.id)
        return person, identities, port, await store.tokens.active(person.id)

    person, identities, port, tokens = with_store(settings, work)
    print_facts(
        [
            ("Name", person.name),
            ("Display name", person.display_name),
            ("Their URL", settings.proxy.public_url(person.name)),
            ("Last TCP port", "none" if port is None else str(port)),
            ("Added", moment(person.created_at)),
            *(("Identifier", _identity(identity)) for identity in identities),
        ]
    )
    click.echo()
    _print_tokens(tokens)


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def remove(name: str, yes: bool) -> None:
    """Remove a person: their tokens, sessions and tunnels end within seconds."""
    settings = load_settings()
    person = with_store(settings, lambda store: _find(store, name))
    if not yes:
        click.confirm(
            f"Remove {person.name} ({printable(person.display_name)}) and end their tunnels?",
            abort=True,
        )
    with_store(settings, lambda store: store.people.remove(person.id))
    days = counted(settings.lifetimes.removed_name_days, "day")
    click.echo(f"{person.name} is removed. Nobody else gets the name for {days}.")
    if settings.identity_provider is not None:
        provider = printable(settings.identity_provider.display_name)
        click.echo(f"As long as {provider} knows them, they can sign in and come back.")


@user.command()
@click.argument("name")
@click.option(
    "--rebind",
    metavar="IDENTIFIER",
    help="Instead of a link: give the next account that signs in with IDENTIFIER to NAME.",
)
@config_option
def link(name: str, rebind: str | None) -> None:
    """Print a new one-time sign-in link, or bind another account to a person."""
    settings = load_settings()

    async def make_link(store: Store) -> str:
        return await store.sign_ins.issue_link((await _find(store, name)).id)

    async def bind_anew(store: Store) -> Person:
        person = await _find(store, name)
        await store.people.rebind(person.id, rebind or "")
        return person

    if rebind is None:
        click.echo(_link_url(settings, with_store(settings, make_link)))
        click.echo(f"It {_works(settings)}.", err=True)
        return
    person = with_store(settings, bind_anew)
    click.echo(f"Whoever signs in as {printable(rebind)} next is {person.name} from then on.")
    click.echo(f"{person.name} is signed out of the dashboard. Tokens and tunnels go on.")


@user.command()
@click.argument("name")
@click.option("--label", default=ISSUED_LABEL, help="What the token is for.")
@click.option(
    "--expires", type=duration, metavar="SPAN", help="How long it works, such as 12h or 30d."
)
@click.option("--list", "listing", is_flag=True, help="Instead: list the tokens that work.")
@click.option("--revoke", type=int, metavar="ID", help="Instead: revoke the token with this id.")
@config_option
def token(
    name: str, label: str, expires: timedelta | None, listing: bool, revoke: int | None
) -> None:
    """Print a new token of a person; list or revoke their tokens."""
    if listing and revoke is not None:
        raise click.UsageError("--list and --revoke exclude each other.")
    settings = load_settings()
    if listing:
        _print_tokens(with_store(settings, lambda store: _tokens(store, name)))
    elif revoke is not None:
        with_store(settings, lambda store: _revoke(store, name, revoke))
        click.echo(f"Token {revoke} is revoked. Tunnels opened with it end within seconds.")
    else:
        expires_at = datetime.now(UTC) + expires if expires else None
        click.echo(with_store(settings, lambda store: _issue(store, name, label, expires_at)))
        click.echo("It is shown only this once.", err=True)


async def _find(store: Store, name: str) -> Person:
    person = await store.people.by_name(name) or await store.people.by_identifier(name)
    if person is None:
        raise NotFound(f"Nobody here is called {name!r}. Who is: pgrokd user list")
    return person


async def _tokens(store: Store, name: str) -> list[Token]:
    return await store.tokens.active((await _find(store, name)).id)


async def _issue(store: Store, name: str, label: str, expires_at: datetime | None) -> str:
    return await store.tokens.issue((await _find(store, name)).id, label, expires_at)


async def _revoke(store: Store, name: str, token_id: int) -> None:
    if token_id not in {token.id for token in await _tokens(store, name)}:
        raise NotFound(f"{name} has no token {token_id}. Theirs: pgrokd user token {name} --list")
    await store.tokens.revoke(token_id)


async def _row(store: Store, person: Person) -> list[str]:
    identifiers = [identity.identifier for identity in await store.people.identities(person.id)]
    tokens = await store.tokens.active(person.id)
    uses = [token.last_used_at for token in tokens if token.last_used_at is not None]
    return [
        person.name,
        ", ".join(identifiers),
        person.display_name,
        str(len(tokens)),
        moment(max(uses, default=None)),
        moment(person.created_at),
    ]


def _print_tokens(tokens: list[Token]) -> None:
    if not tokens:
        click.echo("No token works. Make one with: pgrokd user token NAME")
        return
    rows = [
        [
            str(token.id),
            token.label,
            moment(token.created_at),
            moment(token.last_used_at),
            moment(token.expires_at),
        ]
        for token in tokens
    ]
    print_table(["Id", "Token for", "Made", "Last used", "Expires"], rows)


def _identity(identity: Identity) -> str:
    if identity.issuer is None:
        return f"{identity.identifier} (binds the first account that signs in with it)"
    return f"{identity.identifier} (account {identity.sub} of {identity.issuer})"


def _link_url(settings: Settings, link: str) -> str:
    return f"{settings.external_url}/-/link/{link}"


def _works(settings: Settings) -> str:
    return f"works once, for {counted(settings.lifetimes.sign_in_link_minutes, 'minute')}"
