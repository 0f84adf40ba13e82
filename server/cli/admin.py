"""`migrate` and `export-schema`."""

from __future__ import annotations

import asyncio

import click

from server.cli.group import example
from server.cli.local import data_option, settings_for
from server.cli.output import json_option, note, print_json, say


@click.command(epilog=example("baleybots migrate --dry-run\nbaleybots migrate"))
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@data_option
@json_option
def migrate(dry_run: bool, data_dir: str | None, as_json: bool) -> None:
    """Bring the database to this version. An SQLite file is copied to a backup first.

    `up` and `serve` do this by themselves when they start.
    """
    from server.models.migrate import migrate as migrate_database

    settings = settings_for(data_dir)

    def progress(name: str) -> None:
        if not as_json:
            note(f"applied {name}")

    done = asyncio.run(migrate_database(settings, dry_run=dry_run, progress=progress))
    backup = str(done.backup) if done.backup else None
    if as_json:
        print_json({"applied": list(done.applied), "backup": backup, "dry_run": dry_run})
    elif not done.applied:
        say("The database is up to date.")
    elif dry_run:
        say(f"Would apply {len(done.applied)}: {', '.join(done.applied)}")
    else:
        say(f"Applied {len(done.applied)}: {', '.join(done.applied)}")
        if backup:
            say(f"Backup: {backup}")


@click.command("export-schema", epilog=example("baleybots export-schema > schema.graphql"))
def export_schema() -> None:
    """Print the GraphQL schema (SDL), equal to graphql-schema/schema.graphql."""
    from server.api.schema import sdl

    click.echo(sdl(), nl=False)
