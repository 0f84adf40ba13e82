"""`doctor`: what is set, what answers, and what to do about the rest."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import click

from server.cli.group import example
from server.cli.local import data_option, settings_for
from server.cli.output import json_option, print_json, say

if TYPE_CHECKING:
    from server.core.settings import Settings

Verdict = Literal["ok", "warning", "problem"]

_COLOURS: dict[Verdict, str] = {"ok": "green", "warning": "yellow", "problem": "red"}
_LOW_SPACE = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    verdict: Verdict
    message: str


Check = Callable[["Settings"], Awaitable[Finding]]


@click.command(epilog=example("baleybots doctor\nbaleybots doctor --json"))
@data_option
@json_option
def doctor(data_dir: str | None, as_json: bool) -> None:
    """Check settings, data folder, key, database, Redis, clock and model providers.

    Exit code 0 when nothing stands in the way of a start, 1 otherwise.
    """
    settings = settings_for(data_dir)
    findings = asyncio.run(_all(settings, quiet=as_json))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    sys.exit(1 if any(finding.verdict == "problem" for finding in findings) else 0)


async def _all(settings: Settings, *, quiet: bool) -> list[Finding]:
    findings: list[Finding] = []
    async for finding in _examined(settings):
        findings.append(finding)
        if not quiet:
            mark = click.style(f"{finding.verdict:<8}", fg=_COLOURS[finding.verdict])
            say(f"{mark} {finding.check:<10} {finding.message}")
    return findings


async def _examined(settings: Settings) -> AsyncIterator[Finding]:
    from server.core.errors import AppError

    for name, check in CHECKS:
        try:
            yield await check(settings)
        except AppError as error:
            hint = f" {error.hint}" if error.hint else ""
            yield Finding(name, "problem", f"{error.message}{hint}")


async def _settings(settings: Settings) -> Finding:
    from server.core.settings import SETTINGS, misspelt

    if words := misspelt(os.environ):
        return Finding("settings", "warning", words)
    values = settings.shown()
    given = [f"{one.name}={values[one.field]}" for one in SETTINGS if os.environ.get(one.name)]
    message = f"In force: {', '.join(given)}." if given else "Nothing is set; defaults are used."
    return Finding("settings", "ok", message)


async def _folder(settings: Settings) -> Finding:
    from server.models.database import make_folder

    make_folder(settings.data_dir)
    free = shutil.disk_usage(settings.data_dir).free
    if free < _LOW_SPACE:
        message = f"{settings.data_dir} has only {free // 2**20} MiB left: make room."
        return Finding("folder", "warning", message)
    return Finding("folder", "ok", f"{settings.data_dir} can be written.")


async def _key(settings: Settings) -> Finding:
    from server.core.keyring import load_secret_key

    warnings: list[str] = []
    load_secret_key(settings, warn=warnings.append)
    if warnings:
        return Finding("key", "warning", warnings[0])
    return Finding("key", "ok", "The secret key can be read by nobody else.")


async def _database(settings: Settings) -> Finding:
    from server.models.database import open_database
    from server.models.migrate import migrate

    pending = (await migrate(settings, dry_run=True)).applied
    database = await open_database(settings)
    await database.close()
    shown = database.address.shown
    if pending:
        message = f"{shown} answers; {len(pending)} changes of the schema come with the next start."
        return Finding("database", "ok", message)
    return Finding("database", "ok", f"{shown} answers and is up to date.")


async def _secrets(settings: Settings) -> Finding:
    """A key that is well kept may still be another one than the data was stored with."""
    from server.core.errors import DatabaseError
    from server.core.keyring import load_keys
    from server.models.database import open_database
    from server.models.key_check import look_at_key
    from server.models.migrate import migrate

    try:
        if (await migrate(settings, dry_run=True)).applied:
            message = "The key is compared when the schema is up to date: `baleybots migrate`."
            return Finding("secrets", "ok", message)
        database = await open_database(settings)
    except DatabaseError:
        message = "The key cannot be compared while the database cannot be read."
        return Finding("secrets", "warning", message)
    try:
        await look_at_key(*load_keys(settings))
    finally:
        await database.close()
    return Finding("secrets", "ok", "What is stored was sealed with this secret key.")


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        message = "The embedded queue is used: one process (`baleybots up`)."
        return Finding("redis", "ok", message)
    from server.bus.bus import UPGRADE, Bus

    bus = Bus(settings.redis_url)
    try:
        if fault := await bus.fault(3.0):
            return Finding("redis", "problem", f"{fault} {UPGRADE}")
        if await bus.alive(3.0):
            there = bus.attendance
            return _staffed(await there.count(), await there.count_short())
    finally:
        await bus.redis.aclose(close_connection_pool=True)
    message = "Redis does not answer. Check BALEYBOTS_REDIS_URL and that it is running."
    return Finding("redis", "problem", message)


def _staffed(workers: int | None, short: int | None) -> Finding:
    if workers is None:
        message = "Redis answers, but does not say how many workers are running. Try again."
        return Finding("redis", "warning", message)
    if workers == 0:
        message = "Redis answers. No worker is running: start one with `baleybots worker`."
        return Finding("redis", "warning", message)
    said = "1 worker is" if workers == 1 else f"{workers} workers are"
    if short:
        message = (
            f"Redis answers; {said} running, {short} of them short of memory: nothing new begins "
            "there, or one at a time, until less is held. Give them more memory, start more "
            "workers, or set BALEYBOTS_WORKER_MEMORY_MIB higher."
        )
        return Finding("redis", "warning", message)
    return Finding("redis", "ok", f"Redis answers; {said} running.")


async def _clock(settings: Settings) -> Finding:
    """Leases are counted by the database, schedules by us: the two must agree."""
    from server.core.clock import SystemClock

    now = SystemClock().now()
    if now.year < 2026:
        return Finding("clock", "problem", f"The clock says {now:%Y-%m-%d}: set it.")
    return Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC.")


async def _providers(settings: Settings) -> Finding:
    if not settings.has_provider:
        message = "No model provider is set up; the offline demo model answers."
        return Finding("models", "ok", message)
    names = ", ".join(sorted(settings.providers))
    message = f"{names} from the environment serves every workspace: fine for a single owner."
    return Finding("models", "warning", message)


CHECKS: tuple[tuple[str, Check], ...] = (
    ("settings", _settings),
    ("folder", _folder),
    ("key", _key),
    ("database", _database),
    ("secrets", _secrets),
    ("redis", _redis),
    ("clock", _clock),
    ("models", _providers),
)
