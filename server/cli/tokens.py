"""`token create`: an API token, made locally through the database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import click

from server.cli.group import example
from server.cli.local import data_option, open_data, settings_for
from server.cli.output import json_option, note, print_json, say
from server.cli.users import ROLES


@click.group(epilog=example("export BALEYBOTS_TOKEN=$(baleybots token create)"))
def token() -> None:
    """API tokens for scripts, on the machine that holds the data."""


@token.command(
    epilog=example(
        """export BALEYBOTS_TOKEN=$(baleybots token create)
baleybots token create --role viewer --name dashboard --json"""
    )
)
@click.option("--workspace", help="Its name, when there are several.")
@click.option("--role", type=click.Choice(ROLES), default="owner", show_default=True)
@click.option("--name", default="command line", show_default=True, help="To tell tokens apart.")
@click.option("--scope", "scopes", multiple=True, help="Only this right; may be repeated.")
@click.option("--days", type=click.IntRange(1, 3650), help="Ends after so many days; else never.")
@data_option
@json_option
def create(
    workspace: str | None,
    role: str,
    name: str,
    scopes: tuple[str, ...],
    days: int | None,
    data_dir: str | None,
    as_json: bool,
) -> None:
    """Print a new API token. It is shown this once; only its hash is kept."""
    settings = settings_for(data_dir)

    async def work() -> dict[str, str]:
        from server.core.ids import public_id
        from server.models.enums import Role
        from server.workspaces.accounts import first_start
        from server.workspaces.keys import create_locally

        async with open_data(settings):
            await first_start()
            ends = None if days is None else datetime.now(UTC) + timedelta(days=days)
            made = await create_locally(workspace, Role(role), name, scopes or None, ends)
        return {
            "token": made.text,
            "id": public_id("token", made.row.id),
            "name": made.row.name,
            "role": made.row.role.value,
        }

    made = asyncio.run(work())
    if as_json:
        print_json(made)
        return
    say(made["token"])
    note(f"Role {made['role']}. Keep it like a password; it is not shown again.")
