"""`user link|reset-link|add|list|disable`: accounts, on the machine that holds the data."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from server.cli.group import example
from server.cli.local import data_option, open_data, settings_for
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
    _print_link(settings_for(data_dir), email, url, as_json, reset=False)


@user.command("reset-link", epilog=example("baleybots user reset-link ada@example.org"))
@click.argument("email", required=False)
@click.option("--url", help="Address of the server, when BALEYBOTS_PUBLIC_URL is not set.")
@data_option
@json_option
def reset_link(email: str | None, url: str | None, data_dir: str | None, as_json: bool) -> None:
    """Print a one-time link to set a new password, good for an hour.

    For the owner when no EMAIL is given. Using it ends every session of that person.
    """
    _print_link(settings_for(data_dir), email, url, as_json, reset=True)


def _print_link(
    settings: Settings, email: str | None, url: str | None, as_json: bool, *, reset: bool
) -> None:
    from server.core.address import own_address

    token = asyncio.run(_made_link(settings, email, reset=reset))
    page, minutes = ("reset", 60) if reset else ("signin", 15)
    address = f"{(url or own_address(settings)).rstrip('/')}/{page}?token={token}"
    print_json({"url": address, "minutes": minutes}) if as_json else say(address)


async def _made_link(settings: Settings, email: str | None, *, reset: bool) -> str:
    from server.workspaces.accounts import make_link, make_reset_link

    async with open_data(settings):
        return await (make_reset_link if reset else make_link)(email)


@user.command(epilog=example("baleybots user add ada@example.org --name Ada --role editor"))
@click.argument("email")
@click.option("--name", default="", help="How they are called.")
@click.option("--role", type=click.Choice(ROLES), default="editor", show_default=True)
@click.option("--workspace", help="Its name, when there are several.")
@data_option
@json_option
def add(
    email: str,
    name: str,
    role: str,
    workspace: str | None,
    data_dir: str | None,
    as_json: bool,
) -> None:
    """Add a person to a workspace, or let a disabled one in again."""
    settings = settings_for(data_dir)

    async def work() -> dict[str, str]:
        from server.models.enums import Role
        from server.workspaces.accounts import add_user

        async with open_data(settings):
            made = await add_user(email, name, Role(role), workspace)
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
    """Every account, a line for each workspace that it is in."""
    settings = settings_for(data_dir)

    async def work() -> list[dict[str, object]]:
        from server.workspaces.accounts import list_users

        async with open_data(settings):
            found = await list_users()
        return [
            {
                "email": a.email,
                "name": a.name,
                "role": a.role.value,
                "workspace": a.workspace,
                "password": a.has_password,
                "disabled": a.disabled,
            }
            for a in found
        ]

    found = asyncio.run(work())
    if as_json:
        print_json(found)
        return
    table(
        ["EMAIL", "NAME", "ROLE", "WORKSPACE", ""],
        (
            [a["email"], a["name"], a["role"], a["workspace"], "disabled" if a["disabled"] else ""]
            for a in found
        ),
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
