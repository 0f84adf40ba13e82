"""The short way of an answer and the long way of graphql-core say the same, to the letter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from graphql import Undefined, parse

from server.api.executor import Executor
from server.api.projecting import ProjectingExecutor
from server.api.relay import PageInfo
from server.api.schema import schema
from server.core.ids import new_uuid
from tests.api.test_statements import QUERIES, _variables
from tests.support.front import PURE, Api, Front

PAGE = "executions(first: 5, orderBy: [{field: CREATED_AT, direction: ASC}])"
SHAPES = {
    "aliases": f"{{ {PAGE} {{ a: nodes {{ x: id y: id bot {{ n: name }} }} "
    "nodes { id } edges { cursor node { status } } } }",
    "fragments": f"query Q {{ {PAGE} {{ ...page nodes {{ ... on Execution {{ mode }} "
    "... on Node { id __typename } ...one } } } "
    "fragment page on ExecutionConnection { pageInfo { hasNextPage endCursor } } "
    "fragment one on Execution { id usage { cost } version { ...v } } "
    "fragment v on BotVersion { number __typename }",
    "merged": f"{{ {PAGE} {{ nodes {{ bot {{ id }} }} nodes {{ bot {{ name }} id }} }} }}",
    "switched": f"query Q($yes: Boolean!, $no: Boolean!) {{ {PAGE} {{ nodes {{ id "
    "status @include(if: $yes) mode @include(if: $no) bot @skip(if: $no) { id name @skip(if: $yes)"
    " } ... @include(if: $no) { triggerKind } } } }",
    "mixed": f"{{ {PAGE} {{ totalCount nodes {{ id steps {{ key usage {{ totalTokens }} }} "
    "bot { id tags viewerCan { run } } viewerCan { retry } output error { kind } } } }",
    "abstract": "{ bots(first: 2) { nodes { id } } viewer { role } }",
}


@pytest_asyncio.fixture(scope="module")
async def ran(front: Front) -> AsyncIterator[Api]:
    api = await front.caller(workspace="projected")
    for number in range(3):
        bot = await api.bot(PURE, f"Bot {number}")
        for value in ({"a": [1, None, 2.5]}, "text"):
            await api.start(bot["id"], input=value)
    yield api


async def both(
    front: Front, api: Api, patch: pytest.MonkeyPatch, document: str, given: dict[str, Any]
) -> tuple[Any, Any, int]:
    """Answered the short way, the long way, and how much of it went the short way."""
    found = await front.rooms.recogniser.by_token(api.token)
    assert found is not None
    person = replace(found[0], via_token=False, session_id=new_uuid())
    execute = Executor(schema, front.rooms).execute
    done: list[Any] = []
    ask = ProjectingExecutor._short_way

    def noted(*args: Any) -> Any:
        answer = ask(*args)
        done.extend([answer] if answer is not Undefined else [])
        return answer

    with patch.context() as patched:
        patched.setattr(ProjectingExecutor, "_short_way", noted)
        short = await execute(document, given, person)
    with patch.context() as patched:
        patched.setattr(ProjectingExecutor, "_short_way", lambda *_: Undefined)
        long = await execute(document, given, person)
    return _without_ids(short), _without_ids(long), len(done)


def _without_ids(answer: Any) -> Any:
    """Errors name their request."""
    for error in answer.get("errors", ()):
        error["extensions"].pop("requestId")
        error["message"] = error["message"].partition(" req_")[0]
    return answer


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
async def test_every_screen_is_answered_alike(
    front: Front, ran: Api, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    document = path.read_text()
    given = await _variables(ran, document)
    short, long, _ = await both(front, ran, monkeypatch, document, given)
    assert short == long
    assert list(short["data"]) == list(long["data"])


@pytest.mark.parametrize("name", SHAPES)
async def test_every_shape_of_a_selection_is_answered_alike(
    front: Front, ran: Api, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given = {"yes": True, "no": False} if name == "switched" else {}
    short, long, quick = await both(front, ran, monkeypatch, SHAPES[name], given)
    assert short == long
    assert "errors" not in short
    assert repr(short) == repr(long), "the fields come in the order in which they were asked for"
    assert quick, "nothing of this went the short way"


@pytest.mark.parametrize(
    "broken",
    [None, object(), ValueError("a bug of ours"), []],
    ids=["null", "not-text", "raised", "list"],
)
@pytest.mark.parametrize("field", ["has_next_page", "end_cursor"])
async def test_what_breaks_is_told_with_its_place_as_ever(
    front: Front, ran: Api, monkeypatch: pytest.MonkeyPatch, field: str, broken: Any
) -> None:
    """A null or a wrong value where there may be one and where there may not."""
    made = PageInfo.__init__

    def spoiled(self: PageInfo, **values: Any) -> None:
        made(self, **values)
        setattr(self, field, broken)

    monkeypatch.setattr(PageInfo, "__init__", spoiled)
    document = f"{{ {PAGE} {{ nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}"
    short, long, _ = await both(front, ran, monkeypatch, document, {})
    assert short == long
    if field == "has_next_page" or isinstance(broken, ValueError):
        assert short["errors"], "a null, a wrong value and an exception are all told"


async def test_a_list_of_executions_goes_the_short_way(
    front: Front, ran: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = f"{{ {PAGE} {{ nodes {{ id status bot {{ id }} version {{ id }} }} }} }}"
    _, _, quick = await both(front, ran, monkeypatch, document, {})
    assert quick == 1, "the whole page at once"


@pytest.mark.parametrize(
    ("key", "told"), [("", ["INVALID_INPUT"]), ("again", [])], ids=["refused", "done"]
)
async def test_a_payload_goes_the_short_way_unless_it_tells_of_a_mistake(
    front: Front, ran: Api, monkeypatch: pytest.MonkeyPatch, key: str, told: list[str]
) -> None:
    bot = await ran.bot(PURE)
    document = (
        "mutation Start($input: StartExecutionInput!) { startExecution(input: $input) "
        "{ __typename errors { __typename code message } } }"
    )
    given = {"input": {"botId": bot["id"], "input": "text", "idempotencyKey": key}}
    short, long, quick = await both(front, ran, monkeypatch, document, given)
    assert short == long
    assert [error["code"] for error in short["data"]["startExecution"]["errors"]] == told
    assert quick == 1, "the payload, or the mistake in it"


def test_events_of_a_subscription_leave_nothing_behind() -> None:
    """It may be open for days: what is worked out for one event is not kept for the next."""
    document = parse("subscription { metricsTick { running } }")
    executor = ProjectingExecutor.build(schema._schema, document)
    assert isinstance(executor, ProjectingExecutor)
    one, two = (executor.build_per_event_executor(None) for _ in range(2))
    one._made["x", 1] = one._relevant_sub_fields["x", 1] = "kept"  # type: ignore[index]
    assert not executor._made | two._made | executor._relevant_sub_fields | two._relevant_sub_fields
