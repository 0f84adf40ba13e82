"""The conversation that a run takes up: given by whoever starts it, or that of an earlier execution
with its question and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from server.bal.values import text_of
from server.core.errors import Invalid, InvalidState, NotFound
from server.core.ids import read_id
from server.engine.blobs import Blobs
from server.engine.conversation import CONVERSATION
from server.executions import service
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from server.workspaces.access import Viewer

ROLES = ("user", "assistant")
MOST_MESSAGES = 1_000
MOST_CHARACTERS = 4_000_000


def checked(messages: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Pairs of role and text, the earliest first."""
    if len(messages) > MOST_MESSAGES:
        message = f"A conversation has at most {MOST_MESSAGES:,} messages."
        raise Invalid(message, hint="Leave the earliest out.", path=["conversation"])
    if sum(len(text) for _, text in messages) > MOST_CHARACTERS:
        message = f"A conversation has at most {MOST_CHARACTERS:,} characters."
        raise Invalid(message, hint="Leave the earliest out.", path=["conversation"])
    return [{"role": role, "content": text} for role, text in messages]


async def after(viewer: Viewer, execution: str, bot_id: UUID) -> list[dict[str, str]]:
    """What was said up to the end of that execution, named as the outside names it."""
    try:
        row = await service.one(viewer, read_id("execution", execution))
    except NotFound as error:
        error.path = ("continues",)
        raise
    if row.bot_id != bot_id:
        raise Invalid("This execution is of another bot.", path=["continues"])
    if row.status is not ExecutionStatus.COMPLETED:
        message = f"This execution is {row.status.value}; only a completed one can be continued."
        raise InvalidState(message, path=["continues"])
    return await up_to(row)


async def up_to(row: Execution) -> list[dict[str, str]]:
    """What was said before it, and its own question and answer; of too much the latest."""
    whole = Blobs().whole
    trigger: Any = await whole(row.trigger)
    earlier: list[dict[str, str]] = list((trigger or {}).get(CONVERSATION) or ())
    asked, said = text_of(await whole(row.input)), text_of(await whole(row.output))
    if len(asked) + len(said) > MOST_CHARACTERS:
        asked, said = asked[: MOST_CHARACTERS // 2], said[: MOST_CHARACTERS // 2]
    now = [("user", asked), ("assistant", said)]
    pairs = [(one["role"], one["content"]) for one in earlier]
    return checked(_latest([*pairs, *((role, text) for role, text in now if text)]))


def _latest(messages: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    """As many as are allowed. What is left begins with a question, as it began before."""
    first, left = len(messages), MOST_CHARACTERS
    floor = max(0, first - MOST_MESSAGES)
    while first > floor and len(messages[first - 1][1]) <= left:
        first -= 1
        left -= len(messages[first][1])
    asked = (place for place in range(first, len(messages)) if messages[place][0] == "user")
    return messages[next(asked, first) if first else 0 :]
