"""Values that are too large for a row, each stored once for its execution.

The id of a blob comes from what is in it, so writing the same value again, in the next step or in
another attempt, changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.exceptions import BaseORMException, IntegrityError
from tortoise.transactions import in_transaction

from server.core.errors import Unavailable
from server.core.jsontext import loads
from server.core.logs import REDACTION
from server.models.away import is_away
from server.models.large import PREVIEW_CHARACTERS, Large
from server.models.tables import Blob, BlobPart

PART_BYTES = 256 * 1024
PARTS_AT_ONCE = 4
REMEMBERED = 4_096


@dataclass(frozen=True, slots=True)
class Packed:
    large: Large
    parts: list[str]


class Blobs:
    """`put` comes before the commit that refers to it: whoever sees the row can read the blob."""

    def __init__(self) -> None:
        self._there: OrderedDict[UUID, None] = OrderedDict()

    async def put(self, execution_id: UUID, text: str, value: Any) -> Large:
        packed = await asyncio.to_thread(_packed, execution_id, text, value)
        large = packed.large
        if large.id not in self._there:
            await _stored(execution_id, packed)
            self._there[large.id] = None
            while len(self._there) > REMEMBERED:
                self._there.popitem(last=False)
        return large

    async def whole(self, value: Any) -> Any:
        """The value itself, wherever it is kept."""
        if not isinstance(value, Large):
            return value
        parts = [part async for part in self.parts(value.id)]
        return await asyncio.to_thread(_loaded, parts)

    async def parts(self, blob_id: UUID) -> AsyncIterator[str]:
        """One after the other: whoever sends them on never holds all of them."""
        number = 0
        while (part := await _part(blob_id, number)) is not None:
            yield part
            number += 1


def _packed(execution_id: UUID, text: str, value: Any) -> Packed:
    """In a thread: hashing 10 MB takes longer than a loop should stand still."""
    data = text.encode()
    digest = hashlib.sha256(data)
    own = hashlib.sha256(execution_id.bytes + digest.digest()).digest()
    # Cleaned before it is cut: half a secret is not known for one.
    shown = REDACTION.kept(value) if isinstance(value, str) else text
    preview = shown[:PREVIEW_CHARACTERS]
    large = Large(UUID(bytes=own[:16], version=5), len(data), digest.hexdigest(), preview)
    return Packed(large, _split(text))


def _split(text: str) -> list[str]:
    """A character has four bytes at most."""
    size = PART_BYTES if text.isascii() else PART_BYTES // 4
    return [text[start : start + size] for start in range(0, len(text), size)]


def _loaded(parts: Iterable[str]) -> Any:
    return loads("".join(parts))


async def _stored(execution_id: UUID, packed: Packed) -> None:
    large = packed.large
    try:
        if await Blob.exists(id=large.id):
            return
        async with in_transaction() as connection:
            made = {"execution_id": execution_id, "sha256": large.sha256, "size": large.size}
            await Blob.create(using_db=connection, id=large.id, **made)
            rows = [
                BlobPart(blob_id=large.id, number=number, data=part)
                for number, part in enumerate(packed.parts)
            ]
            await BlobPart.bulk_create(rows, batch_size=PARTS_AT_ONCE, using_db=connection)
    except IntegrityError:
        return  # another attempt wrote the same value in the same moment
    except (BaseORMException, OSError) as error:
        raise unavailable(error) from error


async def _part(blob_id: UUID, number: int) -> str | None:
    try:
        row = await BlobPart.get_or_none(blob_id=blob_id, number=number)
    except (BaseORMException, OSError) as error:
        raise unavailable(error) from error
    return None if row is None else row.data


def unavailable(error: Exception) -> Exception:
    """A database that is away is said so; anything else is a mistake of ours."""
    return Unavailable(f"The database cannot be used: {error}.") if is_away(error) else error
