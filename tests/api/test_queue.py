"""The queue as a program reads it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.core.ids import read_id
from server.models.enums import ExecutionStatus, WaitingReason
from server.models.tables import Bot, Execution
from tests.api.test_statements import counted
from tests.support.front import PURE, Api, Front
from tests.support.waiting import until

LIST = """query Q($state: QueueState, $botId: ID, $first: Int, $after: Cursor) {
  queue { waiting running workers bots { waiting running bot { id name concurrency { limit } } }
    entries(state: $state, botId: $botId, first: $first, after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes { reason until execution { id priority concurrencyKey status bot { name }
        version { number } } } } } }"""
LATER = datetime.now(UTC) + timedelta(hours=1)  # no worker takes it


async def put(api: Api, bot: dict[str, Any], **row: Any) -> str:
    """An execution as it would stand in the table."""
    made = await api.start(bot["id"], input="x")
    await Execution.filter(id=read_id("execution", made["id"])).update(
        **{"status": ExecutionStatus.PENDING, "due_at": datetime.now(UTC), **row}
    )
    return made["id"]


async def entries(api: Api, **values: Any) -> list[dict[str, Any]]:
    return (await api.data(LIST, **values))["queue"]["entries"]["nodes"]


async def test_what_waits_comes_with_its_reason_and_in_its_order(front: Front) -> None:
    api = await front.caller(workspace="queue reasons")
    bot = await api.bot(PURE, "Limited")
    parked = {"waiting_reason": WaitingReason.QUEUE, "due_at": LATER}
    free = await put(api, bot, dispatched_at=datetime.now(UTC))
    key = await put(api, bot, concurrency_key="ann", priority=3, **parked)
    all_of_it = await put(api, bot, concurrency_key="bob", priority=9, **parked)
    again = await put(
        api, bot, status="waiting", waiting_reason=WaitingReason.RETRY, due_at=LATER, priority=1
    )
    asked = {"status": "waiting", "waiting_reason": WaitingReason.APPROVAL, "due_at": LATER}
    await put(api, bot, **asked)
    running = await put(api, bot, status="running", concurrency_key="ann", due_at=LATER)
    await Bot.filter(id=read_id("bot", bot["id"])).update(max_running=5, max_running_per_key=1)
    found = await entries(api)
    assert [(one["execution"]["id"], one["reason"]) for one in found] == [
        (all_of_it, "BOT_LIMIT"),
        (free, "WORKERS_BUSY"),
        (key, "KEY_LIMIT"),
        (again, "NOT_DUE"),
    ]
    assert [one["until"] is None for one in found] == [True, True, True, False]
    (runs,) = await entries(api, state="RUNNING")
    assert (runs["execution"]["id"], runs["reason"]) == (running, None)
    queue = (await api.data(LIST))["queue"]
    assert (queue["waiting"], queue["running"], queue["workers"]) == (4, 1, 1)
    (of_bot,) = queue["bots"]
    assert (of_bot["waiting"], of_bot["running"]) == (4, 1)
    await Execution.filter(bot_id=read_id("bot", bot["id"])).update(status="cancelled")


async def test_it_is_read_page_by_page_without_a_hole(front: Front) -> None:
    api = await front.caller(workspace="queue pages")
    bots = [await api.bot(PURE, f"Bot {number}") for number in range(2)]
    wanted = [
        (-priority, await put(api, bots[number % 2], priority=priority, due_at=LATER))
        for number, priority in enumerate((5, 9, 5, 1, 9, 5, 2))
    ]
    seen: list[str] = []
    after = None
    while True:
        page = (await api.data(LIST, first=2, after=after))["queue"]["entries"]
        seen += [one["execution"]["id"] for one in page["nodes"]]
        assert page["totalCount"] == len(wanted)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == [one for _, one in sorted(wanted, key=lambda one: one[0])]
    mine = await entries(api, botId=bots[0]["id"])
    assert len(mine) == 4
    await Execution.filter(bot_id__in=[read_id("bot", one["id"]) for one in bots]).update(
        status="cancelled"
    )


async def test_the_queue_asks_five_times_at_most(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = await front.caller(workspace="queue statements")
    for number in range(4):
        bot = await api.bot(PURE, f"Bot {number}")
        for _ in range(3):
            await put(api, bot, due_at=LATER)
    await api.data(LIST)
    with counted(monkeypatch) as asked:
        found = (await api.data(LIST))["queue"]
    assert len(found["entries"]["nodes"]) == 12
    assert len(found["bots"]) == 4
    assert len(asked) <= 5, asked
    await Execution.filter(due_at=LATER).update(status="cancelled")


async def test_another_workspace_sees_nothing_of_it(front: Front) -> None:
    api = await front.caller(workspace="queue mine")
    await put(api, await api.bot(PURE, "Mine"), due_at=LATER)
    other = await front.caller(workspace="queue theirs")
    queue = (await other.data(LIST))["queue"]
    assert (queue["waiting"], queue["running"], queue["bots"]) == (0, 0, [])
    assert (queue["entries"]["totalCount"], queue["entries"]["nodes"]) == (0, [])
    await Execution.filter(due_at=LATER).update(status="cancelled")


async def test_a_priority_is_given_and_changed(front: Front) -> None:
    api = await front.caller(workspace="queue priority")
    bot = await api.bot('use ask with { message: "?" }', "Asks")
    run = await api.start(bot["id"], input="x", priority=7, concurrencyKey="ann")
    row = Execution.filter(id=read_id("execution", run["id"]), status=ExecutionStatus.WAITING)
    await until(row.exists)
    wanted = "execution { id priority concurrencyKey }"
    changed = await api.change("setExecutionPriority", wanted, executionId=run["id"], priority=2)
    assert changed["execution"] == {"id": run["id"], "priority": 2, "concurrencyKey": "ann"}
