"""Answers without asking: recorded ones, and a cache of equal requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import pytest_asyncio

from server.core.clock import SystemClock
from server.core.ids import new_uuid
from server.core.jsontext import dumps, loads
from server.llm import kept_answers
from server.llm.access import Access
from server.llm.errors import ModelError
from server.llm.kept_answers import WorkspaceAnswers, forget_expired, trim
from server.llm.messages import ChatRequest, Delta, Message, ModelAnswer, ToolCall, Usage
from server.llm.replays import Cached, Recorded, answer_of, question_of
from server.models.tables import KeptAnswer, Workspace
from tests.llm.conftest import ask
from tests.support.database import opened

CALL = ToolCall("call_1", "search", '{"q": 1}')
CLOCK = SystemClock()


def answered(text: str, **more: object) -> ModelAnswer:
    taken = Usage(10, 5, cache_write_tokens=2)
    made = ModelAnswer(text, (), taken, "m", "m-1", "openai", 750, False, "stop", 1.0, 9.0)
    return replace(made, **more)  # type: ignore[arg-type]


class Model:
    """Behind a cache: says another thing each time."""

    def __init__(self, answers: WorkspaceAnswers) -> None:
        self.asked = 0
        self.more: dict[str, object] = {}
        self._cached = Cached(answers)

    async def chat(self, request: ChatRequest) -> ModelAnswer:
        async def say() -> ModelAnswer:
            self.asked += 1
            return answered(f"answer {self.asked}", **self.more)

        return await self._cached.chat(request, None, say)


@pytest_asyncio.fixture
async def answers(database_url: str, tmp_path: Path) -> AsyncIterator[WorkspaceAnswers]:
    async with opened(database_url, tmp_path) as world:
        yield WorkspaceAnswers(world.workspace.id, CLOCK)


class Tape:
    def __init__(self) -> None:
        self.kept: dict[str, list[ModelAnswer]] = defaultdict(list)

    async def model(self, step_key: str, question: str) -> ModelAnswer | None:
        left = self.kept[question]
        return left.pop(0) if left else None


async def test_recorded_answers_come_in_their_order_at_no_cost() -> None:
    tape = Tape()
    tape.kept[question_of(ask("Hi"))] = [answered("one"), answered("two", tool_calls=(CALL,))]
    replay = Recorded(tape, "Good morning")
    deltas: list[Delta] = []
    other = ask("Hi", model="openai:other")
    found = [await replay.chat("a", other, deltas.append) for _ in range(2)]
    assert [one.text for one in found] == ["one", "two"]
    assert {(one.cost, one.usage, one.source) for one in found} == {(0, Usage(), "recorded")}
    assert [delta.text for delta in deltas] == ["one", "two", CALL.arguments]
    with pytest.raises(ModelError, match="“Good morning” does not hold an answer") as caught:
        await replay.chat("a", ask("Something else"))
    assert not caught.value.retryable
    assert "keep that execution as a recording" in caught.value.hint


async def test_an_equal_request_is_answered_from_the_cache(answers: WorkspaceAnswers) -> None:
    model = Model(answers)
    first = await model.chat(ask(cache_seconds=60))
    again = await model.chat(ask(cache_seconds=60))
    assert (first.text, first.source, first.cost) == ("answer 1", "live", 750)
    assert (again.text, again.source, again.cost) == ("answer 1", "cache", 0)
    assert model.asked == 1
    assert (await KeptAnswer.get()).hits == 1


@pytest.mark.parametrize(
    "other",
    [
        ask("Another", cache_seconds=60),
        ask(cache_seconds=60, temperature=0.1),
        ask(cache_seconds=60, model="openai:gpt-4o"),
        ask(cache_seconds=60, output_schema={"type": "object"}),
        ask(cache_seconds=60, access=Access("con_1", "Mine", "openai", "k")),
        ask(cache_seconds=60, repair=True),
        ask(),
    ],
    ids=["input", "temperature", "model", "schema", "connection", "repair", "not wanted"],
)
async def test_what_is_not_equal_or_not_wanted_is_asked(tmp_path: Path, other: ChatRequest) -> None:
    async with opened(f"sqlite://{tmp_path / 'a.db'}", tmp_path) as world:
        model = Model(WorkspaceAnswers(world.workspace.id, CLOCK))
        await model.chat(ask(cache_seconds=60))
        assert (await model.chat(other)).source == "live"
        assert model.asked == 2


async def test_half_an_answer_is_not_kept(answers: WorkspaceAnswers) -> None:
    model = Model(answers)
    model.more = {"finish_reason": "length"}
    for _ in range(2):
        await model.chat(ask(cache_seconds=60))
    assert model.asked == 2


async def test_it_is_forgotten_in_time_and_a_newer_one_takes_its_place(
    answers: WorkspaceAnswers,
) -> None:
    await answers.keep("00" * 32, answered("old"), -1)
    assert await answers.find("00" * 32) is None
    await answers.keep("00" * 32, answered("new"), 60)
    await answers.keep("01" * 32, answered("gone"), -1)
    found = await answers.find("00" * 32)
    assert found is not None
    assert found.text == "new"
    await forget_expired(CLOCK.now())
    assert await KeptAnswer.all().count() == 1


async def test_workspaces_do_not_share_answers(answers: WorkspaceAnswers) -> None:
    other = await Workspace.create(id=new_uuid(), name="Other")
    await answers.keep("00" * 32, answered("ours"), 60)
    assert await WorkspaceAnswers(other.id, CLOCK).find("00" * 32) is None


async def test_what_is_kept_is_bounded(
    answers: WorkspaceAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "MOST_ANSWERS", 3)
    for number in range(6):
        await answers.keep(f"{number + 1:02x}" * 32, answered(str(number)), 60)
    await answers.keep("0f" * 32, answered("x" * kept_answers.LARGEST_BYTES), 60)
    await trim((await KeptAnswer.first()).workspace_id)  # type: ignore[union-attr]
    left = await KeptAnswer.all().order_by("id")
    assert [row.answer["text"] for row in left] == ["3", "4", "5"]
    monkeypatch.setattr(kept_answers, "MOST_BYTES", 10)
    await trim(left[0].workspace_id)
    assert await KeptAnswer.all().count() == 0


def test_an_answer_survives_its_text() -> None:
    whole = answered("héllo", tool_calls=(CALL,), price={"input": "1.5"})
    assert answer_of(loads(dumps(asdict(whole)))) == whole


def test_the_ids_of_tool_calls_are_chance_and_do_not_count() -> None:
    def asked(call_id: str, result: str = "found") -> ChatRequest:
        called = Message("assistant", tool_calls=(ToolCall(call_id, "search"),))
        return ChatRequest((called, Message("tool", result, tool_call_id=call_id)))

    assert question_of(asked("a")) == question_of(asked("b"))
    assert question_of(asked("a")) != question_of(asked("a", "other"))
