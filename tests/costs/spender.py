"""A process that spends: `python -m tests.costs.spender URL FOLDER WORKSPACE BOT CALLS MOST` makes
so many calls at once through the real door and prints what they cost. A person may follow, who
started them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from server.core.clock import SystemClock
from server.core.crypto import SecretBox, SecretKey
from server.core.ids import new_uuid
from server.core.settings import load_settings
from server.costs.budgets import Budgets
from server.costs.door import Till
from server.engine.door import OutOfBudget
from server.engine.store import Claimed
from server.llm.catalogue import catalogue
from server.llm.errors import ModelError
from server.llm.gateway import Gateway
from server.llm.messages import ChatRequest, Delta, Message, ModelAnswer, Usage
from server.llm.pricing import cost_of
from server.llm.routing import Router
from server.llm.window import OnSent
from server.llm.workspace_models import WorkspaceModels
from server.models.database import open_database
from server.models.enums import ExecutionMode, TriggerKind

MODEL = "openai:gpt-4o-mini"
WRITTEN = 400


class Answering(Gateway):
    """Takes its time and writes as much as it may, at most 400 tokens."""

    async def chat(
        self,
        request: ChatRequest,
        on_delta: Callable[[Delta], None] | None = None,
        on_sent: OnSent | None = None,
    ) -> ModelAnswer:
        await asyncio.sleep(0.01)
        route = self.route(request.model, request.access)
        assert route.provider is not None
        usage = Usage(20, min(WRITTEN, request.max_tokens or WRITTEN))
        cost = cost_of(catalogue(), route.provider, (route.model,), usage)
        return ModelAnswer(
            text="x",
            tool_calls=(),
            usage=usage,
            requested_model=MODEL,
            model=route.model,
            provider="openai",
            cost=cost,
            estimated=False,
            finish_reason="stop",
            ttft_ms=1.0,
            duration_ms=10.0,
        )


@dataclass
class Spent:
    costs: list[int]
    refused: int = 0
    failed: int = 0


def till_of(folder: Path) -> Till:
    settings = load_settings({"OPENAI_API_KEY": "sk-none"}, data_dir=folder)
    box = SecretBox(SecretKey.from_text("x" * 40))
    models = WorkspaceModels(Router(settings), box, SystemClock())
    return Till(Answering(settings), models, Budgets(SystemClock()), SystemClock())


def claimed(workspace_id: UUID, bot_id: UUID, **more: Any) -> Claimed:
    return Claimed(
        id=more.pop("id", None) or new_uuid(),
        workspace_id=workspace_id,
        bot_id=bot_id,
        version_id=new_uuid(),
        attempt=1,
        mode=ExecutionMode.LIVE,
        trigger_kind=TriggerKind.API,
        last_seq=0,
        created_at=datetime.now(UTC),
        **more,
    )


async def spend(
    till: Till, workspace_id: UUID, bot_id: UUID, calls: int, most: int | None, user: str = ""
) -> Spent:
    spent = Spent([])
    trigger = {"user": {"id": user}} if user else None

    async def one() -> None:
        door = till.door(claimed(workspace_id, bot_id, trigger=trigger))
        request = ChatRequest((Message("user", "Say x."),), model=MODEL, max_tokens=most)
        try:
            answer = await door.chat("a", request, lambda delta: None)
            spent.costs.append(answer.cost or 0)
        except OutOfBudget:
            spent.refused += 1
        except ModelError:
            spent.failed += 1

    await asyncio.gather(*(one() for _ in range(calls)))
    return spent


async def main() -> None:
    url, folder, workspace, bot, calls, most, user = [*sys.argv[1:], ""][:7]
    settings = load_settings({}, data_dir=Path(folder), database_url=url)
    database = await open_database(settings)
    try:
        sys.stdin.readline()  # both processes begin at the same moment
        limit = int(most) or None
        till = till_of(Path(folder))
        spent = await spend(till, UUID(workspace), UUID(bot), int(calls), limit, user)
        sys.stdout.write(json.dumps(vars(spent)) + "\n")
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
