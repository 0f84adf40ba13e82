"""What a run will probably cost, before it costs anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from server.bots.programs import read_program
from server.costs.forecast import Forecast, forecast
from server.models.enums import ExecutionStatus
from server.models.tables import Bot, Execution
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import Home, open_home

WRITER = 'writer { "goal": "Say it", "model": "openai:gpt-4o-mini" }'
# 0.00075 US dollars.
DEAR = Reply("fine words", usage={"prompt_tokens": 1000, "completion_tokens": 1000})


@pytest_asyncio.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with ModelServer(DEAR) as models:
        environ = {"OPENAI_API_KEY": "sk-one", "OPENAI_BASE_URL": models.url}
        async with open_home(tmp_path, environ=environ) as home:
            yield home


async def estimated(home: Home, bot: Bot) -> Forecast:
    till = home.rooms.till
    plan = read_program(bot.source)
    return await forecast(home.owner, till.gateway, till.models, bot.id, plan, "x")


@pytest.mark.slow
async def test_what_the_bots_cost_that_it_starts_is_of_the_run(home: Home) -> None:
    """Three levels of them, each with a call of its own."""
    start = 'use spawn_baleybot with {{ baleybot: "{0}", input: "x" }}'
    await home.bot(WRITER, "Last")
    await home.bot(f"{WRITER}\nchain {{ writer {start.format('Last')} }}", "Middle")
    bot = await home.bot(f"{WRITER}\nchain {{ writer {start.format('Middle')} }}", "First")
    before = await estimated(home, bot)
    assert before.basis == "program"
    assert before.words.endswith("What the bots that it starts cost comes on top.")
    for _ in range(3):
        done = await home.ended(await home.start(bot, "x"))
        assert (done.status, done.cost_nano) == (ExecutionStatus.COMPLETED, 750_000)
    found = await estimated(home, bot)
    assert (found.basis, found.runs) == ("history", 3)
    assert (found.cost_nano, found.tokens) == (3 * 750_000, 3 * 2000)
    last = await Execution.filter(bot__name="Last").first()
    assert last is not None
    await Execution.filter(id=last.id).update(unpriced=True)
    assert (await estimated(home, bot)).basis == "program"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (WRITER.replace("openai:", "groq:"), "Nothing could be counted: groq:gpt-4o-mini cannot"),
        (WRITER.replace("openai:gpt-4o-mini", "demo:standard"), "Its models cost nothing."),
        (
            f'{WRITER}\nother {{ "goal": "Say", "model": "groq:x" }}\nchain {{ writer other }}',
            "Without groq:x, which cannot be reached as things stand.",
        ),
        (
            'use spawn_baleybot with { baleybot: "Last", input: "x" }',
            "It asks no model itself. What the bots that it starts cost comes on top.",
        ),
    ],
)
async def test_what_costs_nothing_and_what_cannot_be_asked_are_told_apart(
    home: Home, source: str, words: str
) -> None:
    found = await estimated(home, await home.bot(source))
    assert words in found.words
