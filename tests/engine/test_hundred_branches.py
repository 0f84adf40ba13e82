"""A hundred branches of which each takes as long as it likes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.executions import service as executions
from server.llm.collector import OnDelta
from server.llm.messages import ChatRequest, ModelAnswer
from server.llm.window import OnSent
from server.models.enums import ExecutionStatus, StepStatus
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

BRANCHES = 100
MOST_SECONDS = 0.05


class Straggling(ScriptedGateway):
    """Answers nobody before all are asked, and then each after a while of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.all_asked = asyncio.Barrier(BRANCHES)
        self.answered: list[str] = []

    async def chat(
        self,
        request: ChatRequest,
        on_delta: OnDelta | None = None,
        on_sent: OnSent | None = None,
    ) -> ModelAnswer:
        async with asyncio.timeout(20):
            await self.all_asked.wait()
        moment: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(
            random.uniform(0, MOST_SECONDS), moment.set_result, None
        )
        await moment
        self.answered.append(request.model or "")
        return await super().chat(request, on_delta, on_sent)


@pytest.fixture
def gateway() -> Straggling:
    return Straggling()


@pytest.fixture
async def home(tmp_path: Path, gateway: Straggling, database_url: str) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def test_a_hundred_branches_run_side_by_side_and_none_is_lost_or_mistaken(
    home: Home, gateway: Straggling
) -> None:
    """Every second one has a name; the others are called by their places."""
    numbers = range(BRANCHES)
    models = [f"m{number}" for number in numbers]
    keys = [f"named_{number}" if number % 2 else f"branch_{number}" for number in numbers]
    gateway.answers = {model: [f"of {model}"] for model in models}
    entities = "".join(f'e{n} {{ "goal": "Say it", "model": "m{n}" }}\n' for n in numbers)
    branches = " ".join(f'"named_{n}": e{n}' if n % 2 else f"e{n}" for n in numbers)
    execution = await home.start(await home.bot(f"{entities}parallel {{ {branches} }}"), "x")
    events = await home.events(execution)
    ended = await executions.get(home.owner, execution.id)

    assert ended.status is ExecutionStatus.COMPLETED
    assert list(ended.output.items()) == [
        (key, f"of {model}") for key, model in zip(keys, models, strict=True)
    ]
    assert gateway.answered != models, "they came in the order of the program by mere chance"
    assert sorted(gateway.answered) == sorted(models), "each was asked once"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    for happened in ("step.started", "step.completed"):
        told = [event["stepKey"] for event in events if event["type"] == happened]
        assert len(told) == len(set(told)) == BRANCHES + 1, happened
    steps = {step.key: step for step in await executions.steps(home.owner, execution.id)}
    for number, key in enumerate(keys):
        step = steps[f"parallel/{key}/e{number}"]
        assert (step.status, step.output) == (StepStatus.COMPLETED, f"of m{number}")
