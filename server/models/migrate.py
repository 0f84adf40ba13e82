"""Bringing the schema up to the code: a backup first, one process at a time, nothing half done.

A start with nothing to do costs one small query; the machinery is not even loaded.
"""

from __future__ import annotations

import asyncio
import sqlite3
import warnings
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from tortoise.context import TortoiseContext
from tortoise.exceptions import OperationalError

from server.core.errors import AppError, DatabaseError
from server.core.settings import Settings
from server.models.address import Address, read_address
from server.models.connection import APP, MIGRATIONS_MODULE, tortoise_config
from server.models.database import connect, make_folder, unreachable
from server.models.schema_lock import schema_lock
from server.models.sqlite_space import give_space_back

BACKUP_FOLDER = "backups"
_KEEP_BACKUPS = 10
_APPLIED = "SELECT name FROM tortoise_migrations WHERE app = 'models'"


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done, or in a dry run what would be."""

    applied: tuple[str, ...]
    backup: Path | None = None


async def migrate(
    settings: Settings,
    *,
    dry_run: bool = False,
    progress: Callable[[str], None] | None = None,
    module: str = MIGRATIONS_MODULE,
) -> Migrated:
    """Closes what it opened: call it before `open_database`."""
    address = read_address(settings)
    if address.path is not None:
        await asyncio.to_thread(make_folder, address.path.parent)
        if dry_run and not address.path.exists():
            return Migrated(tuple(known_migrations(module)))
    try:
        pending = await _pending_now(address, module)
        if dry_run or not pending:
            return Migrated(tuple(pending))
        async with schema_lock(address):
            return await _migrate_locked(address, settings.data_dir, module, progress)
    except AppError:
        raise
    except Exception as error:
        raise _failed(address, error) from error


def known_migrations(module: str = MIGRATIONS_MODULE) -> list[str]:
    """By the files' names: reading them is not needed to see that all are applied."""
    spec = find_spec(module)
    folders = spec.submodule_search_locations if spec is not None else None
    return sorted(path.stem for folder in folders or () for path in Path(folder).glob("[0-9]*.py"))


async def _pending_now(address: Address, module: str) -> list[str]:
    context = await connect(address)
    try:
        return _pending(await _applied(context, address), module)
    finally:
        await context.close_connections()


async def _applied(context: TortoiseContext, address: Address) -> list[str]:
    try:
        rows = await context.connections.get(address.kind).execute_query_dict(_APPLIED)
    except OperationalError:
        return []
    return [str(row["name"]) for row in rows]


def _pending(applied: Iterable[str], module: str) -> list[str]:
    known = known_migrations(module)
    done = set(applied)
    if newer := sorted(done.difference(known)):
        message = f"This database was made by a newer version of Baleybots ({newer[-1]})."
        hint = "Start that version again, or go back to the backup it made before the change."
        raise DatabaseError(message, hint=hint)
    return [name for name in known if name not in done]


async def _migrate_locked(
    address: Address, data_dir: Path, module: str, progress: Callable[[str], None] | None
) -> Migrated:
    # An index over millions of rows takes longer than a request may.
    context = await connect(replace(address, statement_seconds=0), foreign_keys=False)
    try:
        applied = await _applied(context, address)
        pending = _pending(applied, module)
        backup = None
        if pending and applied and address.path is not None:
            backup = await asyncio.to_thread(_back_up, address.path, data_dir, pending[0])
        if pending and not applied and module == MIGRATIONS_MODULE:
            await _create(context, address, pending, progress)
        elif pending:
            await _run(context, address, module, progress)
            await _check_keys(context, address, backup)
        if pending:
            await give_space_back(context, address)
        return Migrated(tuple(pending), backup)
    finally:
        await context.close_connections()


async def _create(
    context: TortoiseContext,
    address: Address,
    names: list[str],
    progress: Callable[[str], None] | None,
) -> None:
    from server.models.create import create_tables

    await create_tables(context, address, names)
    if progress is not None:
        for name in names:
            progress(name)


async def _run(
    context: TortoiseContext,
    address: Address,
    module: str,
    progress: Callable[[str], None] | None,
) -> None:
    from tortoise.migrations.executor import MigrationTarget

    from server.models.sqlite_schema import IndexKeepingExecutor

    def report(event: str, app: str, name: str) -> None:
        if progress is not None and event == "apply_done":
            progress(name)

    apps = tortoise_config(address, migrations=module)["apps"]
    executor = IndexKeepingExecutor(context.connections.get(address.kind), apps)
    target = MigrationTarget(app_label=APP, name="__latest__")
    with warnings.catch_warnings():
        # MySQL warns of "IF NOT EXISTS" itself; Tortoise says it of its own table at each run.
        warnings.filterwarnings("ignore", message="Table 'tortoise_migrations' already exists")
        await executor.migrate([target], direction="forward", progress=report)


async def _check_keys(context: TortoiseContext, address: Address, backup: Path | None) -> None:
    """SQLite did not watch the references during the change, so they are counted afterwards."""
    if address.kind != "sqlite":
        return
    connection = context.connections.get(address.kind)
    broken = await connection.execute_query_dict("PRAGMA foreign_key_check")
    if broken:
        table = broken[0]["table"]
        message = f"After the change of the schema {len(broken)} rows point at nothing ({table})."
        hint = f"Put the backup {backup} back in place and report this." if backup else None
        raise DatabaseError(message, hint=hint)


def _back_up(path: Path, data_dir: Path, before: str) -> Path:
    folder = data_dir / BACKUP_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    target = folder / f"{path.stem}-{moment}-before-{before}.db"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    target.chmod(0o600)
    for old in sorted(folder.glob(f"{path.stem}-*-before-*.db"))[:-_KEEP_BACKUPS]:
        old.unlink(missing_ok=True)
    return target


def _failed(address: Address, error: Exception) -> DatabaseError:
    if isinstance(error, OSError | TimeoutError):
        return unreachable(address, error)
    reason = str(error).strip().partition("\n")[0]
    message = f"The schema of {address.shown} could not be brought up to date: {reason}."
    return DatabaseError(message, hint="Nothing was started; report this with the line above.")
