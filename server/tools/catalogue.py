"""Which tools there are. The built-in ones stand in one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

from server.tools.base import Tool
from server.tools.builtin.ask import ASK
from server.tools.builtin.memory import STORE_MEMORY
from server.tools.builtin.send_notification import SEND_NOTIFICATION
from server.tools.builtin.shared_storage import SHARED_STORAGE
from server.tools.builtin.spawn import SPAWN_BALEYBOT
from server.tools.builtin.wait import WAIT

BUILT_IN: tuple[Tool, ...] = (
    SPAWN_BALEYBOT,
    STORE_MEMORY,
    SHARED_STORAGE,
    WAIT,
    ASK,
    SEND_NOTIFICATION,
)


class Catalogue:
    """The tools of one workspace by name. Of two with one name the later one counts."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    def get(self, name: str) -> Tool | None:
        return self._tools.get(name)

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(self._tools.values())

    @property
    def names(self) -> frozenset[str]:
        """For the checker of the language."""
        return frozenset(self._tools)


Catalogues = Callable[[UUID], Awaitable[Catalogue]]

_BUILT_IN = Catalogue(BUILT_IN)


async def catalogue(workspace_id: UUID) -> Catalogue:
    """What the bots of this workspace may be given."""
    return _BUILT_IN
