"""Cancelling and deleting many executions, as a caller does it."""

from __future__ import annotations

from typing import Any

import pytest

from server.core.ids import read_id
from server.executions import many
from server.models.enums import Role
from server.models.tables import AuditEntry, Event, Execution, Step
from tests.support.front import PURE, Api, Front

WAITING = 'use wait with { event: "never" }'
WANTED = """doneCount remainingCount
  results { executionId execution { status durationMs } errors { code } }"""
LISTED = "query($f: ExecutionFilter) { executions(filter: $f) { nodes { id } } }"


async def waiting_ones(api: Api, name: str, count: int) -> tuple[str, list[str]]:
    bot = await api.bot(WAITING, name)
    return bot["id"], [(await api.start(bot["id"], input=1))["id"] for _ in range(count)]


async def cancel(api: Api, **values: Any) -> dict[str, Any]:
    return await api.change("cancelExecutions", WANTED, **values)


def codes(done: dict[str, Any]) -> list[list[str]]:
    return [[error["code"] for error in one["errors"]] for one in done["results"]]


async def test_each_is_cancelled_or_refused_for_itself(api: Api) -> None:
    _, (one, two) = await waiting_ones(api, "Many by id", 2)
    over = (await api.start((await api.bot(PURE, "Over many"))["id"], input=1))["id"]
    done = await cancel(api, executionIds=[one, over, "exe_junk", two, one], reason="Wrong input")
    assert done["doneCount"] == 2
    assert codes(done) == [[], ["INVALID_STATE"], ["NOT_FOUND"], [], []]
    assert done["results"][0]["execution"]["status"] == "CANCELLED"
    assert int(done["results"][0]["execution"]["durationMs"]) >= 0
    again = await cancel(api, executionIds=[one, two])
    assert (again["doneCount"], codes(again)) == (2, [[], []])
    entry = await AuditEntry.filter(action="executions.cancelled").order_by("id").first()
    assert entry is not None
    assert (entry.after or {})["executions"] == [one, two]
    assert entry.reason == "Wrong input"


async def test_a_filter_cancels_what_is_open_and_nothing_else(api: Api) -> None:
    bot, _ = await waiting_ones(api, "Many by filter", 3)
    _, (other,) = await waiting_ones(api, "Another bot", 1)
    done = await cancel(api, filter={"botId": bot})
    assert (done["doneCount"], done["remainingCount"]) == (3, 0)
    assert {one["execution"]["status"] for one in done["results"]} == {"CANCELLED"}
    assert (await cancel(api, filter={"botId": bot}))["doneCount"] == 0
    ended = {"status": {"in": ["COMPLETED"]}}
    assert (await cancel(api, filter=ended))["doneCount"] == 0
    row = await Execution.get(id=read_id("execution", other))
    assert not row.status.final


async def test_more_than_one_call_takes_goes_in_several(api: Api, monkeypatch: Any) -> None:
    monkeypatch.setattr("server.executions.many.MOST_FOUND", 2)
    bot, _ = await waiting_ones(api, "Many in pieces", 3)
    first = await cancel(api, filter={"botId": bot})
    assert (first["doneCount"], first["remainingCount"]) == (2, 1)
    rest = await cancel(api, filter={"botId": bot})
    assert (rest["doneCount"], rest["remainingCount"]) == (1, 0)


async def test_neither_nothing_nor_both_nor_too_many(api: Api) -> None:
    for values, code in (
        ({}, "INVALID_INPUT"),
        ({"executionIds": [], "filter": {}}, "INVALID_INPUT"),
        ({"executionIds": [f"exe_{number:026d}" for number in range(101)]}, "LIMIT_REACHED"),
    ):
        done = await cancel(api, **values)
        assert [error["code"] for error in done["errors"]] == [code]


async def test_foreign_ones_are_unknown(front: Front, api: Api) -> None:
    bot, (mine,) = await waiting_ones(api, "Not yours", 1)
    other = await front.caller(workspace="elsewhere")
    assert codes(await cancel(other, executionIds=[mine])) == [["NOT_FOUND"]]
    assert (await cancel(other, filter={}))["doneCount"] == 0
    viewer = await front.caller(Role.VIEWER)
    refused = await viewer.answer(
        "mutation($i: CancelExecutionsInput!) { cancelExecutions(input: $i) { doneCount } }",
        i={"filter": {"botId": bot}},
    )
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await cancel(api, filter={"botId": bot}))["doneCount"] == 1


async def test_what_has_ended_is_deleted_with_all_that_belongs_to_it(api: Api) -> None:
    bot, (open_one,) = await waiting_ones(api, "To delete", 1)
    pure = (await api.bot(PURE, "Deleted"))["id"]
    ended = (await api.start(pure, input=1))["id"]
    values = {"executionIds": [ended, open_one]}
    done = await api.change("deleteExecutions", WANTED, **values)
    assert (done["doneCount"], codes(done)) == (1, [[], ["INVALID_STATE"]])
    assert done["results"][0]["execution"] is None
    gone = read_id("execution", ended)
    for table in (Step, Event):
        assert not await table.filter(execution_id=gone).exists()
    assert await Execution.filter(id=gone).count() == 0
    found = await api.data(LISTED, f={"botId": pure})
    assert found["executions"]["nodes"] == []
    assert (await cancel(api, filter={"botId": bot}))["doneCount"] == 1
    by_filter = await api.change("deleteExecutions", WANTED, filter={"botId": bot})
    assert (by_filter["doneCount"], by_filter["remainingCount"]) == (1, 0)
    assert await AuditEntry.filter(action="executions.deleted").count() == 2


async def test_very_long_ones_are_deleted_in_several_calls(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "ROWS_AT_ONCE", 5)
    monkeypatch.setattr(many, "MOST_EVENTS", 8)
    bot = (await api.bot(PURE, "Long ones"))["id"]
    ids = [(await api.start(bot, input=number))["id"] for number in range(3)]
    left: list[tuple[int, int]] = []
    while not left or left[-1][1]:
        done = await api.change("deleteExecutions", WANTED, filter={"botId": bot})
        left.append((done["doneCount"], done["remainingCount"]))
    assert left == [(2, 1), (1, 0)]
    assert not await Execution.exists(id__in=[read_id("execution", one) for one in ids])
    assert (await api.data(LISTED, f={"botId": bot}))["executions"]["nodes"] == []


async def test_only_who_may_change_bots_deletes(front: Front, api: Api) -> None:
    pure = (await api.bot(PURE, "Kept"))["id"]
    ended = (await api.start(pure, input=1))["id"]
    operator = await front.caller(Role.OPERATOR)
    query = "query($id: ID!) { execution(id: $id) { viewerCan { delete } } }"
    assert (await api.data(query, id=ended))["execution"]["viewerCan"]["delete"]
    assert not (await operator.data(query, id=ended))["execution"]["viewerCan"]["delete"]
    refused = await operator.answer(
        "mutation($i: DeleteExecutionsInput!) { deleteExecutions(input: $i) { doneCount } }",
        i={"executionIds": [ended]},
    )
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
