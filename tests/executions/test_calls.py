"""What models were asked, as it was asked: kept, put together again, without secrets, and gone with
its execution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.costs.health import provider_health
from server.executions import calls
from server.executions.retention import delete_executions
from server.llm import verdict
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import ChatRequest
from server.llm.window import LeftOut, Sent, sizes_of
from server.llm.wire import messages_of
from server.models.tables import Execution, ModelCall
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks

TOOLS = 'writer { "goal": "Look it up", "model": "m", "tools": ["store_memory"] }'
CHAIN = 'writer { "goal": "Write", "model": "m", "fallbacks": ["n"], "retries": 1 }'
SECRET = "sk-proj-0123456789abcdefghij"
DOWN = ModelError(ModelErrorKind.PROVIDER_FAILED, "Down.", status=503)


class Telling(ScriptedGateway):
    """Says what leaves, as the real one does."""

    left_out: tuple[LeftOut, ...] = ()

    async def chat(self, request: ChatRequest, on_delta: Any = None, on_sent: Any = None) -> Any:
        told, sizes = messages_of(request), sizes_of(request)
        sent = Sent(request.model or "", "openai", "words", told, {}, sizes, self.left_out, 8000)
        on_sent(sent)
        return await super().chat(request, on_delta)


async def words(home: Home, execution: Execution) -> list[list[str]]:
    """Of each call the roles of its messages."""
    rows = await calls.of_execution(home.owner, execution.id)
    found = await calls.words_of(home.owner, execution.id, rows[0].step_key)
    return [[one["role"] for one in found[row.id].messages or []] for row in rows]


async def test_each_turn_holds_what_the_ones_before_it_said_and_nothing_is_kept_twice(
    tmp_path: Path,
) -> None:
    listing = asks(("store_memory", {"action": "list"}))
    gateway = Telling({"m": [listing, "Nothing there."]})
    async with open_home(tmp_path, gateway=gateway) as home:
        ended = await home.run(TOOLS, "tea")
        first = ["system", "user"]
        assert await words(home, ended) == [first, [*first, "assistant", "tool"]]
        rows = await ModelCall.filter(execution_id=ended.id).order_by("id")
        assert [(row.carried, len(row.messages)) for row in rows] == [(0, 2), (2, 2)]
        assert [set(row.parts) for row in rows] == [{"system", "tools", "input"}] * 2
        assert rows[1].answer["text"] == "Nothing there."
        assert calls.story_of(rows) is None
        await delete_executions([ended.id])
        assert not await ModelCall.exists()


async def test_failed_attempts_are_a_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.001)
    gateway = Telling({"m": [DOWN], "n": ["Well."]})
    async with open_home(tmp_path, gateway=gateway) as home:
        ended = await home.run(CHAIN, "tea")
        rows = await calls.of_execution(home.owner, ended.id)
    assert ended.output == "Well."
    assert [(row.source, row.try_number, row.requested_model) for row in rows] == [
        ("failed", 1, "m"),
        ("failed", 2, "m"),
        ("live", 1, "n"),
    ]
    told = calls.story_of(rows)
    assert told == "openai 503, tried again; openai 503, went on with n; scripted answered"


async def test_what_looks_like_a_secret_is_not_kept(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=Telling({"m": ["fine"]})) as home:
        ended = await home.run(CHAIN, f"use {SECRET} for it")
        (row,) = await ModelCall.filter(execution_id=ended.id)
    assert row.messages[1]["content"] == "use [hidden] for it"


async def test_what_was_left_out_begins_so(tmp_path: Path) -> None:
    gateway = Telling({"m": ["fine"]})
    gateway.left_out = (LeftOut(1, "history", "dropped", 900),)
    async with open_home(tmp_path, gateway=gateway) as home:
        ended = await home.run(CHAIN, "much " * 100)
        (row,) = await ModelCall.filter(execution_id=ended.id)
    (left_out,) = row.left_out
    assert (left_out["how"], left_out["tokens"], len(left_out["preview"])) == ("dropped", 900, 200)


async def test_how_soon_each_model_begins_is_told_apart(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=Telling({"m": ["fine"] * 2})) as home:
        ended = await home.run(CHAIN, "tea")
        row = await ModelCall.get(execution_id=ended.id)
        copied = {name: getattr(row, name) for name in row._meta.fields_db_projection}
        del copied["id"]
        for model, times in (("quick", range(1, 101)), ("slow", [4_000])):
            rows = [ModelCall(**{**copied, "model": model, "ttft_ms": ms}) for ms in times]
            await ModelCall.bulk_create(rows)
        (found,) = await provider_health(home.owner, home.rooms.clock)
    speeds = {one.model: one for one in found.models}
    assert found.models[0].model == "quick"
    quick, slow = speeds["quick"], speeds["slow"]
    assert (quick.answers, quick.first_token_ms, quick.first_token_p95_ms) == (100, 51, 96)
    assert (slow.answers, slow.first_token_ms, slow.first_token_p95_ms) == (1, 4_000, 4_000)


async def test_a_call_that_is_broken_off_is_kept_too(tmp_path: Path) -> None:
    gateway = Telling({"m": ["late"]})
    gateway.hold("m")
    async with open_home(tmp_path, gateway=gateway) as home:
        started = await home.start(await home.bot(CHAIN), "tea")
        await gateway.asked["m"].wait()
        await home.control(started, "cancel")
        ended = await home.ended(started)
        (row,) = await ModelCall.filter(execution_id=ended.id)
        assert (row.source, row.error_kind, len(row.messages)) == ("failed", "cancelled", 2)
        assert await provider_health(home.owner, home.rooms.clock) == []
