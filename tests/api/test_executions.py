from __future__ import annotations

from typing import Any

import pytest

from server.models.enums import Role
from tests.support.front import PURE, WRITER, Api, Front
from tests.support.waiting import until

TYPED = 'a { "goal": "Greet" "input": { "name": "string", "age": "integer" } }'
EXECUTION = """query($id: ID!) { execution(id: $id) {
  id status waitingReason mode triggerKind input output queuedMs durationMs lastSeq
  createdAt startedAt finishedAt bot { name } version { number }
  error { kind message hint stepKey }
  usage { inputTokens outputTokens totalTokens cost estimated unpriced }
  steps { key name type status attempt reused model provider output durationMs usage { cost } }
  events(first: 100) { totalCount nodes { __typename seq type at stepKey
    ... on ExecutionCompletedEvent { output durationMs } } pageInfo { hasNextPage } }
  viewerCan { cancel retry } } }"""


ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")


async def ended(api: Api, execution_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = (await api.data(EXECUTION, id=execution_id))["execution"]
        return found if found["status"] in ENDED else None

    found = await until(look)
    assert found is not None
    return found


async def test_an_execution_from_start_to_end(api: Api) -> None:
    bot = await api.bot(WRITER, "Runs")
    started = await api.start(bot["id"], input="Tea is a drink.", mode="DEMO")
    found = await ended(api, started["id"])
    assert found["status"] == "COMPLETED"
    assert found["bot"] == {"name": "Runs"}
    assert found["version"] == {"number": 1}
    assert (found["mode"], found["triggerKind"]) == ("DEMO", "API")
    assert found["input"] == "Tea is a drink."
    assert "Tea" in found["output"]
    assert found["createdAt"].endswith("Z")
    assert float(found["usage"]["cost"]) == 0
    assert isinstance(found["usage"]["cost"], str)
    assert found["usage"]["totalTokens"] > 0
    assert found["error"] is None
    assert [step["status"] for step in found["steps"]] == ["COMPLETED"]
    assert found["viewerCan"] == {"cancel": False, "retry": True}
    events = found["events"]
    assert [event["seq"] for event in events["nodes"]] == list(range(1, found["lastSeq"] + 1))
    assert events["totalCount"] == found["lastSeq"]
    last = events["nodes"][-1]
    assert last["__typename"] == "ExecutionCompletedEvent"
    assert last["output"] == found["output"]


async def test_null_is_an_input_and_none_is_not(api: Api) -> None:
    bot = await api.bot(PURE + '\nrun ("its own")', "Inputs")
    for values, output in (({}, "its own"), ({"input": None}, None), ({"input": [1]}, [1])):
        started = await api.start(bot["id"], **values)
        assert (await ended(api, started["id"]))["output"] == output


async def test_an_input_that_does_not_fit_stores_nothing(api: Api) -> None:
    bot = await api.bot(TYPED, "Typed")
    answer = await api.change(
        "startExecution", "execution { id }", botId=bot["id"], input={"age": "old"}
    )
    assert answer["execution"] is None
    (error,) = answer["errors"]
    assert error["code"] == "INVALID_INPUT"
    assert error["path"][0] == "input"
    assert "name" in error["message"]
    found = await api.data(
        "query($i: ID) { bot(id: $i) { executionCount inputSchema } }", i=bot["id"]
    )
    assert found["bot"]["executionCount"] == 0
    assert found["bot"]["inputSchema"]["type"] == "object"


async def test_one_key_starts_one_execution(api: Api) -> None:
    bot = await api.bot(PURE, "Keyed")
    values = {"botId": bot["id"], "input": 1, "idempotencyKey": "order 7"}
    first = await api.change("startExecution", "execution { id }", **values)
    again = await api.change("startExecution", "execution { id }", **values)
    assert first["execution"] == again["execution"]
    other = await api.change("startExecution", "execution { id }", **{**values, "input": 2})
    assert [error["code"] for error in other["errors"]] == ["IDEMPOTENCY_MISMATCH"]


async def test_a_key_of_another_workspace_is_another_key(front: Front, api: Api) -> None:  # S11
    stranger = await front.caller(workspace="other")
    started = [
        await one.start((await one.bot(PURE))["id"], input=1, idempotencyKey="order 8")
        for one in (stranger, api)
    ]
    assert started[0]["id"] != started[1]["id"]


async def test_a_finished_one_cannot_be_stopped(api: Api) -> None:
    bot = await api.bot(PURE, "Over")
    started = await api.start(bot["id"], input=1)
    await ended(api, started["id"])
    values = {"executionId": started["id"], "action": "CANCEL"}
    answer = await api.change("controlExecution", "execution { id }", **values)
    assert [error["code"] for error in answer["errors"]] == ["INVALID_STATE"]


async def test_a_running_one_can(api: Api) -> None:
    bot = await api.bot(WRITER, "Stopped")
    started = await api.start(bot["id"], input="word " * 3_000, mode="DEMO")
    values = {"executionId": started["id"], "action": "CANCEL", "reason": "enough"}
    answer = await api.change("controlExecution", "execution { id }", **values)
    assert answer["errors"] == []
    assert (await ended(api, started["id"]))["status"] == "CANCELLED"


async def test_executions_of_elsewhere_are_not_there(front: Front, api: Api) -> None:
    stranger = await front.caller(workspace="other")
    theirs = await stranger.start((await stranger.bot(PURE, "Theirs"))["id"], input="secret")
    for unknown in (theirs["id"], "exe_" + "0" * 26, "junk"):
        assert (await api.data(EXECUTION, id=unknown))["execution"] is None
        values = {"executionId": unknown, "action": "CANCEL"}
        answer = await api.change("controlExecution", "execution { id }", **values)
        (error,) = answer["errors"]
        assert (error["code"], error["message"]) == ("NOT_FOUND", "There is no such execution.")
    found = await api.data("{ executions(first: 100) { nodes { id } } }")
    assert theirs["id"] not in [node["id"] for node in found["executions"]["nodes"]]


async def test_starting_needs_the_right_to(front: Front, api: Api) -> None:
    bot = await api.bot(PURE, "Not by viewers")
    viewer = await front.caller(Role.VIEWER)
    document = (
        "mutation($i: StartExecutionInput!) { startExecution(input: $i) { errors { code } } }"
    )
    answer = await viewer.answer(document, i={"botId": bot["id"]})
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_lists_are_filtered_and_sorted(front: Front) -> None:
    caller = await front.caller(workspace="lists")
    good, idle = await caller.bot(PURE, "Good"), await caller.bot(PURE, "Idle")
    ids = [(await caller.start(good["id"], input=n))["id"] for n in range(3)]
    document = """query($f: ExecutionFilter, $d: OrderDirection!) {
      executions(filter: $f, orderBy: [{field: CREATED_AT, direction: $d}]) {
        totalCount nodes { id bot { id } } } }"""
    for direction, wanted in (("DESC", ids[::-1]), ("ASC", ids)):
        found = await caller.data(document, f={"botId": good["id"]}, d=direction)
        assert [node["id"] for node in found["executions"]["nodes"]] == wanted
    by_status = {"status": {"in": ["COMPLETED"]}, "mode": {"eq": "LIVE"}}
    assert (await caller.data(document, f=by_status, d="ASC"))["executions"]["totalCount"] == 3
    later = {"createdAt": {"gte": "2999-01-01T00:00:00Z"}}
    assert (await caller.data(document, f=later, d="ASC"))["executions"]["nodes"] == []
    assert (await caller.data(document, f={"botId": idle["id"]}, d="ASC"))["executions"][
        "nodes"
    ] == []


@pytest.mark.parametrize("value", ["yesterday", "2026-01-01T00:00:00", 7])
async def test_a_time_has_a_zone(api: Api, value: Any) -> None:
    document = "query($f: ExecutionFilter) { executions(filter: $f) { totalCount } }"
    answer = await api.answer(document, f={"createdAt": {"gte": value}})
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
