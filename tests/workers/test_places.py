"""Never more of a bot at once than it may, with several workers and when one of them is killed."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from server.executions.concurrency import set_concurrency
from server.models.enums import ExecutionStatus
from server.models.tables import Execution
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import open_home
from tests.support.waiting import until
from tests.workers.processes import child

pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.timeout(180)]

LIMIT, PER_KEY, STARTS = 5, 2, 50
BOT = 'a { "goal": "Count", "model": "openai:one" }'


class Counting(ModelServer):
    """Knows how many of its questions were open at once, all together and by their words."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.most, self.most_by_word = 0, 0

    def _answer(self, body: dict[str, Any]) -> Reply:
        open_now = [one for one in self.requests if not (one.answered or one.hung_up.is_set())]
        words = [_word(one.body) for one in open_now]
        self.most = max(self.most, len(words))
        self.most_by_word = max(self.most_by_word, *(words.count(word) for word in words), 0)
        return Reply("done", delay=0.1)


def _word(body: dict[str, Any]) -> str:
    text = str(body["messages"])
    return next(word for word in ("ann", "bob", "cyd") if word in text)


async def test_two_workers_hold_the_limit_and_a_killed_one_gives_its_places_back(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    async with Counting() as models, AsyncExitStack() as stack:
        keys = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": models.url}
        given = {"database_url": postgres_url, "redis_url": redis_url, "environ": keys}
        home = await stack.enter_async_context(open_home(tmp_path, worker=False, **given))
        shared = {
            "BALEYBOTS_DATA_DIR": str(tmp_path),
            "BALEYBOTS_DATABASE_URL": postgres_url,
            "BALEYBOTS_REDIS_URL": redis_url,
            **keys,
        }
        workers = [
            await stack.enter_async_context(child(tmp_path, "worker", **shared)) for _ in range(2)
        ]
        for worker in workers:
            await worker.says("worker_ready")
        bot = await home.bot(BOT)
        await set_concurrency(home.owner, home.rooms.engine, bot.id, LIMIT, PER_KEY)
        rows = [
            await home.start(bot, f"for {word}", concurrency_key=word)
            for _, word in zip(range(STARTS), _round("ann", "bob", "cyd"), strict=False)
        ]
        await until(lambda: models.total >= STARTS // 3, 60)
        await workers[0].kill(signal.SIGKILL)
        async with asyncio.timeout(120):
            ended = [await home.ended(row) for row in rows]
        assert {row.status for row in ended} == {ExecutionStatus.COMPLETED}
        assert models.most <= LIMIT
        assert models.most_by_word == PER_KEY
        assert models.most > PER_KEY, "the keys ran beside each other"
        taken_by_both = await Execution.filter(attempt__gt=1).count()
        assert taken_by_both <= LIMIT


def _round(*words: str) -> Any:
    while True:
        yield from words
