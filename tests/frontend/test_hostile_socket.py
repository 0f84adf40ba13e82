"""The socket of the pages (S28): what it is told comes from anybody. Events for things that are
not there, of other people's pages or with forged places are left aside, and the page lives on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import ASGIApp

from frontend.mount import MAX_MESSAGE_BYTES, PREFIX, ROOT_COMPONENT
from tests.frontend.dev_app import build
from tests.frontend.world import World

pytestmark = pytest.mark.slow


@dataclass
class Page:
    """One open page, without a browser."""

    incoming: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    outgoing: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    targets: set[str] = field(default_factory=set)

    def say(self, **event: Any) -> None:
        text = json.dumps({"type": "layout-event", **event})
        self.incoming.put_nowait({"type": "websocket.receive", "text": text})

    async def next(self, seconds: float = 5) -> dict[str, Any]:
        message = await asyncio.wait_for(self.outgoing.get(), seconds)
        if message["type"] == "websocket.send":
            self.targets |= set(_targets(json.loads(message["text"])))
        return message

    async def settled(self) -> None:
        """Until nothing more comes for a moment."""
        with contextlib.suppress(TimeoutError):
            while True:
                assert (await self.next(0.4))["type"] != "websocket.close"


def _targets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "target" in value and isinstance(value["target"], str):
            yield value["target"]
        for inner in value.values():
            yield from _targets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _targets(inner)


@asynccontextmanager
async def page(app: ASGIApp) -> AsyncIterator[Page]:
    opened = Page()
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": f"{PREFIX}{ROOT_COMPONENT}/",
        "query_string": b"path=/bots",
        "headers": [],
        "subprotocols": [],
        "state": {},
    }
    opened.incoming.put_nowait({"type": "websocket.connect"})
    task = asyncio.ensure_future(app(scope, opened.incoming.get, opened.outgoing.put))
    try:
        assert (await opened.next())["type"] == "websocket.accept"
        await opened.next()
        await opened.settled()
        yield opened
        assert not task.done(), "the page has ended"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


FORGED = [
    {"target": "no-such-target", "data": []},
    {"target": "", "data": []},
    {"target": "__class__", "data": ["__globals__"]},
    {"target": "../../frontend.app.App", "data": []},
    {"target": "x" * 100_000, "data": []},
    {"target": "a", "data": [{"target": {"value": "<script>"}}] * 1_000},
]


@pytest.mark.parametrize("event", FORGED, ids=range(len(FORGED)))
async def test_an_event_for_nobody_does_nothing(world: World, event: dict[str, Any]) -> None:  # S28
    async with page(build(world)) as opened:
        calls = len(world.calls)
        opened.say(**event)
        await opened.settled()
        assert len(world.calls) == calls


async def test_an_event_reaches_ones_own_page_alone(world: World) -> None:  # S28
    """The places of two pages have the same names, so an event for one would fit the other."""
    app = build(world)
    async with page(app) as victim, page(app) as thief:
        assert victim.targets
        for target in victim.targets:
            thief.say(target=target, data=[{"forged": True}, "x", None])
        await thief.settled()
        assert victim.outgoing.empty()


@pytest.mark.parametrize("data", [[], [None] * 50, [{"value": {"a": [1]}}], "text", 7, None])
async def test_what_comes_with_an_event_may_be_anything(world: World, data: Any) -> None:  # S28
    async with page(build(world)) as opened:
        for target in sorted(opened.targets):
            opened.say(target=target, data=data)
        await opened.settled()


async def test_ten_megabytes_end_the_page(world: World) -> None:  # S28
    opened = Page()
    scope: dict[str, Any] = {
        "type": "websocket",
        "path": f"{PREFIX}{ROOT_COMPONENT}/",
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
        "state": {},
    }
    opened.incoming.put_nowait({"type": "websocket.connect"})
    task = asyncio.ensure_future(build(world)(scope, opened.incoming.get, opened.outgoing.put))
    opened.say(target="x", data=["x" * (10 * MAX_MESSAGE_BYTES // 2)])
    try:
        while (message := await opened.next())["type"] != "websocket.close":
            pass
        assert message["code"] == 1009
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "component",
    [
        "os.system",
        "frontend.pages.bots.Bots",
        "frontend.app.App/../../os.system",
        "frontend.app.App%00",
        "FRONTEND.APP.APP",
        "",
    ],
)
async def test_no_other_component_is_made(world: World, component: str) -> None:  # S28
    from tests.frontend.test_mount import ending

    assert await ending(world, None, component) == 4404
    assert world.calls == []
