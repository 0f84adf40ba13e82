"""`secrets rotate`: another secret key, while everything runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from server.cli.group import example
from server.cli.local import data_option, open_data, settings_for
from server.cli.output import json_option, note, print_json, say

if TYPE_CHECKING:
    from server.core.settings import Settings
    from server.workspaces.rotation import Rotated


@click.group(epilog=example("baleybots secrets rotate"))
def secrets() -> None:
    """What is stored encrypted, and the key for it, on the machine that holds the data."""


@secrets.command(epilog=example("baleybots secrets rotate\nbaleybots secrets rotate --json"))
@data_option
@json_option
def rotate(data_dir: str | None, as_json: bool) -> None:
    """Seal every stored secret again under a new key.

    Makes the new key by itself where the key is in the data folder. Where BALEYBOTS_SECRET_KEY or
    BALEYBOTS_SECRET_KEY_FILE holds it: set the new one there and the present one in
    BALEYBOTS_OLD_SECRET_KEYS, start every process again, then type this.

    The server may run meanwhile. When this is interrupted, type it again: it goes on where it was.
    """
    settings = settings_for(data_dir)
    done = asyncio.run(_rotated(settings, quiet=as_json))
    if as_json:
        print_json({"sealed": done.sealed, "unreadable": done.unreadable})
        return
    say(f"Sealed {done.sealed} {'secret' if done.sealed == 1 else 'secrets'} under the new key.")
    for record in done.unreadable:
        note(f"No key of this installation opens the secret of {record}: enter it again.")


async def _rotated(settings: Settings, *, quiet: bool) -> Rotated:
    from server.workspaces.rotation import rotate

    def progress(stage: str) -> None:
        if not quiet and stage == "key written":
            note(f"A new key stands in {settings.data_dir / 'secret.key'}: back it up.")

    async with open_data(settings):
        return await rotate(settings, progress)
