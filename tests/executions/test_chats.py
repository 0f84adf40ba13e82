"""Conversations: each message knows those before it, one at a time is at work, and nothing of one
workspace is in another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.core.clock import SystemClock
from server.core.errors import IdempotencyMismatch, Invalid, InvalidState, NotFound
from server.core.ids import new_uuid
from server.executions import chats, conversation, service
from server.executions.chats import Message
from server.executions.retention import Retention, Rule, delete_executions, set_rule
from server.models.enums import ExecutionMode, ExecutionStatus, TriggerKind
from server.models.tables import ChatSession, Execution
from server.workspaces.listing import PageAsk
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

TALKER = 'talker { "goal": "Talk", "model": "m" }'


async def chat(home: Home, source: str = TALKER, title: str | None = None) -> ChatSession:
    bot = await home.bot(source)
    return await chats.start(home.owner, home.rooms.clock, bot.id, title)


async def send(home: Home, session: ChatSession, text: Any, **more: Any) -> Execution:
    row = await chats.get(home.owner, session.id)
    return await chats.send(home.owner, home.rooms.engine, row, Message(text, **more))


async def said(home: Home, session: ChatSession, text: str) -> Execution:
    return await home.ended(await send(home, session, text))


async def test_a_message_knows_what_was_said_before(tmp_path: Path, database_url: str) -> None:
    gateway = ScriptedGateway({"m": ["Hello Ada.", "You are Ada.", "Again: Ada."]})
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        session = await chat(home)
        first = await said(home, session, "My name is   Ada.")
        second = await said(home, session, "Who am I?")
        assert (first.trigger_kind, first.session_id) == (TriggerKind.CHAT, session.id)
        assert (second.output, second.status) == ("You are Ada.", ExecutionStatus.COMPLETED)
        told = [(one["role"], one["content"]) for one in await conversation.up_to(second)]
        assert told == [
            ("user", "My name is   Ada."),
            ("assistant", "Hello Ada."),
            ("user", "Who am I?"),
            ("assistant", "You are Ada."),
        ]
        row = await chats.get(home.owner, session.id)
        assert (row.title, row.last_execution_id) == ("My name is Ada.", second.id)
        page = await chats.executions(home.owner, session.id, PageAsk(first=1))
        assert ([one.id for one in page.rows], page.has_next) == ([second.id], True)
        light = service.light_columns()
        page = await chats.executions(home.owner, session.id, PageAsk(first=1), light)
        (known,) = (await service.many(home.owner, [second.id], light)).values()
        for row in (known, *page.rows):
            assert (row.id, row.status) == (second.id, second.status)
            assert vars(row).keys().isdisjoint({"input", "output", "trigger"})
        other = await chat(home)
        listed = await chats.list_chats(home.owner, bot_id=other.bot_id)
        assert [one.id for one in listed.rows] == [other.id]


async def test_while_one_message_is_at_work_the_next_is_refused(
    tmp_path: Path, database_url: str
) -> None:
    gateway = ScriptedGateway()
    gateway.hold("m")
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        session = await chat(home)
        first = await send(home, session, "One", idempotency_key="k")
        with pytest.raises(InvalidState, match="still at work"):
            await send(home, session, "Two")
        assert (await send(home, session, "One", idempotency_key="k")).id == first.id
        with pytest.raises(IdempotencyMismatch):
            await send(home, session, "Other", idempotency_key="k")
        await home.control(first, "cancel")
        await home.until(first, ExecutionStatus.CANCELLED)
        assert (await send(home, session, "Two")).id > first.id
        assert await Execution.filter(session_id=session.id).count() == 2


async def test_what_is_answered_while_the_next_is_checked_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = ScriptedGateway({"m": ["Hello Ada."]})
    free = gateway.hold("m")
    plain = chats._said
    async with open_home(tmp_path, gateway=gateway) as home:
        session = await chat(home)
        first = await send(home, session, "I am Ada.")

        async def slowly(row: ChatSession) -> list[dict[str, str]]:
            found = await plain(row)
            free.set()
            await home.ended(first)
            return found

        monkeypatch.setattr(chats, "_said", slowly)
        with pytest.raises(InvalidState, match="still at work"):
            await send(home, session, "Who am I?")


async def test_the_same_message_sent_twice_at_once_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = ScriptedGateway()
    gateway.hold("m")
    async with open_home(tmp_path, gateway=gateway) as home:
        session = await chat(home)
        first: list[Execution] = []
        plain = chats._said

        async def overtaken(row: ChatSession) -> list[dict[str, str]]:
            with monkeypatch.context() as patch:
                patch.setattr(chats, "_said", plain)
                first.append(await send(home, session, "One", idempotency_key="k"))
            return await plain(row)

        monkeypatch.setattr(chats, "_said", overtaken)
        second = await send(home, session, "One", idempotency_key="k")
        assert [second.id] == [row.id for row in first]
        assert await Execution.filter(session_id=session.id).count() == 1


async def test_of_many_at_the_same_moment_one_is_taken(tmp_path: Path, database_url: str) -> None:
    gateway = ScriptedGateway()
    gateway.hold("m")
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        session = await chat(home)
        row = await chats.get(home.owner, session.id)
        engine = home.rooms.engine
        sent = [chats.send(home.owner, engine, row, Message(str(n))) for n in range(8)]
        found = await asyncio.gather(*sent, return_exceptions=True)
        assert sum(isinstance(one, Execution) for one in found) == 1
        assert sum(isinstance(one, InvalidState) for one in found) == 7
        assert await Execution.filter(session_id=session.id).count() == 1


async def test_a_message_that_is_refused_does_not_take_the_turn(tmp_path: Path) -> None:
    gateway = ScriptedGateway({"m": ["Fine."]})
    async with open_home(tmp_path, gateway=gateway) as home:
        session = await chat(home)
        bots = frozenset({new_uuid()})
        with pytest.raises(Invalid):
            await send(home, session, "x", mode=ExecutionMode.RECORDED)
        with pytest.raises(NotFound):
            await chats.to_send_to(replace(home.owner, bot_ids=bots), session.id)
        deep: Any = "x"
        for _ in range(600):
            deep = [deep]
        with pytest.raises(Invalid, match="cannot be stored"):
            await send(home, session, deep)
        key = "k" * 300
        with pytest.raises(Invalid):
            await send(home, session, "x", idempotency_key=key)
        untouched = await chats.get(home.owner, session.id)
        assert (untouched.last_execution_id, untouched.title) == (None, "")
        assert (await said(home, session, "Well?")).output == "Fine."


async def test_half_of_a_pair_is_no_title(tmp_path: Path) -> None:
    async with open_home(tmp_path) as home:
        session = await chat(home, 'processor ("same") { "result" }')
        await said(home, session, "Well \ud800?")
        assert (await chats.get(home.owner, session.id)).title == "Well ??"


async def test_what_was_not_answered_is_not_told_again(tmp_path: Path) -> None:
    gateway = ScriptedGateway()
    gateway.hold("m")
    async with open_home(tmp_path, gateway=gateway) as home:
        session = await chat(home)
        first = await send(home, session, "Never answered")
        await home.control(first, "cancel")
        await home.until(first, ExecutionStatus.CANCELLED)
        second = await send(home, session, "Answered?")
        row = await Execution.get(id=second.id)
        assert row.trigger["conversation"] == []


async def test_a_deleted_conversation_leaves_its_executions(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway({"m": ["Yes."]})) as home:
        session = await chat(home, title="Named")
        first = await said(home, session, "Is it?")
        await chats.delete(home.owner, home.rooms.bus.notices, session.id, home.rooms.clock)
        with pytest.raises(NotFound):
            await chats.get(home.owner, session.id)
        assert (await Execution.get(id=first.id)).status is ExecutionStatus.COMPLETED


class Later(SystemClock):
    def now(self) -> Any:
        return super().now() + timedelta(days=9)


async def test_the_retention_takes_what_nobody_used(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway({"m": ["Yes.", "Yes."]})) as home:
        gone, kept = await chat(home), await chat(home)
        await said(home, gone, "Old")
        await home.ended(await send(home, kept, "Kept"))
        await set_rule(home.owner, gone.bot_id, Rule(max_age_days=7))
        await Retention(home.rooms.clock).prune()
        assert await ChatSession.all().count() == 2
        await Retention(Later()).prune()
        assert [row.id for row in await ChatSession.all()] == [kept.id]


async def test_a_message_sent_while_the_retention_looks_keeps_its_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_home(tmp_path) as home:
        session, now = await chat(home), home.rooms.clock.now()
        await ChatSession.filter(id=session.id).update(last_execution_id=new_uuid())

        class SentMeanwhile:
            """In place of the executions, of which none is found."""

            @staticmethod
            def filter(**_: Any) -> type[SentMeanwhile]:
                return SentMeanwhile

            @staticmethod
            async def values_list(*_: str, flat: bool) -> list[Any]:
                later = now + timedelta(days=1)
                await ChatSession.filter(id=session.id).update(used_at=later)
                return []

        with monkeypatch.context() as patch:
            patch.setattr(chats, "Execution", SentMeanwhile)
            await chats.forget_unused(session.bot_id, now + timedelta(hours=1))
        assert await ChatSession.exists(id=session.id)
        await chats.forget_unused(session.bot_id, now + timedelta(days=2))
        assert not await ChatSession.exists(id=session.id)


async def test_the_conversation_goes_on_when_its_last_message_was_deleted(tmp_path: Path) -> None:
    async with open_home(tmp_path, gateway=ScriptedGateway({"m": ["Yes.", "No."]})) as home:
        session = await chat(home)
        first = await said(home, session, "One")
        await delete_executions([first.id])
        long_ago = home.rooms.clock.now() - chats.ACCEPTED_WITHIN * 2
        await ChatSession.filter(id=session.id).update(used_at=long_ago)
        assert (await said(home, session, "Two")).output == "No."


@pytest.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("Noted.")) as server:
        yield server


@pytest.mark.slow
async def test_the_model_is_told_the_history(tmp_path: Path, models: ModelServer) -> None:
    environ = {"OPENAI_API_KEY": "sk-chat", "OPENAI_BASE_URL": models.url}
    async with open_home(tmp_path, environ=environ) as home:
        session = await chat(home, 'talker { "goal": "Talk", "model": "openai:gpt-4" }')
        await said(home, session, "My name is Ada.")
        await said(home, session, "Who am I?")
    told: list[dict[str, Any]] = models.requests[1].body["messages"]
    assert [(one["role"], one["content"]) for one in told] == [
        ("system", "Talk"),
        ("user", "My name is Ada."),
        ("assistant", "Noted."),
        ("user", "Who am I?"),
    ]
