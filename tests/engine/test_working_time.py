"""A limit of working time counts what was worked on a call that never came back, too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.core.clock import SystemClock
from server.core.errors import Unavailable
from server.engine import resting
from server.llm.access import Access
from server.llm.routing import Route
from server.models.tables import Execution
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway, asks

SLOW = 'a { "goal": "Wait", "model": "slow" }'


class Jumping(SystemClock):
    """Its stop-watch is some seconds ahead."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class SlowToFind(ScriptedGateway):
    """Finding out where its models are takes a hundred seconds, before anything is stored."""

    clock: Jumping

    def route(self, model: str | None, access: Access | None = None) -> Route:
        self.clock.ahead += 100
        return super().route(model, access)


@pytest.fixture
def clock() -> Jumping:
    return Jumping()


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(
    tmp_path: Path, gateway: ScriptedGateway, clock: Jumping, database_url: str
) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    async with open_home(tmp_path, gateway=gateway, database_url=database_url, clock=clock) as home:
        yield home


async def beat(home: Home) -> None:
    await home.rooms.engine.runner.runs._leases.beat()  # pyright: ignore[reportPrivateUsage]


async def seconds_of(execution: Execution) -> int:
    return (await Execution.get(id=execution.id)).worked_ms // 1000


async def under_way(home: Home, gateway: ScriptedGateway) -> Execution:
    gateway.hold("slow")
    execution = await home.start(await home.bot(SLOW), "x")
    await gateway.asked["slow"].wait()
    return execution


async def test_each_heartbeat_stores_what_was_worked(
    home: Home, gateway: ScriptedGateway, clock: Jumping
) -> None:
    """Whoever is killed after it has used so much of the limit."""
    execution = await under_way(home, gateway)
    for worked in (100, 200):
        clock.ahead += 100
        await beat(home)
        assert await seconds_of(execution) == worked
    gateway.held["slow"].set()
    await home.ended(execution)
    assert await seconds_of(execution) == 200


async def test_time_that_could_not_be_stored_counts_with_the_next_heartbeat(
    home: Home, gateway: ScriptedGateway, clock: Jumping, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await under_way(home, gateway)
    store: Any = home.rooms.engine.store
    renew = store.renew

    async def away(*_: Any) -> list[Any]:
        raise Unavailable("The database is away.")

    clock.ahead += 100
    monkeypatch.setattr(store, "renew", away)
    with pytest.raises(Unavailable):
        await beat(home)
    monkeypatch.setattr(store, "renew", renew)
    await beat(home)
    assert await seconds_of(execution) == 100


async def test_what_a_stopped_process_breaks_off_was_worked(
    home: Home, gateway: ScriptedGateway, clock: Jumping
) -> None:
    execution = await under_way(home, gateway)
    clock.ahead += 100
    await home.rooms.engine.runner.runs.drain(0)
    assert await seconds_of(execution) == 100


async def test_time_before_the_first_commit_counts(tmp_path: Path, clock: Jumping) -> None:
    gateway = SlowToFind()
    gateway.clock = clock
    async with open_home(tmp_path, gateway=gateway, clock=clock) as home:
        execution = await home.run(SLOW, "x")
        assert await seconds_of(execution) == 100


async def test_a_wait_gives_a_step_none_of_its_time_back(
    home: Home, gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resting, "IN_PLACE_SECONDS", 0.0)
    waits = asks(("wait", {"seconds": 0.05}))
    gateway.answers["m"] = [waits, waits, waits, "Done."]
    gateway.takes["m"] = 0.4
    source = 'a { "goal": "Do", "model": "m", "tools": ["wait"], "timeout": 1 }'
    ended = await home.run(source, "x")
    assert ended.error is not None
    assert ended.error["kind"] == "timeout"
    assert gateway.calls["m"] <= 3
