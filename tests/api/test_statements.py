"""How often the database is asked. A list must not ask once per row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from graphql import NonNullTypeNode, OperationDefinitionNode, parse, print_ast
from tortoise.backends.sqlite.client import SqliteClient

from server.api.executor import Executor
from server.api.schema import schema
from server.core.ids import new_uuid
from server.core.paging import encode_cursor
from server.executions import lately
from tests.house.files import ROOT
from tests.support.front import PURE, Api, Front

OPERATIONS = ROOT / "graphql-schema" / "operations"
# Asked about an upload, which a test of the bundles makes.
NEED_A_BUNDLE = {"import_difference", "preview_import"}
QUERIES = [
    path
    for path in sorted(OPERATIONS.glob("*.graphql"))
    if path.read_text().lstrip().startswith("query") and path.stem not in NEED_A_BUNDLE
]
LIST = """{ executions(first: 50) { nodes {
  id status triggerKind createdAt bot { id name } version { number } usage { cost totalTokens }
} pageInfo { hasNextPage endCursor } } }"""


COUNTING: ContextVar[bool] = ContextVar("counting", default=False)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked: list[str] = []
    token = COUNTING.set(True)
    for name in ("execute_query", "execute_query_dict", "execute_insert"):
        original = getattr(SqliteClient, name)

        def noted(original: Any) -> Any:
            async def call(self: Any, query: str, *args: Any, **more: Any) -> Any:
                if COUNTING.get():  # not what the worker does beside it
                    asked.append(query)
                return await original(self, query, *args, **more)

            return call

        monkeypatch.setattr(SqliteClient, name, noted(original))
    yield asked
    COUNTING.reset(token)
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


async def test_bots_and_their_journals_are_asked_for_at_once(
    busy: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = "{ bots { nodes { id canUndo canRedo versions(first: 3) { nodes { isLive } } } } }"
    bots = (await busy.data(document))["bots"]["nodes"]
    with counted(monkeypatch) as asked:
        await busy.data(document)
    assert len(asked) <= 2 + len(bots), asked  # the versions of each bot, and nothing twice


async def test_the_list_of_bots_does_not_ask_for_each(
    busy: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = """{ bots { nodes { id name executionCount published { number }
      lastExecution { id status } viewerCan { run } } } }"""
    await busy.data(document)
    with counted(monkeypatch) as asked:
        found = await busy.data(document)
    assert [bot["executionCount"] for bot in found["bots"]["nodes"]] == [4] * 5
    assert len(asked) <= 4, asked
    assert not any('"input"' in one or "SELECT * FROM executions" in one for one in asked), asked


async def test_the_list_of_conversations_does_not_ask_for_each(
    busy: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = """{ chatSessions { nodes { id title bot { name } latest { id status }
      executions(first: 2) { nodes { id status } } viewerCan { send } } } }"""
    for bot in (await busy.data("{ bots { nodes { id } } }"))["bots"]["nodes"]:
        made = await busy.change("startChat", "session { id }", botId=bot["id"])
        session = made["session"]["id"]
        await busy.change("sendChatMessage", "execution { id }", sessionId=session, text="x")
    await busy.data(document)
    with counted(monkeypatch) as asked:
        found = await busy.data(document)
    nodes = found["chatSessions"]["nodes"]
    assert len(nodes) == 5
    assert all(one["executions"]["nodes"] == [one["latest"]] for one in nodes)
    assert len(asked) <= 4, asked


async def test_the_list_of_budgets_does_not_ask_for_each(
    busy: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = "{ budgets { nodes { name standing { spent left } } } }"
    for period in ("DAY", "WEEK", "MONTH", "YEAR"):
        await busy.change("createBudget", "budget { id }", limit="5", period=period)
    await busy.data(document)
    with counted(monkeypatch) as asked:
        found = await busy.data(document)
    assert [one["standing"]["left"] for one in found["budgets"]["nodes"]] == ["5.000000000"] * 4
    assert len(asked) <= 3, asked


async def test_each_of_two_changes_tells_where_the_budget_stands_after_it(busy: Api) -> None:
    made = await busy.change("createBudget", "budget { id }", limit="5", name="twice")
    document = """mutation($i: AdjustBudgetInput!) {
      one: adjustBudget(input: $i) { budget { standing { spent } } }
      two: adjustBudget(input: $i) { budget { standing { spent } } } }"""
    change = {"budgetId": made["budget"]["id"], "amount": "1", "reason": "elsewhere"}
    found = await busy.data(document, i=change)
    spent = [float(found[name]["budget"]["standing"]["spent"]) for name in ("one", "two")]
    assert spent == [1, 2]


# Screens of the web app that may ask more often than five times, and why.
ALLOWED = {
    "bots": 7,  # with tags, counts, the latest executions of each and those of the last days
    "bot_versions": 8,  # with tags, authors, the journal, totals and executions of each
    "bot": 8,  # everything of one bot
    "execution": 7,  # everything of one execution, with its sub-bots and those above it
    "costs": 7,  # sums by agent, model, day, connection and execution
}


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
async def test_a_screen_asks_as_often_as_it_may(
    front: Front, busy: Api, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    """Each query of the web app, over a workspace with five bots and twenty executions."""
    document = path.read_text()
    given = await _variables(busy, document)
    found = await front.rooms.recogniser.by_token(busy.token)
    assert found is not None
    person = replace(found[0], via_token=False, session_id=new_uuid())
    execute = Executor(schema, front.rooms).execute
    await execute(document, given, person)
    lately.forget(list(lately._started))  # as if they had been started long ago
    with counted(monkeypatch) as asked:
        answer = await execute(document, given, person)
    assert "errors" not in answer, answer["errors"]
    assert len(asked) <= ALLOWED.get(path.stem, 5), asked


async def _variables(api: Api, document: str) -> dict[str, Any]:
    """A value for each variable that must have one, by its name and type."""
    definitions = parse(document).definitions
    operation = next(one for one in definitions if isinstance(one, OperationDefinitionNode))
    bot = (await api.data("{ bots(first: 1) { nodes { id } } }"))["bots"]["nodes"][0]["id"]
    run = (await api.data("{ executions(first: 1) { nodes { id } } }"))["executions"]["nodes"][0]
    known = {"BalSource": PURE, "String": "x", "Int": 1, "JSON": {}, "Boolean": True}
    known |= {"Float": 1.0, "BigInt": 1, "Decimal": "1", "Duration": "P1D"}
    known |= {"Cursor": encode_cursor(datetime(2099, 1, 1, tzinfo=UTC), new_uuid())}
    known |= {"DateTime": "2026-01-01T00:00:00Z"}
    found: dict[str, Any] = {}
    for variable in operation.variable_definitions or ():
        if not isinstance(variable.type, NonNullTypeNode) or variable.default_value is not None:
            continue
        name, kind = variable.variable.name.value, print_ast(variable.type).strip("[]!")
        runs = "execution" in name.lower() or "execution(id" in document
        found[name] = (
            (run["id"] if runs else bot)
            if kind == "ID"
            else known[kind]
            if kind in known
            else _first(kind)
        )
    return found


def _first(kind: str) -> str:
    """Of an enum."""
    return next(iter(schema._schema.type_map[kind].values))  # type: ignore[attr-defined]


async def test_a_refused_document_asks_nothing(
    front: Front, busy: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    front.rooms.recogniser.forget()  # so that who asks is remembered for the next two seconds
    await busy.data("{ viewer { role } }")
    with counted(monkeypatch) as asked:
        await busy.answer("{" + "viewer{" * 20 + "id" + "}" * 21)
        await busy.answer("{ nothing }")
    assert asked == []
