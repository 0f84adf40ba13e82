"""What the commands share that work on the data itself, without a server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from server.core.settings import Settings

data_option = click.option(
    "--data-dir", type=click.Path(), metavar="DIRECTORY", help="Folder for database and key."
)


def settings_for(data_dir: str | None = None) -> Settings:
    """The settings, and logs set up by them: the first thing of every local command."""
    from server.core.logs import setup_logs
    from server.core.settings import load_settings

    settings = load_settings(os.environ, data_dir=data_dir)
    setup_logs(settings.log_level, settings.log_format, secrets=settings.secret_values())
    return settings


@asynccontextmanager
async def open_data(settings: Settings) -> AsyncIterator[Any]:
    """The database alone, brought up to date first: for accounts, tokens and checks."""
    from server.models.database import open_database
    from server.models.migrate import migrate

    await migrate(settings)
    database = await open_database(settings)
    try:
        yield database
    finally:
        await database.close()
