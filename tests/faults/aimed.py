"""Three runs at once, brought to an exact point of their second step: one asks a model, one uses a
tool that may be called again, and one a tool that must not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.faults import counting, points
from tests.faults.approvals import decide, waiting_for
from tests.faults.load import Load
from tests.faults.onlookers import Onlooker, onlookers
from tests.faults.oracle import program, said
from tests.faults.rig import Rig
from tests.faults.waiting import until
from tests.support.model_server import Reply

STEPS = 3
SECOND = 2  # the step that is aimed at


@dataclass
class Aim:
    """`gate` holds back the answers of the models and of the tools until it is set."""

    world: Rig
    asking: Load
    safe: Load
    unsafe: Load
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    watching: list[Onlooker] = field(default_factory=list)

    @classmethod
    async def make(cls, world: Rig) -> Aim:
        tools = [counting.program(one, STEPS) for one in (counting.SAFE, counting.UNSAFE)]
        asking, safe, unsafe = [
            await Load.make(world, STEPS, source) for source in (program(STEPS), *tools)
        ]
        return cls(world, asking, safe, unsafe)

    @property
    def loads(self) -> tuple[Load, Load, Load]:
        return self.asking, self.safe, self.unsafe

    @property
    def runs(self) -> list[str]:
        return [load.run(1) for load in self.loads]

    @property
    def uuids(self) -> list[str]:
        return [load.uuids()[load.run(1)] for load in self.loads]

    def answer(self, step: int, reply: Reply | None = None) -> None:
        """How that step of all three is answered: behind the gate unless told otherwise."""
        for run in self.runs:
            self.world.oracle.at(run, step, reply or Reply(said(run, step), gate=self.gate))

    async def start(self, step: int) -> None:
        """All have asked for that step."""
        for load in self.loads:
            await load.start(1)
        for run in self.runs:
            await self.world.oracle.asked(run, step)

    @contextlib.asynccontextmanager
    async def seen(self) -> AsyncIterator[None]:
        """Somebody looks on at each of the three."""
        async with onlookers(self.world, len(self.loads)) as came:
            reading: list[asyncio.Task[None]] = []
            for one, load in zip(came, self.loads, strict=True):
                await one.subscribe(load.accepted[load.run(1)])
                reading.append(asyncio.create_task(one.read()))
            self.watching = came
            await until("they look on", lambda: all(one.caught_up for one in came), 10)
            try:
                yield
            finally:
                for task in reading:
                    task.cancel()
                await asyncio.gather(*reading, return_exceptions=True)

    async def second_is_seen(self, seconds: float) -> None:
        """Those who look on have been told that two steps are over."""
        told = lambda: all(one.count("step.completed") >= SECOND for one in self.watching)  # noqa: E731
        await until("they are told of the second step", told, seconds)

    async def person_says(self, way: str) -> None:
        """The unsafe run waits for a person, nothing of it was called again meanwhile, and a
        decision lets it go on."""
        run = self.unsafe.run(1)
        before = self.world.oracle.counts(run)
        async with self.world.client() as client:
            asked = await waiting_for(client, self.unsafe.accepted[run], 60)
            assert asked["execution"]["waitingReason"] == "OUTCOME_UNKNOWN", asked
            assert self.world.oracle.counts(run) == before, (
                "it was called again without being asked"
            )
            value = {"value": said(run, max(before))} if way == "done" else {}
            answer = await decide(client, asked["id"], choose={"action": way, **value})
        assert not answer["errors"], answer


@dataclass(frozen=True)
class Point:
    """`come` brings all three there. `calls`: how often each step is asked for when everybody was
    killed there; `way`: what a person says of the unsafe one, whose steps are all called once.
    `begun`: the last step that was asked for up to there."""

    name: str
    come: Callable[[Aim], Awaitable[None]]
    calls: tuple[int, int, int]
    way: str
    begun: int


async def _before_the_call(aim: Aim) -> None:
    aim.answer(1)
    await aim.start(1)
    ways = [member.models.up for member in aim.world.working]
    for way in ways:
        way.open.clear()
    aim.gate.set()
    held = lambda: sum(way.held for way in ways) >= len(aim.loads)  # noqa: E731
    await until("three calls are to leave", held, 30)


async def _during_the_call(aim: Aim) -> None:
    aim.answer(SECOND, Reply(hang=True))
    await aim.start(SECOND)


async def _before_the_commit(aim: Aim) -> None:
    await _at_the_commit(aim, points.TO_WRITE)


async def _before_the_news(aim: Aim) -> None:
    await _at_the_commit(aim, points.TO_TELL)


async def _at_the_commit(aim: Aim, point: str) -> None:
    aim.answer(SECOND)
    await aim.start(SECOND)
    aim.world.points.await_at(point, aim.uuids)
    aim.gate.set()
    await aim.world.points.reached(point, aim.uuids)


async def _after_the_news(aim: Aim) -> None:
    aim.answer(SECOND)
    aim.answer(SECOND + 1, Reply(hang=True))
    await aim.start(SECOND)
    async with aim.seen():
        aim.gate.set()
        await aim.second_is_seen(10)
    for run in aim.runs:
        await aim.world.oracle.asked(run, SECOND + 1)


BEFORE_CALL = Point("just before a call leaves", _before_the_call, (1, 1, 1), "retry", 1)
DURING_CALL = Point("during a call", _during_the_call, (1, 2, 1), "done", 2)
BEFORE_COMMIT = Point("between the answer and its commit", _before_the_commit, (1, 2, 1), "done", 2)
BEFORE_NEWS = Point(
    "when an answer is stored and nobody has been told", _before_the_news, (1, 1, 1), "retry", 2
)
AFTER_NEWS = Point("when others have been told of it", _after_the_news, (1, 1, 2), "done", 3)
POINTS = (BEFORE_CALL, DURING_CALL, BEFORE_COMMIT, BEFORE_NEWS, AFTER_NEWS)
