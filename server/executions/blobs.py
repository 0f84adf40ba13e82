"""Reading a value that was too large for its row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from server.core.errors import NotFound
from server.engine.blobs import Blobs
from server.models.tables import Blob, Execution
from server.workspaces.access import Viewer, one_of_mine, require


@dataclass(frozen=True, slots=True)
class OpenBlob:
    """`parts` are JSON text in UTF-8, one piece after the other."""

    size: int
    sha256: str
    parts: AsyncIterator[str]


async def open_blob(viewer: Viewer, blob_id: UUID) -> OpenBlob:
    """Belongs to whoever may see its execution; of elsewhere is as if it never was."""
    require(viewer, "executions:read")
    row = await Blob.get_or_none(id=blob_id)
    if row is None:
        raise NotFound("There is no such blob; it is deleted together with its execution.")
    await one_of_mine(viewer, Execution, row.execution_id, "blob")
    return OpenBlob(row.size, row.sha256, Blobs().parts(blob_id))
