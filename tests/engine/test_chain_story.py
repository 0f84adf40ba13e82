"""Two providers, the first one limited, then dead, then well again: what the events tell, what the
circuit does, and what it all cost to the last digit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.core.errors import Invalid
from server.core.settings import load_settings
from server.executions.calls import story_of
from server.llm import fallbacks, kept_answers, verdict
from server.llm.gateway import Gateway
from server.models.tables import ModelCall, Step, Usage
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import Home, open_home

pytestmark = pytest.mark.slow

SOURCE = """
writer {
  "goal": "Write",
  "model": "openai:gpt-4o-mini",
  "fallbacks": ["anthropic:claude-haiku-4-5"]
}
"""
ALONE = 'writer { "goal": "Write", "model": "openai:gpt-4o-mini" }'
COUNTED = {"prompt_tokens": 1000, "completion_tokens": 1000}
WELL = Reply("From the first", usage=COUNTED)
LIMITED = Reply(status=429, error="Slow down.", headers={"retry-after": "0"})
DEAD = Reply(status=500, error="Down.")
# Nano-dollars for a thousand tokens each way.
FIRST_COST = 150_000 + 600_000
SECOND_COST = 1_000_000 + 5_000_000


@dataclass
class Time:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def first() -> AsyncIterator[ModelServer]:
    async with ModelServer(WELL) as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("From the second", usage=COUNTED)) as server:
        yield server


async def told(home: Home, bot: object) -> tuple[object, list[str]]:
    """One run: its output, and its calls in words."""
    execution = await home.ended(await home.start(bot, "tea"))  # type: ignore[arg-type]
    story: list[str] = []
    for event in await home.events(execution):
        data = event["data"] or {}
        if event["type"] == "model.failed":
            after = f"then {data['nextModel']}" if "nextModel" in data else "again"
            story.append(f"{data['kind']} {after}")
        elif event["type"] == "model.answered":
            story.append(f"answered by {data['provider']}")
    return execution.output, story


async def test_the_story_of_a_chain(
    tmp_path: Path, first: ModelServer, second: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.001)
    environ = {
        "OPENAI_API_KEY": "sk-first",
        "OPENAI_BASE_URL": first.url,
        "ANTHROPIC_API_KEY": "sk-second",
        "ANTHROPIC_BASE_URL": second.base,
    }
    time = Time()
    gateway = Gateway(load_settings(environ), clock=time)
    onwards = "provider_failed then anthropic:claude-haiku-4-5"
    left_alone = "provider_unavailable then anthropic:claude-haiku-4-5"
    async with open_home(tmp_path, gateway=gateway, environ=environ) as home:
        bot = await home.bot(SOURCE)

        first.script("gpt-4o-mini", LIMITED)
        output, story = await told(home, bot)
        assert story == ["rate_limited again", "answered by openai"]
        assert output == "From the first"

        first.always("gpt-4o-mini", DEAD)
        output, story = await told(home, bot)
        assert story == ["provider_failed again"] * 2 + [onwards, "answered by anthropic"]
        assert output == "From the second"

        asked = first.total
        _, story = await told(home, bot)
        assert story == ["provider_failed again"] * 2 + [left_alone, "answered by anthropic"]
        assert first.total == asked + 2

        _, story = await told(home, bot)
        assert story == [left_alone, "answered by anthropic"]
        assert first.total == asked + 2
        assert [one.state for one in await gateway.circuits.all()] == ["open"]

        time.now += 31
        first.always("gpt-4o-mini", WELL)
        _, story = await told(home, bot)
        assert story == ["answered by openai"]
        assert await gateway.circuits.all() == []

        costs = await Usage.all().values_list("cost_nano", flat=True)
        assert sum(cost or 0 for cost in costs) == 2 * FIRST_COST + 3 * SECOND_COST
    assert {one.key for one in first.requests} == {"sk-first"}
    assert {one.key for one in second.requests} == {"sk-second"}


async def test_half_an_answer_is_paid_for_too(
    tmp_path: Path, first: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.001)
    environ = {"OPENAI_API_KEY": "sk-first", "OPENAI_BASE_URL": first.url}
    first.script("gpt-4o-mini", Reply("word " * 500, cut_after=20_000))
    async with open_home(tmp_path, environ=environ) as home:
        execution = await home.ended(await home.start(await home.bot(ALONE), "tea"))
        half, whole = await Usage.filter(execution_id=execution.id).order_by("id")
        events = await home.events(execution)
    assert (half.estimated, whole.estimated) == (True, False)
    assert half.output_tokens > 50
    assert half.cost_nano is not None
    assert half.cost_nano > 0
    assert execution.cost_nano == half.cost_nano + FIRST_COST
    (answered,) = [event["data"] for event in events if event["type"] == "model.answered"]
    assert set(answered["parts"]) == {"system", "input"}
    assert sum(answered["parts"].values()) == pytest.approx(1000, abs=2)


async def test_a_workspace_falls_back_where_its_bots_name_nothing(
    tmp_path: Path, first: ModelServer, second: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", 0.001)
    environ = {
        "OPENAI_API_KEY": "sk-first",
        "OPENAI_BASE_URL": first.url,
        "ANTHROPIC_API_KEY": "sk-second",
        "ANTHROPIC_BASE_URL": second.base,
    }
    first.always("gpt-4o-mini", DEAD)
    quick = ALONE.replace('"model"', '"retries": 0, "model"')
    own = quick.replace('"model"', '"fallbacks": [], "model"')
    async with open_home(tmp_path, environ=environ) as home:
        till = home.rooms.till
        chain = ["anthropic:claude-haiku-4-5"]
        with pytest.raises(Invalid, match="needs a key for Groq"):
            await fallbacks.set_chain(home.owner, till.models, till.gateway, ["groq:x"])
        await fallbacks.set_chain(home.owner, till.models, till.gateway, chain)
        output, story = await told(home, await home.bot(quick))
        assert output == "From the second"
        onwards = "provider_failed then anthropic:claude-haiku-4-5"
        assert story == [onwards, "answered by anthropic"]
        row = await ModelCall.filter(source="failed").get()
        assert (row.provider, row.error["nextFrom"], row.error["status"]) == (
            "openai",
            "workspace",
            500,
        )
        words = "openai 500, went on with anthropic:claude-haiku-4-5; anthropic answered"
        assert story_of(await ModelCall.all().order_by("id")) == words
        refused = await home.ended(await home.start(await home.bot(own), "tea"))
        assert refused.error["kind"] == "provider_failed"


async def test_an_equal_question_costs_nothing_the_second_time(
    tmp_path: Path, first: ModelServer
) -> None:
    environ = {"OPENAI_API_KEY": "sk-first", "OPENAI_BASE_URL": first.url}
    source = ALONE.replace('"model"', '"cache": 3600, "model"')
    async with open_home(tmp_path, environ=environ) as home:
        bot = await home.bot(source)
        once = await home.ended(await home.start(bot, "tea"))
        again = await home.ended(await home.start(bot, "tea"))
        other = await home.ended(await home.start(bot, "coffee"))
        assert first.total == 2
        assert [row.cost_nano for row in (once, again, other)] == [FIRST_COST, 0, FIRST_COST]
        assert await Usage.filter(execution_id=again.id).count() == 0
        step = await Step.get(execution_id=again.id)
        assert (step.source, step.cost_nano, step.model) == ("cache", 0, "gpt-4o-mini")
        (answered,) = [
            event["data"] for event in await home.events(again) if event["type"] == "model.answered"
        ]
        assert (answered["source"], answered["cost"]) == ("cache", 0)
        kept = await kept_answers.size_of(home.owner, home.rooms.clock.now())
        assert (kept.answers, kept.hits) == (2, 1)
        assert await kept_answers.clear(home.owner) == 2
        await home.ended(await home.start(bot, "tea"))
        assert first.total == 3
