"""Values that are too large for a row, each stored once for its execution.

The id of a blob comes from what is in it, so writing the same value again, in the next step or in
another attempt, changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
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


class Blobs:
    """`put` comes before the commit that refers to it: whoever sees the row can read the blob."""

    def __init__(self) -> None:
        self._there: OrderedDict[UUID, None] = OrderedDict()

    async def put(self, execution_id: UUID, text: str, value: Any) -> Large:
        large = await asyncio.to_thread(_described, execution_id, text, value)
        if large.id not in self._there:
            await _stored(execution_id, large, text)
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


def _described(execution_id: UUID, text: str, value: Any) -> Large:
    """In a thread: hashing 10 MB takes longer than a loop should stand still."""
    digest, size = hashlib.sha256(), 0
    for part in _split(text):
        data = part.encode()
        digest.update(data)
        size += len(data)
    own = hashlib.sha256(execution_id.bytes + digest.digest()).digest()
    # Cleaned before it is cut: half a secret is not known for one.
    shown = REDACTION.kept(value) if isinstance(value, str) else text
    preview = shown[:PREVIEW_CHARACTERS]
    return Large(UUID(bytes=own[:16], version=5), size, digest.hexdigest(), preview)


def _split(text: str) -> Iterator[str]:
    """One after the other, so that nobody holds a copy of the whole. A character has four bytes at
    most."""
    size = PART_BYTES if text.isascii() else PART_BYTES // 4
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _loaded(parts: Iterable[str]) -> Any:
    return loads("".join(parts))


async def _stored(execution_id: UUID, large: Large, text: str) -> None:
    try:
        if await Blob.exists(id=large.id):
            return
        async with in_transaction() as connection:
            made = {"execution_id": execution_id, "sha256": large.sha256, "size": large.size}
            await Blob.create(using_db=connection, id=large.id, **made)
            rows = (
                BlobPart(blob_id=large.id, number=number, data=part)
                for number, part in enumerate(_split(text))
            )
            while some := list(islice(rows, PARTS_AT_ONCE)):
                await BlobPart.bulk_create(some, using_db=connection)
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
