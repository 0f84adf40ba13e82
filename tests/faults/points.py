"""Two exact moments in the life of a commit, which no proxy can see: when it is to be written, and
when it is stored and nobody has been told. A run that is awaited there stands still; all others of
its process, its heartbeat too, go on.

Files say which run is awaited where, so that a process that is killed there has said before that it
came. `Points` is the rig's side, `hold` the side of the process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.faults.waiting import until

FOLDER = "RIG_POINTS"
TO_WRITE, TO_TELL = "to_write", "to_tell"
_CAME, _CANCELLED = "came", "cancelled"
_LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Points:
    folder: Path

    def await_at(self, point: str, runs: list[str]) -> None:
        """These runs stop there with the next result of a step."""
        for run in runs:
            (self.folder / f"{run}.{point}").touch()

    async def reached(self, point: str, runs: list[str], seconds: float = 30) -> None:
        came = lambda: self._all(runs, f"{point}.{_CAME}")  # noqa: E731
        await until(f"all have come to {point}", came, seconds)

    def let_go(self) -> None:
        for one in self.folder.iterdir():
            one.unlink()

    async def told_to_cancel(self, runs: list[str], seconds: float) -> None:
        """Whoever holds them has heard that they are to be cancelled."""
        heard = lambda: self._all(runs, _CANCELLED)  # noqa: E731
        await until("whoever holds them has heard of it", heard, seconds)

    def _all(self, runs: list[str], mark: str) -> bool:
        return all((self.folder / f"{run}.{mark}").exists() for run in runs)


def hold() -> None:
    """In a process of the product, before it begins."""
    from server.engine.durable import DurableHost
    from server.engine.writer import Writer

    folder = Path(os.environ[FOLDER])
    write: Callable[..., Any] = Writer._written
    cancel: Callable[..., None] = DurableHost.cancel

    async def written(self: Writer, commit: Any) -> Any:
        ends_a_step = any(event.type == "step.completed" for event in commit.events)
        if ends_a_step:
            await _stand_still(folder, self.identity.id, TO_WRITE)
        committed = await write(self, commit)
        if ends_a_step:
            await _stand_still(folder, self.identity.id, TO_TELL)
        return committed

    def cancelled(self: DurableHost) -> None:
        (folder / f"{self.identity.id}.{_CANCELLED}").touch()
        cancel(self)

    Writer._written = written  # type: ignore[method-assign]
    DurableHost.cancel = cancelled  # type: ignore[method-assign]


async def _stand_still(folder: Path, run: UUID, point: str) -> None:
    awaited = folder / f"{run}.{point}"
    while awaited.exists():
        (folder / f"{run}.{point}.{_CAME}").touch()
        await asyncio.sleep(_LOOK_SECONDS)
