"""Circuits and turns: what several workers know together, with time as a parameter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from server.bus.redis import open_redis
from server.connections.providers import BY_NAME
from server.llm.access import Access
from server.llm.board import Board, MemoryBoard
from server.llm.board_redis import RedisBoard
from server.llm.breaker import Circuits
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.routing import Route
from server.llm.turnstile import Turnstile

ROUTE = Route("openai:gpt-4o-mini", BY_NAME["openai"], "gpt-4o-mini")
DEAD = ModelError(ModelErrorKind.PROVIDER_UNAVAILABLE, "OpenAI failed (500).")


@dataclass
class Time:
    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest_asyncio.fixture
async def boards(bus_url: str | None) -> AsyncIterator[tuple[Board, Board]]:
    """The boards of two workers."""
    if bus_url is None:
        one = MemoryBoard()
        yield one, one
        return
    clients = open_redis(bus_url), open_redis(bus_url)
    yield RedisBoard(clients[0]), RedisBoard(clients[1])
    for client in clients:
        await client.aclose(close_connection_pool=True)


@pytest.fixture
def workers(boards: tuple[Board, Board], time: Time) -> tuple[Circuits, Circuits]:
    return Circuits(boards[0], time), Circuits(boards[1], time)


async def fail(circuits: Circuits, times: int, error: ModelError = DEAD) -> None:
    for _ in range(times):
        await circuits.failed(ROUTE, error)


async def test_five_failures_open_it_for_every_worker(
    workers: tuple[Circuits, Circuits], time: Time
) -> None:
    first, second = workers
    await fail(first, 3)
    await fail(second, 1)
    await first.admit(ROUTE)
    await fail(first, 1)
    time.now += 2
    for worker in workers:
        with pytest.raises(ModelError, match="5 times in a row") as caught:
            await worker.admit(ROUTE)
        assert caught.value.circuit_open
        assert caught.value.retry_after == pytest.approx(28)
    other = replace(ROUTE, model="gpt-4o")
    await second.admit(other)
    await second.admit(replace(ROUTE, connection="con_1"))


async def test_after_thirty_seconds_one_call_may_try_and_its_success_closes_it(
    workers: tuple[Circuits, Circuits], time: Time
) -> None:
    first, second = workers
    await fail(first, 5)
    time.now += 30.5
    await second.admit(ROUTE)
    for worker in workers:
        with pytest.raises(ModelError):
            await worker.admit(ROUTE)
    await second.passed(ROUTE)
    time.now += 2
    for worker in workers:
        await worker.admit(ROUTE)
        await worker.admit(ROUTE)
    assert await first.all() == []


async def test_a_failed_trial_opens_it_again(
    workers: tuple[Circuits, Circuits], time: Time
) -> None:
    first, second = workers
    await fail(first, 5)
    time.now += 31
    await second.admit(ROUTE)
    await fail(second, 1)
    with pytest.raises(ModelError) as caught:
        await second.admit(ROUTE)
    assert caught.value.retry_after == pytest.approx(30)
    time.now += 31
    await first.admit(ROUTE)


async def test_an_answer_in_between_begins_the_count_anew(
    workers: tuple[Circuits, Circuits],
) -> None:
    first, _ = workers
    await fail(first, 4)
    await first.passed(ROUTE)
    await fail(first, 4)
    await first.admit(ROUTE)
    (seen,) = await first.all()
    assert (seen.state, seen.failures) == ("closed", 4)


async def test_failures_long_apart_are_not_in_a_row(
    workers: tuple[Circuits, Circuits], time: Time
) -> None:
    for _ in range(9):
        await fail(workers[0], 1)
        time.now += 400
    await workers[0].admit(ROUTE)
    assert "open" not in {seen.state for seen in await workers[0].all()}


@pytest.mark.parametrize(
    "kind",
    [
        ModelErrorKind.PROVIDER_AUTH,
        ModelErrorKind.RATE_LIMITED,
        ModelErrorKind.CONTEXT_TOO_LONG,
        ModelErrorKind.BAD_REQUEST,
        ModelErrorKind.CONTENT_REFUSED,
    ],
)
async def test_a_refusal_is_the_callers_matter_and_shows_that_the_provider_lives(
    kind: ModelErrorKind, time: Time
) -> None:
    circuits = Circuits(MemoryBoard(), time)
    await fail(circuits, 4)
    await fail(circuits, 20, ModelError(kind, "No."))
    await circuits.admit(ROUTE)
    assert await circuits.all() == []


async def test_what_our_own_policy_stops_opens_nothing(time: Time) -> None:
    circuits = Circuits(MemoryBoard(), time)
    stopped = ModelError(ModelErrorKind.PROVIDER_UNAVAILABLE, "Not allowed.", retryable=False)
    await fail(circuits, 9, stopped)
    await circuits.admit(ROUTE)
    assert await circuits.all() == []


async def test_it_is_visible_and_can_be_reset(
    workers: tuple[Circuits, Circuits], time: Time
) -> None:
    first, second = workers
    await fail(first, 5)
    (seen,) = await second.all()
    assert (seen.provider, seen.model, seen.connection) == ("openai", "gpt-4o-mini", None)
    assert (seen.state, seen.failures, seen.why) == ("open", 5, DEAD.message)
    time.now += 31
    assert (await second.all())[0].state == "half_open"
    await second.reset(seen.provider, seen.model, seen.connection)
    assert await first.all() == []
    time.now += 2
    await first.admit(ROUTE)


def access(**limits: int) -> Access:
    return Access("con_1", "Mine", "openai", **limits)  # type: ignore[arg-type]


class Watched(Turnstile):
    """Says when somebody has found no place."""

    def __init__(self, board: Board, full: asyncio.Event) -> None:
        super().__init__(board)
        self._full = full

    async def _enter(self, key: str, most: int, holder: str) -> bool:
        entered = await super()._enter(key, most, holder)
        if not entered:
            self._full.set()
        return entered


async def test_never_more_at_once_than_the_connection_allows(boards: tuple[Board, Board]) -> None:
    """Whoever is inside stays until the next one was turned away, or everybody was inside."""
    full = asyncio.Event()
    stiles = [Watched(board, full) for board in boards]
    inside = most = came = 0

    async def call(number: int) -> None:
        nonlocal inside, most, came
        async with stiles[number % 2].through(access(concurrency=3)):
            inside, came = inside + 1, came + 1
            most = max(most, inside)
            full.clear()
            if came == 30:
                full.set()
            await full.wait()
            inside -= 1

    await asyncio.gather(*map(call, range(30)))
    assert most == 3


async def test_a_cancelled_call_gives_its_place_back(boards: tuple[Board, Board]) -> None:
    stile = Turnstile(boards[0])

    async def call(entered: asyncio.Event) -> None:
        async with stile.through(access(concurrency=1)):
            entered.set()
            await asyncio.Event().wait()

    first, second = asyncio.Event(), asyncio.Event()
    held = asyncio.create_task(call(first))
    await first.wait()
    waiting = asyncio.create_task(call(second))
    await asyncio.wait([waiting], timeout=0.05)
    assert not second.is_set()
    held.cancel()
    async with asyncio.timeout(5):
        await second.wait()
    waiting.cancel()
    await asyncio.gather(held, waiting, return_exceptions=True)


async def test_a_place_of_a_killed_worker_is_free_after_its_lease(
    boards: tuple[Board, Board], time: Time
) -> None:
    assert await boards[0].enter("con_1", 1, "killed", time.now + 30, time.now)
    assert not await boards[1].enter("con_1", 1, "next", time.now + 40, time.now + 10)
    assert await boards[1].enter("con_1", 1, "next", time.now + 61, time.now + 31)


async def test_calls_beyond_the_rate_take_their_turns(
    boards: tuple[Board, Board], time: Time
) -> None:
    """Thirty a minute: three at once, then one every two seconds; too far off is told."""
    stiles = [Turnstile(board, time, time.sleep) for board in boards]

    async def call(number: int) -> None:
        async with stiles[number % 2].through(access(per_minute=30)):
            return

    for number in range(33):
        await call(number)
    assert time.slept == pytest.approx([2.0 * turn for turn in range(1, 31)], abs=0.01)
    with pytest.raises(ModelError) as caught:
        await call(0)
    assert caught.value.kind is ModelErrorKind.RATE_LIMITED
    assert caught.value.retry_after == pytest.approx(62, abs=0.01)
    time.now += 3600
    await call(0)
    assert len(time.slept) == 30


async def test_without_limits_nothing_is_asked() -> None:
    class Never(MemoryBoard):
        async def turn(self, key: str, interval: float, burst: int, now: float) -> float:
            raise AssertionError("asked")

    async with Turnstile(Never()).through(access()), Turnstile(Never()).through(None):
        pass


async def test_a_redis_that_is_away_leaves_each_process_with_what_it_knows(time: Time) -> None:
    client = open_redis("redis://127.0.0.1:1/0")
    circuits = Circuits(RedisBoard(client), time)
    async with asyncio.timeout(3):
        await fail(circuits, 5)
        with pytest.raises(ModelError, match="5 times"):
            await circuits.admit(ROUTE)
        time.now += 31
        await circuits.admit(ROUTE)
    await client.aclose(close_connection_pool=True)
