"""What was said before a run: told to the entities that inherit it, cut where the model is too
small, and on record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.core.errors import Invalid
from server.core.ids import public_id
from server.engine.conversation import CONVERSATION
from server.executions import calls, conversation
from server.models.tables import Execution
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import open_home

BOTH = """
listener { "goal": "Listen", "model": "openai:gpt-4" }
stranger { "goal": "Judge", "model": "openai:gpt-4", "history": "none" }
chain { listener stranger }
"""
SAID = [("user", "My name is Ada."), ("assistant", "Hello Ada.")]


@pytest.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("Noted.")) as server:
        yield server


def environ(models: ModelServer) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-conversation", "OPENAI_BASE_URL": models.url}


def heard(models: ModelServer, number: int) -> list[tuple[str, str]]:
    messages: list[dict[str, Any]] = models.requests[number].body["messages"]
    return [(one["role"], one["content"]) for one in messages]


@pytest.mark.slow
async def test_who_inherits_the_conversation_is_told_it_and_who_does_not_is_not(
    tmp_path: Path, models: ModelServer
) -> None:
    async with open_home(tmp_path, environ=environ(models)) as home:
        bot = await home.bot(BOTH)
        before = {CONVERSATION: conversation.checked(SAID)}
        ended = await home.ended(await home.start(bot, "Who am I?", trigger=before))
        assert heard(models, 0) == [("system", "Listen"), *SAID, ("user", "Who am I?")]
        assert heard(models, 1) == [("system", "Judge"), ("user", "Noted.")]
        named = public_id("execution", ended.id)
        said = await conversation.after(home.owner, named, bot.id)
        wanted = [*SAID, ("user", "Who am I?"), ("assistant", "Noted.")]
        assert [(one["role"], one["content"]) for one in said] == wanted
        rows = await calls.of_execution(home.owner, ended.id)
        assert [sorted(row.parts) for row in rows] == [
            ["history", "input", "system"],
            ["input", "system"],
        ]
        with pytest.raises(Invalid, match="another bot"):
            await conversation.after(home.owner, named, (await home.bot(BOTH)).id)


async def test_a_conversation_that_gets_too_long_loses_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conversation, "MOST_CHARACTERS", 100)
    monkeypatch.setattr(conversation, "MOST_MESSAGES", 6)

    async def after(size: int, asked: str = "?", said: str = "!") -> list[tuple[str, int]]:
        earlier = conversation.checked([("user", "x" * size), ("assistant", "y" * size)] * 3)
        row = Execution()
        row.trigger, row.input, row.output = {CONVERSATION: earlier}, asked, said
        return [(one["role"], len(one["content"])) for one in await conversation.up_to(row)]

    now = [("user", 1), ("assistant", 1)]
    assert await after(5) == [("user", 5), ("assistant", 5)] * 2 + now
    assert await after(16) == [("user", 16), ("assistant", 16)] * 2 + now
    assert await after(16, said="!" * 30) == [("user", 16), ("assistant", 16)] * 2 + [
        ("user", 1),
        ("assistant", 30),
    ]
    assert await after(16, said="!" * 40) == [
        ("user", 16),
        ("assistant", 16),
        ("user", 1),
        ("assistant", 40),
    ]
    assert await after(1, said="!" * 200) == [("user", 1), ("assistant", 1)] * 2 + [
        ("user", 1),
        ("assistant", 50),
    ]
    assert await after(1, "?" * 200, "!" * 200) == [("user", 50), ("assistant", 50)]


@pytest.mark.slow
async def test_what_does_not_fit_is_left_out_from_the_beginning_and_on_record(
    tmp_path: Path, models: ModelServer
) -> None:
    """gpt-4 reads 8,192 tokens."""
    long = [
        (role, f"{role} {number} " + "word " * 800)
        for number in range(8)
        for role in ("user", "assistant")
    ]
    async with open_home(tmp_path, environ=environ(models)) as home:
        bot = await home.bot('listener { "goal": "Listen", "model": "openai:gpt-4" }')
        before = {CONVERSATION: conversation.checked(long)}
        ended = await home.ended(await home.start(bot, "And now?", trigger=before))
        (row,) = await calls.of_execution(home.owner, ended.id)
        (answered,) = [
            event["data"] for event in await home.events(ended) if event["type"] == "model.answered"
        ]
    told = heard(models, 0)
    assert told[0] == ("system", "Listen")
    assert told[-1] == ("user", "And now?")
    kept = [text.split(" word")[0] for _, text in told[1:-1]]
    assert kept[0].startswith("user")
    assert kept == [text.split(" word")[0] for _, text in long][-len(kept) :]
    assert len(row.left_out) == len(long) - len(kept) == answered["leftOut"] > 0
    assert row.left_out[0]["preview"].startswith("user 0 word")
    assert {(one["part"], one["how"]) for one in row.left_out} == {("history", "dropped")}
    assert row.context_window == 8192
