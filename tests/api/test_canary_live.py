"""Canaries in what is seen while a run goes on: each notice, each event as it comes, each row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import pytest_asyncio

from server.core.jsontext import dumps
from server.core.logs import Redaction, hide
from server.engine.log import WireEvent
from server.llm.collector import OnDelta
from server.llm.messages import ChatRequest, Delta, ModelAnswer
from server.llm.window import OnSent
from server.models.tables import Event
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

KEY = "lk-live-canary-0123456789abcdef"
LONGER = KEY + "-and-more"
ASKS = 'a { "goal": "Say it", "model": "leaky" }'


@dataclass
class Streaming(ScriptedGateway):
    """Says `pieces` one by one, each when everything before it is on its way."""

    pieces: list[str] = field(default_factory=list)

    async def chat(
        self,
        request: ChatRequest,
        on_delta: OnDelta | None = None,
        on_sent: OnSent | None = None,
    ) -> ModelAnswer:
        self.answers["leaky"] = ["".join(self.pieces)]
        self.asked["leaky"].set()
        await self.held["leaky"].wait()
        for piece in self.pieces:
            if on_delta is not None:
                on_delta(Delta("text", piece))
            await asyncio.sleep(0.06)  # longer than pieces are gathered for
        return self._answer(request, "leaky", 0, None)


@pytest_asyncio.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=Streaming()) as home:
        yield home


async def seen(home: Home, *pieces: str) -> list[WireEvent]:
    """Everything that somebody who looks on is shown."""
    gateway = cast("Streaming", home.rooms.gateway)
    gateway.pieces = list(pieces)
    go_on = gateway.hold("leaky")
    execution = await home.start(await home.bot(ASKS))
    await gateway.asked["leaky"].wait()
    found: list[WireEvent] = []
    looking = home.rooms.engine.follow(execution.id, 0)
    async for batch in looking:
        found.extend(batch.events)
        go_on.set()
    return found


def written(events: list[WireEvent]) -> str:
    return "".join(one["data"]["text"] for one in events if one["type"] == "step.delta")


async def test_what_a_model_says_is_clean_while_it_is_said(home: Home) -> None:
    hide(KEY)
    events = await seen(home, f"before {KEY} after")
    assert KEY not in dumps(events)
    assert written(events) == "before [hidden] after"


@pytest.mark.parametrize("cut", [1, 9, len(KEY) - 9])
async def test_a_secret_in_two_pieces_is_in_neither(home: Home, cut: int) -> None:
    hide(KEY, LONGER)
    events = await seen(home, f"The key is {KEY[:cut]}", f"{KEY[cut:]} and no more", ".")
    assert KEY[cut:] not in written(events)
    assert written(events) == "The key is [hidden] and no more."
    stored = [row.data for row in await Event.all()]
    assert KEY[cut:] not in dumps(stored)


async def test_a_secret_letter_by_letter(home: Home) -> None:
    hide(KEY)
    letters = [KEY[i : i + 4] for i in range(0, len(KEY), 4)]
    assert written(await seen(home, "x ", *letters, " y")) == "x [hidden] y"


async def test_what_only_begins_like_a_secret_is_shown(home: Home) -> None:
    hide(KEY)
    assert written(await seen(home, "an lk-live", "-show")) == "an lk-live-show"
    assert written(await seen(home, "it ends in lk")) == "it ends in lk"


@pytest.mark.parametrize(("text", "held"), [
    ("nothing", 0), ("x lk", 2), (f"x {KEY[:-1]}", len(KEY) - 1), (f"x {KEY}", len(KEY)),
    (f"x {LONGER}", 0), (f"x {KEY} l", 1), (f"{LONGER[:-1]}", len(LONGER) - 1),
])  # fmt: skip
def test_how_much_waits_for_more(text: str, held: int) -> None:
    assert len(text) - Redaction([KEY, LONGER]).whole(text) == held


def test_two_secrets_that_overlap() -> None:
    redaction = Redaction(["first-0123456789", "6789-second-012345"])
    assert redaction.whole("x first-0123456789") == 2
    assert redaction.whole("x first-0123456789 y") == 20
