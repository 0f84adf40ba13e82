"""The engine alone waits and repeats: against a scripted server, over the real way to a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from server.engine import durable, resting
from server.executions import service as executions
from server.llm import verdict
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import ModelCall, Usage
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import Home, open_home

ONE = 'a { "goal": "Say", "model": "openai:m" }'
TWO = 'a { "goal": "Say", "model": "openai:m", "fallbacks": ["openai:n"] }'
DOWN = Reply(status=500, error="down")
LIMITED = Reply(status=429, error="slow down", headers={"retry-after": "2"})


@pytest.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("Well.")) as server:
        yield server


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.01)


@asynccontextmanager
async def opened(folder: Path, models: ModelServer) -> AsyncIterator[Home]:
    environ = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": models.url}
    async with open_home(folder, environ=environ) as home:
        yield home


async def failures(home: Home, execution: Any) -> list[dict[str, Any]]:
    events = await home.events(execution)
    return [event["data"] for event in events if event["type"] == "model.failed"]


async def test_a_server_that_stumbles_is_asked_again(tmp_path: Path, models: ModelServer) -> None:
    models.script("m", DOWN, DOWN)
    async with opened(tmp_path, models) as home:
        execution = await home.start(await home.bot(ONE), "x")
        told = await failures(home, execution)
        ended = await executions.get(home.owner, execution.id)
    assert (ended.status, ended.output) == (ExecutionStatus.COMPLETED, "Well.")
    assert models.count("m") == 3
    assert [one["tryNumber"] for one in told] == [1, 2]
    assert all(one["retryIn"] <= 0.02 for one in told)
    assert {one["kind"] for one in told} == {"provider_failed"}


async def test_after_three_failures_the_next_model_is_asked(
    tmp_path: Path, models: ModelServer
) -> None:
    models.always("m", DOWN)
    async with opened(tmp_path, models) as home:
        execution = await home.start(await home.bot(TWO), "x")
        told = await failures(home, execution)
        ended = await executions.get(home.owner, execution.id)
        steps = await executions.steps(home.owner, execution.id)
    assert ended.output == "Well."
    assert (models.count("m"), models.count("n")) == (3, 1)
    assert [one.get("nextModel") for one in told] == [None, None, "openai:n"]
    assert (steps[0].requested_model, steps[0].model) == ("openai:m", "n")


async def test_when_every_model_has_failed_the_step_says_so(
    tmp_path: Path, models: ModelServer
) -> None:
    models.always("m", DOWN)
    models.always("n", Reply(status=401, error="bad key"))
    async with opened(tmp_path, models) as home:
        ended = await home.run(TWO, "x")
    assert ended.status is ExecutionStatus.FAILED
    assert ended.error["kind"] == "provider_auth"
    assert (models.count("m"), models.count("n")) == (3, 1)


async def test_what_had_come_of_a_cancelled_answer_is_counted(
    tmp_path: Path, models: ModelServer
) -> None:
    """The provider wants it paid; what it said of it is not known, so it is estimated."""
    models.always("m", Reply("one two three four five six", gate=asyncio.Event()))
    async with opened(tmp_path, models) as home:
        execution = await home.start(await home.bot(ONE), "x")
        async for batch in home.rooms.engine.follow(execution.id):
            if any(event["type"] == "step.delta" for event in batch.events):
                break
        await home.control(execution, "cancel")
        ended = await home.ended(execution)
    assert ended.status is ExecutionStatus.CANCELLED
    assert ended.input_tokens > 0
    assert 0 < ended.output_tokens < 10
    assert ended.estimated


async def test_what_took_too_long_is_among_the_calls_before_anybody_decides(
    tmp_path: Path, models: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step may be done again and end well; what was asked first is paid, too."""
    models.always("m", Reply("one two three four five six", gate=asyncio.Event()))
    monkeypatch.setattr(durable, "STEP_SECONDS", 1.0)
    slow = ONE + " chain { a on_error pause }"
    async with opened(tmp_path, models) as home:
        await home.rooms.engine.gateway.prepare()
        execution = await home.start(await home.bot(slow), "x")
        await home.until(execution, ExecutionStatus.WAITING)
        calls = await ModelCall.filter(execution_id=execution.id)
        paid = await Usage.filter(execution_id=execution.id)
    assert [one.error_kind for one in calls] == ["cancelled"]
    assert [one.output_tokens for one in calls] == [one.output_tokens for one in paid]


async def test_a_wrong_key_is_not_tried_again(tmp_path: Path, models: ModelServer) -> None:
    models.always("m", Reply(status=401, error="bad key"))
    async with opened(tmp_path, models) as home:
        ended = await home.run(ONE, "x")
    assert ended.status is ExecutionStatus.FAILED
    assert models.count("m") == 1


@pytest.mark.slow
async def test_a_long_retry_after_is_a_row_that_survives_a_restart(
    tmp_path: Path, models: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "IN_PLACE_SECONDS", 0.1)
    models.script("m", LIMITED, Reply(status=429, headers={"retry-after": "1"}))
    async with opened(tmp_path, models) as home:
        started = await home.start(await home.bot(ONE), "x")
        row = await home.until(started, ExecutionStatus.WAITING)
        assert row.waiting_reason is WaitingReason.RETRY
        assert row.due_at is not None
        assert 1.5 < (row.due_at - row.created_at).total_seconds() < 6
        assert row.owner is None
    async with opened(tmp_path, models) as home:
        async with asyncio.timeout(20):
            told = await failures(home, started)
        ended = await executions.get(home.owner, started.id)
    assert ended.output == "Well."
    assert models.count("m") == 3
    assert [one["tryNumber"] for one in told] == [1, 2]
    first, *_, last = models.requests
    assert last.at - first.at >= 3


async def test_a_fallback_keeps_the_conversation_and_goes_on_with_the_tools(
    tmp_path: Path, models: ModelServer
) -> None:
    models.script("m", Reply(tool_calls=[("wait", {"seconds": 0})]))
    models.always("m", DOWN)
    source = TWO.replace('"goal"', '"tools": ["wait"], "goal"')
    async with opened(tmp_path, models) as home:
        ended = await home.run(source, "x")
    assert ended.output == "Well."
    assert (models.count("m"), models.count("n")) == (4, 1)
    roles = [message["role"] for message in models.requests[-1].body["messages"]]
    assert roles == ["system", "user", "assistant", "tool"]
