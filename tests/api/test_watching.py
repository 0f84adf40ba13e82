"""One execution with many who look on: answered once, in whatever words it was asked for."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from server.api import watching
from tests.api.test_live import EVENTS, batches, bearer, url
from tests.support.front import PURE, WRITER, Api, Front, Wire, socket_to

__all__ = ["url"]

ALIASED = """subscription($id: ID!, $after: Int, $whole: Boolean = true) {
  it: executionEvents(executionId: $id, after: $after) { ...part gaps @include(if: $whole) {
    fromSeq } } }
  fragment part on ExecutionEventBatch { lastSeq done events }"""
PLAIN = """subscription($id: ID!) { it: executionEvents(executionId: $id) {
  n: lastSeq caughtUp done deleted events %s gaps { toSeq from: fromSeq } } }"""
SHORT = """subscription($id: ID!, $long: Boolean!) {
  executionEvents(executionId: $id) { lastSeq caughtUp @include(if: $long) } }"""


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was answered for all who look on."""
    found: list[Any] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        found.append(args)
        return plain(*args, **kwargs)

    plain = watching.written_json
    monkeypatch.setattr(watching, "written_json", counted)
    return found


async def test_many_who_ask_alike_are_answered_once(
    url: str, api: Api, answered: list[Any]
) -> None:
    bot, told = await api.bot(WRITER, "Many"), 0

    async def one(wire: Wire) -> list[Any]:
        nonlocal told
        await wire.watch(EVENTS, started["id"], 0)
        found = [batch async for batch in batches(wire)]
        told += len(found)
        return [event for batch in found for event in batch["events"]]

    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(socket_to(url, bearer(api))) for _ in range(20)]
        for wire in wires:
            await wire.hello()
        started = await api.start(bot["id"], input="x " * 50, mode="DEMO")
        seen = await asyncio.gather(*(one(wire) for wire in wires))
    assert all(events == seen[0] for events in seen)
    assert [event["seq"] for event in seen[0]] == list(range(1, len(seen[0]) + 1))
    assert 0 < len(answered) < told / 10


async def test_other_words_get_the_same_in_the_ordinary_way(
    url: str, api: Api, answered: list[Any]
) -> None:
    started = await api.start((await api.bot(PURE, "Other words"))["id"], input="x")
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        await wire.send(
            type="subscribe",
            id="7",
            payload={"query": ALIASED, "variables": {"id": started["id"], "after": 0}},
        )
        message = await wire.next()
    batch = message["payload"]["data"]["it"]
    assert batch["events"][0]["type"] == "execution.queued"
    assert answered == []


async def test_plain_fields_are_answered_as_the_document_says(url: str, api: Api) -> None:
    started = await api.start((await api.bot(PURE, "Plain"))["id"], input="x")
    picked, walked = [
        await first_answer(url, api, PLAIN % asked, {"id": started["id"]})
        for asked in ("", "@include(if: true)")
    ]
    assert picked == walked
    assert list(picked["it"]) == ["n", "caughtUp", "done", "deleted", "events", "gaps"]


@pytest.mark.parametrize("long", [True, False])
async def test_a_variable_that_changes_the_answer_is_part_of_the_words(
    url: str, api: Api, long: bool
) -> None:
    started = await api.start((await api.bot(PURE, f"Words {long}"))["id"], input="x")
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        for number, wanted in enumerate((long, not long)):
            variables = {"id": started["id"], "long": wanted}
            payload = {"query": SHORT, "variables": variables}
            await wire.send(type="subscribe", id=str(number), payload=payload)
        found = {}
        while len(found) < 2:
            message = await wire.next()
            if message["type"] == "next":
                found[message["id"]] = "caughtUp" in message["payload"]["data"]["executionEvents"]
    assert found == {"0": long, "1": not long}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"after": 0}, "id"),
        ({"id": "junk", "after": 0}, "There is no such execution."),
        ({"id": "exe_" + "0" * 26, "after": -1}, "Event numbers begin with 1"),
        ({"id": "exe_" + "0" * 26, "after": "two"}, "after"),
    ],
)
async def test_what_is_wrong_is_said_in_the_ordinary_way(
    url: str, api: Api, variables: dict[str, Any], said: str
) -> None:
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        payload = {"query": EVENTS, "variables": variables}
        await wire.send(type="subscribe", id="1", payload=payload)
        message = await wire.next()
    assert message["type"] == "error"
    assert said in message["payload"][0]["message"]


async def test_a_stream_of_events_ends_when_the_token_is_taken_back(
    url: str, front: Front, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket is closed by its guard; server-sent events have none."""

    async def taken_back(credential: str) -> bool:
        return False

    monkeypatch.setattr(watching, "RECHECK_SECONDS", -1.0)
    monkeypatch.setattr(front.rooms.recogniser, "still_valid", taken_back)
    started = await api.start((await api.bot(PURE, "Taken back"))["id"], input="x")
    headers = {**bearer(api), "accept": "text/event-stream"}
    body = {"query": EVENTS, "variables": {"id": started["id"], "after": 0}}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/graphql", json=body, headers=headers)
    assert "UNAUTHENTICATED" in answer.text
    assert "execution.queued" not in answer.text


async def first_answer(url: str, api: Api, query: str, variables: dict[str, Any]) -> Any:
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        payload = {"query": query, "variables": variables}
        await wire.send(type="subscribe", id="7", payload=payload)
        return (await wire.next())["payload"]["data"]
