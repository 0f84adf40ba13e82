"""Following a conversation at one's own pace, and when notices get lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tortoise.exceptions import DBConnectionError

from server.bus.notices import Notices
from server.core.ids import new_uuid
from server.engine.log import EventBatch
from server.executions import chat_feed, chats
from server.executions.chat_feed import follow
from server.executions.chats import Message, topic
from server.models.tables import ChatSession, Execution
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

LONG = " ".join(f"word{number}" for number in range(30_000)) + " "
TALKER = 'talker { "goal": "Talk", "model": "m" }'


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    answers: Any = {"m": ["First."], "long": [LONG.rstrip()]}
    async with open_home(tmp_path, gateway=ScriptedGateway(answers)) as home:
        yield home


async def begun(home: Home, source: str = TALKER) -> ChatSession:
    bot = await home.bot(source)
    return await chats.start(home.owner, home.rooms.clock, bot.id, None)


async def send(home: Home, session: ChatSession, text: str) -> Execution:
    row = await chats.get(home.owner, session.id)
    return await chats.send(home.owner, home.rooms.engine, row, Message(text))


def text_of(frames: list[chat_feed.Frame]) -> str:
    return "".join(piece.text for frame in frames for piece in frame.pieces)


async def test_who_reads_late_misses_nothing_and_holds_nobody_up(home: Home) -> None:
    session = await begun(home, 'talker { "goal": "Talk", "model": "long" }')
    async with aclosing(follow(home.rooms.engine, session)) as frames:
        await anext(frames)
        await home.ended(await send(home, session, "At length"))
        found = [await anext(frames)]
        while not found[-1].done:
            found.append(await anext(frames))
    assert text_of(found) == LONG


class Hasty:
    """In place of an engine: says a word at every turn, for a quarter of a second."""

    async def follow(self, execution_id: UUID, after: int) -> AsyncIterator[EventBatch]:
        loop, seq = asyncio.get_running_loop(), after
        until = loop.time() + 0.25
        while loop.time() < until:
            seq += 1
            yield EventBatch(seq, (_event(seq, "step.delta", {"text": "x"}),), True, False)
            await asyncio.sleep(0)
        yield EventBatch(seq + 1, (_event(seq + 1, "execution.completed"),), True, True)


def _event(seq: int, kind: str, data: Any = None) -> dict[str, Any]:
    return {"seq": seq, "type": kind, "stepKey": "talker", "attempt": 1, "data": data}


async def test_however_fast_it_speaks_twenty_frames_a_second_are_told(home: Home) -> None:
    with home.rooms.bus.notices.subscribe("chat:x") as heard:
        session = await begun(home)
        presence = chat_feed._Presence(session.id, heard)
        engine: Any = Hasty()
        said = chat_feed._said(engine, chat_feed.Place(new_uuid()), presence)
        began = asyncio.get_running_loop().time()
        async with aclosing(said) as frames:
            found = [frame async for frame in frames]
        lasted = asyncio.get_running_loop().time() - began
    assert found[-1].done
    assert len(text_of(found)) == found[-1].last_seq - 1 > 100
    assert len(found) <= lasted / 0.05 + 1


async def test_a_database_that_is_away_ends_no_conversation(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []

    async def away(**given: Any) -> bool:
        looked.append(given)
        raise DBConnectionError("refused")

    monkeypatch.setattr(chat_feed, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(ChatSession, "exists", away)
    with home.rooms.bus.notices.subscribe("chat:x") as heard:
        presence = chat_feed._Presence(new_uuid(), heard)
        engine: Any = Hasty()
        said = chat_feed._said(engine, chat_feed.Place(new_uuid()), presence)
        async with aclosing(said) as frames:
            found = [frame async for frame in frames]
    assert found[-1].done
    assert len(text_of(found)) == found[-1].last_seq - 1
    assert len(looked) > 1


async def test_a_lost_notice_costs_a_moment(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_feed, "LOOK_SECONDS", 0.05)
    session = await begun(home)
    plain = Notices.publish

    def lost(self: Notices, topic_: str, data: Any) -> None:
        if topic_ != topic(session.id):
            plain(self, topic_, data)

    monkeypatch.setattr(Notices, "publish", lost)
    async with asyncio.timeout(10), aclosing(follow(home.rooms.engine, session)) as frames:
        assert (await anext(frames)).execution_id is None
        started = await send(home, session, "Hello")
        found = [await anext(frames)]
        while not found[-1].done:
            found.append(await anext(frames))
        assert {frame.execution_id for frame in found} == {started.id}
        assert text_of(found) == "First. "
        notices = home.rooms.bus.notices
        await chats.delete(home.owner, notices, session.id, home.rooms.clock)
        assert [frame async for frame in frames] == []


async def test_messages_that_came_and_went_meanwhile_are_all_told(home: Home) -> None:
    session = await begun(home)
    async with aclosing(follow(home.rooms.engine, session)) as frames:
        await anext(frames)
        sent = [await home.ended(await send(home, session, str(n))) for n in range(3)]
        found: list[chat_feed.Frame] = []
        while sum(frame.done for frame in found) < 3:
            found.append(await anext(frames))
    assert [frame.execution_id for frame in found if frame.done] == [row.id for row in sent]
    assert text_of(found) == "First. " * 3
