"""`user link|add|list|disable`: accounts, on the machine that holds the data."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from server.cli.group import example
from server.cli.local import data_option, last_address, open_data, settings_for
from server.cli.output import json_option, print_json, say, table

if TYPE_CHECKING:
    from server.core.settings import Settings

ROLES = ["owner", "admin", "editor", "operator", "viewer"]


@click.group(
    epilog=example("""baleybots user link
baleybots user add ada@example.org --role editor""")
)
def user() -> None:
    """Accounts and sign-in links, on the machine that holds the data."""


@user.command(epilog=example("baleybots user link\nbaleybots user link ada@example.org"))
@click.argument("email", required=False)
@click.option("--url", help="Address of the server, when BALEYBOTS_PUBLIC_URL is not set.")
@data_option
@json_option
def link(email: str | None, url: str | None, data_dir: str | None, as_json: bool) -> None:
    """Print a one-time sign-in link, good for 15 minutes; for the owner when no EMAIL is given."""
    settings = settings_for(data_dir)
    token = asyncio.run(_made_link(settings, email))
    base = (url or settings.public_url or last_address(settings)).rstrip("/")
    address = f"{base}/signin?token={token}"
    print_json({"url": address, "minutes": 15}) if as_json else say(address)


async def _made_link(settings: Settings, email: str | None) -> str:
    from server.workspaces.accounts import make_link

    async with open_data(settings):
        return await make_link(email)


@user.command(epilog=example("baleybots user add ada@example.org --name Ada --role editor"))
@click.argument("email")
@click.option("--name", default="", help="How they are called.")
@click.option("--role", type=click.Choice(ROLES), default="editor", show_default=True)
@data_option
@json_option
def add(email: str, name: str, role: str, data_dir: str | None, as_json: bool) -> None:
    """Add a person, or let a disabled one in again."""
    settings = settings_for(data_dir)

    async def work() -> dict[str, str]:
        from server.models.enums import Role
        from server.workspaces.accounts import add_user

        async with open_data(settings):
            made = await add_user(email, name, Role(role))
        return {"email": made.email, "name": made.name, "role": role}

    made = asyncio.run(work())
    if as_json:
        print_json(made)
    else:
        say(f"{made['email']} added as {role}. Sign-in link: baleybots user link {made['email']}")


@user.command("list", epilog=example("baleybots user list --json"))
@data_option
@json_option
def list_(data_dir: str | None, as_json: bool) -> None:
    """Every account."""
    settings = settings_for(data_dir)

    async def work() -> list[dict[str, object]]:
        from server.workspaces.accounts import list_users

        async with open_data(settings):
            found = await list_users()
        return [
            {"email": a.email, "name": a.name, "role": a.role.value, "disabled": a.disabled}
            for a in found
        ]

    found = asyncio.run(work())
    if as_json:
        print_json(found)
        return
    table(
        ["EMAIL", "NAME", "ROLE", ""],
        ([a["email"], a["name"], a["role"], "disabled" if a["disabled"] else ""] for a in found),
    )


@user.command(epilog=example("baleybots user disable ada@example.org"))
@click.argument("email")
@data_option
@json_option
def disable(email: str, data_dir: str | None, as_json: bool) -> None:
    """Shut a person out and end their sessions. Nothing that they made is lost."""
    settings = settings_for(data_dir)

    async def work() -> str:
        from server.workspaces.accounts import disable_user

        async with open_data(settings):
            return (await disable_user(email)).email

    address = asyncio.run(work())
    print_json({"email": address, "disabled": True}) if as_json else say(f"{address} is disabled.")
