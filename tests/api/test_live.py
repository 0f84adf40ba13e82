"""Subscriptions over a real socket: replay, then live, with nothing missing and nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from server.api.door import MAX_SUBSCRIPTIONS
from server.executions.service import GONE
from tests.support.front import PURE, WRITER, Api, Front, Wire, on_a_port, socket_to

EVENTS = """subscription($id: ID!, $after: Int) {
  executionEvents(executionId: $id, after: $after) { lastSeq caughtUp done events } }"""
CHANGED = "subscription { executionsChanged { ids resync } }"


@pytest_asyncio.fixture(scope="module")
async def url(front: Front) -> AsyncIterator[str]:
    async with on_a_port(front.app) as url:
        yield url


async def batches(wire: Wire, id: str = "1") -> AsyncIterator[dict[str, Any]]:
    while True:
        message = await wire.next()
        if message["type"] == "complete":
            return
        assert message["type"] == "next", message
        assert "errors" not in message["payload"]
        yield message["payload"]["data"]["executionEvents"]


async def all_events(wire: Wire) -> list[dict[str, Any]]:
    return [event async for batch in batches(wire) for event in batch["events"]]


def bearer(api: Api) -> dict[str, str]:
    return {"authorization": f"Bearer {api.token}"}


async def test_what_was_is_replayed_and_the_feed_ends_with_the_execution(
    url: str, api: Api
) -> None:
    started = await api.start((await api.bot(PURE, "Replayed"))["id"], input="x")
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.watch(EVENTS, started["id"], 0)
        found = [batch async for batch in batches(wire)]
    events = [event for batch in found for event in batch["events"]]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["type"] == "execution.queued"
    assert events[-1]["type"] == "execution.completed"
    assert set(events[0]) == {"seq", "type", "at", "stepKey", "attempt", "data"}
    assert found[-1]["done"] is True
    assert found[-1]["caughtUp"] is True
    assert found[-1]["lastSeq"] == len(events)


async def test_a_reload_in_the_middle_loses_nothing_and_repeats_nothing(url: str, api: Api) -> None:
    bot = await api.bot(WRITER, "Reloaded")
    started = await api.start(bot["id"], input="Tea is a drink. " * 40, mode="DEMO")
    seen: list[dict[str, Any]] = []
    for _ in range(3):  # two tabs that close early, then one that stays
        async with socket_to(url, bearer(api)) as wire:
            await wire.hello()
            await wire.watch(EVENTS, started["id"], seen[-1]["seq"] if seen else 0)
            first = await anext(batches(wire))
            seen += first["events"]
    async with socket_to(url, bearer(api)) as wire, socket_to(url, bearer(api)) as other:
        await wire.hello()
        await wire.watch(EVENTS, started["id"], seen[-1]["seq"])
        seen += await all_events(wire)
        await other.hello()
        await other.watch(EVENTS, started["id"], 0)
        whole = await all_events(other)
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert seen == whole
    assert any(event["type"] == "step.delta" for event in seen)


async def test_after_the_last_event_the_feed_ends_at_once(url: str, api: Api) -> None:
    started = await api.start((await api.bot(PURE, "Over"))["id"], input="x")
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.watch(EVENTS, started["id"], 0)
        last = (await all_events(wire))[-1]["seq"]
        await wire.watch(EVENTS, started["id"], last)
        assert [batch["done"] async for batch in batches(wire)][-1] is True


@pytest.mark.parametrize("id", ["exe_" + "0" * 26, "junk", "theirs"])
async def test_nobody_follows_what_is_not_theirs(  # S11, S15
    url: str, front: Front, api: Api, id: str
) -> None:
    if id == "theirs":
        stranger = await front.caller(workspace="other")
        id = (await stranger.start((await stranger.bot(PURE))["id"], input="secret"))["id"]
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.watch(EVENTS, id, 0)
        message = await wire.next()
    assert message["type"] == "error"
    (error,) = message["payload"]
    gone = "" if id == "junk" else f" {GONE}"
    assert error["message"] == f"There is no such execution.{gone}"
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_a_list_hears_which_executions_changed(  # S15
    url: str, front: Front, api: Api
) -> None:
    stranger = await front.caller(workspace="other")
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.subscribe(CHANGED)
        began = (await wire.next())["payload"]["data"]["executionsChanged"]
        await stranger.start((await stranger.bot(PURE, "Not heard of"))["id"], input=1)
        started = await api.start((await api.bot(PURE, "Heard of"))["id"], input=1)
        message = await wire.next()
    assert began == {"ids": [], "resync": True}
    changed = message["payload"]["data"]["executionsChanged"]
    assert changed == {"ids": [started["id"]], "resync": False}


async def test_a_socket_also_answers_queries_with_the_same_limits(  # S16
    url: str, api: Api
) -> None:
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.subscribe("{ viewer { role } }")
        assert (await wire.next())["payload"]["data"] == {"viewer": {"role": "OWNER"}}
        assert (await wire.next())["type"] == "complete"
        await wire.subscribe("{" + "viewer{" * 20 + "id" + "}" * 21)
        message = await wire.next()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "LIMIT_REACHED"


# --- the protocol, used badly ----------------------------------------------------------------


async def test_a_token_may_come_in_the_first_message(url: str, api: Api) -> None:
    for payload in ({"authorization": f"Bearer {api.token}"}, {"token": api.token}):
        async with socket_to(url) as wire:
            await wire.hello(**payload)
            await wire.subscribe("{ viewer { viaToken } }")
            assert (await wire.next())["payload"]["data"] == {"viewer": {"viaToken": True}}


@pytest.mark.parametrize("payload", [{}, {"token": "bb_wrong"}, {"authorization": 7}])
async def test_nobody_is_turned_away_at_the_first_message(  # S01
    url: str, payload: dict[str, Any]
) -> None:
    async with socket_to(url) as wire:
        await wire.send(type="connection_init", payload=payload)
        assert await wire.closed() == 4403


async def test_asking_before_the_first_message(url: str, api: Api) -> None:  # S26
    async with socket_to(url, bearer(api)) as wire:
        await wire.subscribe("{ viewer { id } }")
        assert await wire.closed() == 4401


async def test_two_first_messages(url: str, api: Api) -> None:  # S26
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.send(type="connection_init")
        assert await wire.closed() == 4429


async def test_one_id_twice(url: str, api: Api) -> None:  # S26
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.subscribe(CHANGED)
        await wire.subscribe(CHANGED)
        assert await wire.closed() == 4409


async def test_the_old_protocol_is_not_spoken(url: str, api: Api) -> None:  # S26
    async with socket_to(url, bearer(api), protocol="graphql-ws") as wire:
        assert await wire.closed() == 4406


RUBBISH = [
    "",
    "{",
    "[]",
    "7",
    "{}",
    '{"type": 1}',
    '{"type": "x"}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": [], "payload": {"query": "{viewer{id}}"}}',
    '{"type": "subscribe", "id": "1", "payload": []}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}',
    '{"type": "complete"}',
    '{"a": ' * 5_000,
    '{"type": "ping", "type": "complete", "id": "1"}',
]


@pytest.mark.parametrize("text", RUBBISH, ids=range(len(RUBBISH)))
async def test_rubbish_closes_the_socket(url: str, api: Api, text: str) -> None:  # S56
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.connection.send(text)
        assert await wire.closed() == 4400


async def test_so_many_subscriptions_and_no_more(url: str, api: Api) -> None:  # S27
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        for number in range(MAX_SUBSCRIPTIONS + 1):
            await wire.subscribe(CHANGED, id=str(number))
        message = await wire.refusal()
    assert message["id"] == str(MAX_SUBSCRIPTIONS)


async def test_a_frame_that_is_too_large(url: str, api: Api) -> None:  # S27
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.connection.send("x" * (2 * 2**20))
        assert await wire.closed() == 1009


async def test_events_over_server_sent_events(url: str, api: Api) -> None:
    import httpx

    started = await api.start((await api.bot(PURE, "By SSE"))["id"], input="x")
    headers = {**bearer(api), "accept": "text/event-stream"}
    body = {"query": EVENTS, "variables": {"id": started["id"], "after": 0}}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/graphql", json=body, headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "execution.completed" in answer.text
    assert "event: complete" in answer.text


async def test_a_feed_is_not_compressed(url: str, api: Api) -> None:
    """The library would keep a compressor for each of a thousand readers."""
    from websockets.asyncio.client import connect

    address = "ws" + url.removeprefix("http")
    headers = bearer(api)
    options: Any = {"additional_headers": headers, "compression": "deflate", "proxy": None}
    async with connect(f"{address}/graphql", subprotocols=["graphql-transport-ws"], **options) as a:
        assert a.protocol.extensions == []


async def test_two_questions_at_once_over_one_socket_do_not_mix(url: str, api: Api) -> None:
    bot = await api.bot(PURE, "Asked twice")
    await api.start(bot["id"], input="x")
    asked = {
        "named": "{ executions(first: 1) { nodes { bot { name } version { number } } } }",
        "plain": "{ executions(first: 1) { nodes { id } } }",
    }
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        for turn in range(10):
            for name, document in asked.items():
                await wire.subscribe(document, id=f"{name} {turn}")
        answers: dict[str, Any] = {}
        while len(answers) < 20:
            message = await wire.next()
            if message["type"] == "next":
                answers[message["id"]] = message["payload"]
    for turn in range(10):
        (found,) = answers[f"named {turn}"]["data"]["executions"]["nodes"]
        assert found["bot"]["name"] == "Asked twice"
        assert found["version"] is None or found["version"]["number"]
