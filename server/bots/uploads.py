"""Bundles that were brought and wait: kept for a day, the latest few of a workspace."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import timedelta
from uuid import UUID

from server.bots.bundle import Contents
from server.bots.unpacking import unpack
from server.core.clock import Clock, SystemClock
from server.core.errors import NotFound
from server.models.tables import Bundle
from server.workspaces.access import Viewer, mine, require, require_all_bots

CLOCK = SystemClock()
KEPT_FOR = timedelta(days=1)
MOST_KEPT = 10


async def keep(viewer: Viewer, name: str, data: bytes, clock: Clock = CLOCK) -> Bundle:
    """Refuses what is not a bundle; changes nothing else."""
    require(viewer, "bots:write")
    require_all_bots(viewer)
    await asyncio.to_thread(unpack, data)
    await _forget_old(viewer, clock)
    return await Bundle.create(
        workspace_id=viewer.workspace_id,
        author_id=viewer.user_id,
        name=" ".join(name.split())[:200] or "bundle.zip",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        data=base64.b64encode(data).decode(),
        created_at=clock.now(),
    )


async def opened(viewer: Viewer, bundle_id: UUID) -> tuple[Bundle, Contents]:
    """Only for the one who brought it."""
    require(viewer, "bots:write")
    rows = mine(viewer, Bundle).filter(author_id=viewer.user_id)
    bundle = await rows.get_or_none(id=bundle_id)
    if bundle is None:
        raise NotFound("There is no such bundle.", hint="Upload the file again.", path=["bundleId"])
    return bundle, await asyncio.to_thread(unpack, base64.b64decode(bundle.data))


async def _forget_old(viewer: Viewer, clock: Clock) -> None:
    await Bundle.filter(created_at__lt=clock.now() - KEPT_FOR).delete()
    ids = (
        await mine(viewer, Bundle)
        .order_by("-id")
        .offset(MOST_KEPT - 1)
        .values_list("id", flat=True)
    )
    if ids:
        await Bundle.filter(id__in=list(ids)).delete()
