"""Which bot an execution may start: by name or id, in its own workspace."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.bal.plan import Plan
from server.bots.programs import ProgramRefused
from server.bots.versions import freeze
from server.core.ids import split_id
from server.engine.family import Brought, Target
from server.engine.store import NewExecution
from server.executions.children_again import finished_in
from server.executions.inputs import checked_input
from server.models.enums import BotState
from server.models.tables import Bot
from server.tools.base import ToolFailed


class WorkspaceBots:
    """The published version runs; of a bot that was never published, the draft."""

    async def find(self, workspace_id: UUID, name: str) -> Target:
        bot = await _bot(workspace_id, name)
        if bot is None:
            raise ToolFailed(f"There is no bot called `{name}` here.", "not_found")
        if bot.state in (BotState.ARCHIVED, BotState.PAUSED):
            raise ToolFailed(f"`{bot.name}` is {bot.state.value}; it is not run.", "tool_forbidden")
        return Target(bot.id, bot.name, await _version(bot), bot.limited)

    def checked(self, plan: Plan, value: Any, trigger: dict[str, Any]) -> Any:
        return checked_input(plan, value, trigger)

    async def finished_in(self, earlier_id: UUID, new: NewExecution, plan: Plan) -> Brought | None:
        return await finished_in(earlier_id, new, plan)


async def _bot(workspace_id: UUID, name: str) -> Bot | None:
    living = Bot.filter(workspace_id=workspace_id, deleted_at=None)
    found = await living.get_or_none(name_key=Bot.key_of(name))
    if found is not None:
        return found
    by_id = split_id(name.strip())
    if by_id is None or by_id[0] != "bot":
        return None
    return await living.get_or_none(id=by_id[1])


async def _version(bot: Bot) -> UUID:
    if bot.published_version_id is not None:
        return bot.published_version_id
    try:
        return (await freeze(bot)).id
    except ProgramRefused as refused:
        message = f"The program of `{bot.name}` has mistakes: {refused.message}"
        raise ToolFailed(message, "bal_invalid") from refused
