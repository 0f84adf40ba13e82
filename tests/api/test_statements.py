"""How often the database is asked. A list must not ask once per row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from tortoise.backends.sqlite.client import SqliteClient

from tests.support.front import PURE, Api, Front

LIST = """{ executions(first: 50) { nodes {
  id status triggerKind createdAt bot { id name } version { number } usage { cost totalTokens }
} pageInfo { hasNextPage endCursor } } }"""


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked: list[str] = []
    for name in ("execute_query", "execute_query_dict", "execute_insert"):
        original = getattr(SqliteClient, name)

        def noted(original: Any) -> Any:
            async def call(self: Any, query: str, *args: Any, **more: Any) -> Any:
                asked.append(query)
                return await original(self, query, *args, **more)

            return call

        monkeypatch.setattr(SqliteClient, name, noted(original))
    yield asked
    monkeypatch.undo()


@pytest_asyncio.fixture(scope="module")
async def busy(front: Front) -> AsyncIterator[Api]:
    api = await front.caller(workspace="busy")
    for number in range(5):
        bot = await api.bot(PURE, f"Bot {number}")
        for value in range(4):
            await api.start(bot["id"], input=value)
    yield api


async def test_the_list_of_executions_asks_five_times_at_most(
    busy: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await busy.data(LIST)
    with counted(monkeypatch) as asked:
        found = await busy.data(LIST)
    assert len(found["executions"]["nodes"]) == 20
    assert len(asked) <= 5, asked


async def test_the_list_of_bots_does_not_ask_for_each(
    busy: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = """{ bots { nodes { id name executionCount published { number }
      lastExecution { id status } viewerCan { run } } } }"""
    await busy.data(document)
    with counted(monkeypatch) as asked:
        found = await busy.data(document)
    assert [bot["executionCount"] for bot in found["bots"]["nodes"]] == [4] * 5
    assert len(asked) <= 5, asked


async def test_a_refused_document_asks_nothing(busy: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await busy.data("{ viewer { role } }")
    with counted(monkeypatch) as asked:
        await busy.answer("{" + "viewer{" * 20 + "id" + "}" * 21)
        await busy.answer("{ nothing }")
    assert asked == []
