"""kill -9 in the middle of a model call: what was finished is not done again."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from uuid import UUID

import pytest

from server.executions import service as executions
from server.models.enums import ExecutionStatus
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import open_home
from tests.support.waiting import until
from tests.workers.processes import child

CHAIN = """
a { "goal": "First", "model": "openai:one" }
b { "goal": "Second", "model": "openai:two" }
c { "goal": "Third", "model": "openai:three" }
chain { a b c }
"""


def keys(models: ModelServer) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": models.url}


async def asked(models: ModelServer, model: str) -> None:
    await until(lambda: any(request.model == model for request in models.requests), 40)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_killed_server_goes_on_after_its_restart(tmp_path: Path) -> None:
    async with ModelServer() as models:
        models.script("two", Reply(hang=True), Reply("second"))
        models.script("one", Reply("first"))
        models.script("three", Reply("third"))
        environ = keys(models)
        async with open_home(tmp_path, environ=environ, worker=False) as home:
            bot = await home.bot(CHAIN)
        data = {"BALEYBOTS_DATA_DIR": str(tmp_path), **environ}
        async with child(tmp_path, "start", str(bot.id), **data) as server:
            execution_id = UUID(await server.line())
            await asked(models, "two")
            await server.kill(signal.SIGKILL)
        async with open_home(tmp_path, environ=environ) as home:
            execution = await executions.get(home.owner, execution_id)
            row = await home.ended(execution)
            events = await home.events(execution)
    assert (row.status, row.output) == (ExecutionStatus.COMPLETED, "third")
    assert [request.model for request in models.requests] == ["one", "two", "two", "three"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    resumed = [event for event in events if event["type"] == "execution.started"]
    assert [event["attempt"] for event in resumed] == [1, 2]


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.timeout(180)
async def test_a_stopped_worker_hands_over_and_a_killed_one_is_replaced(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    async with ModelServer() as models:
        models.script("one", Reply("first"))
        models.script("two", Reply(hang=True), Reply(hang=True), Reply("second"))
        models.script("three", Reply("third"))
        shared = {
            "BALEYBOTS_DATA_DIR": str(tmp_path),
            "BALEYBOTS_DATABASE_URL": postgres_url,
            "BALEYBOTS_REDIS_URL": redis_url,
            **keys(models),
        }
        async with (
            open_home(
                tmp_path,
                database_url=postgres_url,
                redis_url=redis_url,
                environ=keys(models),
                worker=False,
            ) as home,
            child(tmp_path, "worker", **shared) as first,
        ):
            await first.says("worker_ready")
            execution = await home.start(await home.bot(CHAIN), "x")
            assert execution.status is ExecutionStatus.PENDING
            await asked(models, "two")
            async with child(tmp_path, "worker", **shared) as second:
                await second.says("worker_ready")
                first.process.send_signal(signal.SIGTERM)
                await first.says("worker_drains")
                assert await first.kill(signal.SIGTERM) == 1  # the second signal ends at once
                await until(lambda: [one.model for one in models.requests].count("two") == 2, 40)
                await second.kill(signal.SIGKILL)
                async with child(tmp_path, "worker", **shared):
                    async with asyncio.timeout(60):
                        row = await home.ended(execution)
    assert (row.status, row.output) == (ExecutionStatus.COMPLETED, "third")
    called = [request.model for request in models.requests]
    assert called == ["one", "two", "two", "two", "three"]


@pytest.mark.slow
@pytest.mark.services
@pytest.mark.timeout(120)
async def test_sigterm_hands_the_execution_back_and_ends_well(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    async with ModelServer() as models:
        models.script("one", Reply("first", delay=2.0))
        models.script("two", Reply("second"))
        models.script("three", Reply("third"))
        shared = {
            "BALEYBOTS_DATA_DIR": str(tmp_path),
            "BALEYBOTS_DATABASE_URL": postgres_url,
            "BALEYBOTS_REDIS_URL": redis_url,
            **keys(models),
        }
        async with (
            open_home(
                tmp_path,
                database_url=postgres_url,
                redis_url=redis_url,
                environ=keys(models),
                worker=False,
            ) as home,
            child(tmp_path, "worker", **shared) as worker,
        ):
            await worker.says("worker_ready")
            execution = await home.start(await home.bot(CHAIN), "x")
            await asked(models, "one")
            assert await worker.kill(signal.SIGTERM) == 0
            row = await executions.get(home.owner, execution.id)
            assert row.status is ExecutionStatus.COMPLETED  # three quick calls fit into the drain
    assert [request.model for request in models.requests] == ["one", "two", "three"]
