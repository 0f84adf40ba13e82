"""`audit export`: who changed what, as a file, on the machine that holds the data."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from server.cli.group import example
from server.cli.local import data_option, open_data, settings_for
from server.cli.output import note
from server.cli.whole_file import whole_file, writing

if TYPE_CHECKING:
    from server.core.settings import Settings
    from server.workspaces.audit import AuditFilter

_DAY = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@click.group(epilog=example("baleybots audit export --format csv > audit.csv"))
def audit() -> None:
    """The record of who changed what."""


@audit.command(
    epilog=example(
        """baleybots audit export --since 2026-11-01 > november.jsonl
baleybots audit export --format csv --action connection --output changes.csv"""
    )
)
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True
)
@click.option(
    "--output", "--out", type=click.Path(dir_okay=False), help="A file; else standard output."
)
@click.option("--workspace", help="Its name, when there are several.")
@click.option("--since", type=_DAY, help="The first moment, in UTC.")
@click.option("--before", type=_DAY, help="The end, in UTC; not itself included.")
@click.option("--action", help="Only actions with this in their name, such as connection.")
@click.option("--actor", help="Only people with this in their name.")
@data_option
def export(
    form: Any,
    output: str | None,
    workspace: str | None,
    since: datetime | None,
    before: datetime | None,
    action: str | None,
    actor: str | None,
    data_dir: str | None,
) -> None:
    """Write the audit log, from the oldest entry to the latest."""
    from server.workspaces.audit import AuditFilter, Words

    moments: dict[Any, datetime] = {}
    for side, moment in (("gte", since), ("lt", before)):
        if moment is not None:
            moments[side] = moment.replace(tzinfo=UTC)
    where = AuditFilter(action=Words(contains=action), actor=Words(contains=actor), moments=moments)
    settings = settings_for(data_dir)
    if output is None:
        asyncio.run(_written(settings, workspace, form, where, sys.stdout.write))
        return
    with ExitStack() as stack:
        with writing(output):
            file = stack.enter_context(whole_file(output))

        def write(text: str) -> None:
            file.write(text.encode())

        asyncio.run(_written(settings, workspace, form, where, write))
    note(f"Written to {output}.")


async def _written(
    settings: Settings,
    workspace: str | None,
    form: Any,
    where: AuditFilter,
    write: Callable[[str], Any],
) -> None:
    from server.workspaces import audit as log
    from server.workspaces.accounts import the_workspace
    from server.workspaces.audit_export import exported

    async with open_data(settings):
        place = await the_workspace(workspace)
        subject = log.Subject("workspace", place.id, place.name)
        change = log.Change(after={"form": form})
        await log.record_by(log.COMMAND_LINE, place.id, "audit.exported", subject, change)
        async for text in exported(place.id, form, where):
            write(text)
