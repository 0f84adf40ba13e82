from __future__ import annotations

import asyncio

import pytest

from server.core.single_flight import SingleFlight


async def test_who_asks_meanwhile_gets_the_answer_of_the_reading_under_way() -> None:
    flight, gate, readings = SingleFlight[str, int](), asyncio.Event(), 0

    async def read() -> int:
        nonlocal readings
        readings += 1
        await gate.wait()
        return readings

    impatient, *others = [asyncio.create_task(flight.get("a", read)) for _ in range(20)]
    await asyncio.sleep(0)
    impatient.cancel()
    flight.forget("b")
    gate.set()
    assert await asyncio.gather(*others) == [1] * 19
    flight.forget("a")
    assert await flight.get("a", read) == 2


async def test_a_failed_reading_is_everybodys_and_the_next_one_reads_again() -> None:
    flight = SingleFlight[str, int]()

    async def fail() -> int:
        raise OSError("away")

    async def read() -> int:
        return 7

    asked = [asyncio.create_task(flight.get("a", fail)) for _ in range(2)]
    for one in asked:
        with pytest.raises(OSError, match="away"):
            await one
    assert await flight.get("a", read) == 7


async def test_after_a_change_nobody_gets_what_was_being_read_before_it() -> None:
    kept: dict[str, str] = {}
    flight, gate = SingleFlight[str, str](kept.__setitem__), asyncio.Event()

    async def old() -> str:
        await gate.wait()
        return "old"

    async def new() -> str:
        return "new"

    early = asyncio.create_task(flight.get("a", old))
    await asyncio.sleep(0)
    flight.forget("a")
    assert await flight.get("a", new) == "new"
    gate.set()
    assert await early == "old"
    assert kept == {"a": "new"}
