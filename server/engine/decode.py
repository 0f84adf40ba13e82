"""Rows of the database turned into what the engine works with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from server.bus.turns import Ready
from server.engine.store import Claimed, Due, RecordedStep
from server.models.enums import ControlAsked, ExecutionMode, StepStatus, TriggerKind
from server.models.large import read_value

AT_ALL = timedelta(days=36_500)
READ_AT_ONCE = 1_000


def claimed(row: Sequence[Any]) -> Claimed:
    """In the order in which every store's CLAIM gives it."""
    return Claimed(
        id=uuid_value(row[0]),
        workspace_id=uuid_value(row[1]),
        bot_id=uuid_value(row[2]),
        version_id=uuid_value(row[3]),
        attempt=row[4],
        mode=ExecutionMode(row[5]),
        trigger_kind=TriggerKind(row[6]),
        last_seq=row[7],
        losses=row[8],
        created_at=moment(row[9]),
        started_at=moment(row[10]) if row[10] else None,
        cancel_requested=bool(row[11]),
        input=json_value(row[12]),
        trigger=json_value(row[13]),
        control=ControlAsked(row[14]) if row[14] else None,
        worked_ms=row[15],
        tokens=row[16],
        cost_nano=row[17],
        start_before=moment(row[18]) if row[18] else None,
        priority=row[19],
        concurrency_key=row[20],
    )


def places_of(rows: Iterable[Sequence[Any]]) -> list[Claimed]:
    """Claims of executions that hold one of so many places of their bot."""
    return [replace(claimed(row), placed=True) for row in rows]


def recorded(row: Sequence[Any]) -> RecordedStep:
    """In the order in which every store's STEPS gives it."""
    key, status, attempt, output, error, kind, name, parent_key, position, started_at = row
    return RecordedStep(
        key,
        StepStatus(status),
        attempt,
        json_value(output),
        json_value(error),
        kind,
        name,
        parent_key,
        position,
        None if started_at is None else moment(started_at),
    )


async def all_recorded(rows: Sequence[Sequence[Any]]) -> dict[str, RecordedStep]:
    """By their keys. Of very many not all at once, so that others get their turn."""
    found = dict[str, RecordedStep]()
    for place in range(0, len(rows), READ_AT_ONCE):
        if place:
            await asyncio.sleep(0)
        found.update((row[0], recorded(row)) for row in rows[place : place + READ_AT_ONCE])
    return found


def due(rows: Iterable[Sequence[Any]]) -> list[Due]:
    """In the order in which every store's DUE gives it, but the rows as they like."""
    found = [Due(Ready(*map(uuid_value, row[:3]), priority=row[3]), float(row[4])) for row in rows]
    return sorted(found, key=attrgetter("seconds"), reverse=True)


def json_value(text: str | None) -> Any:
    return None if text is None else read_value(text)


def uuid_value(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def moment(value: datetime | str) -> datetime:
    """SQLite keeps text, MySQL a time without its zone, which is UTC."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
