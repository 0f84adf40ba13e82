"""Values that are too large for a row: stored once, seen as a preview, whole for the program."""

from __future__ import annotations

import gc
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.core.allocation import return_large_blocks
from server.core.errors import Invalid
from server.engine.blobs import Blobs
from server.engine.large_values import TIGHT_BYTES
from server.engine.texts import Texts
from server.executions import service as executions
from server.models.enums import ExecutionStatus, StepStatus
from server.models.large import Large
from server.models.tables import Blob, BlobPart, Event, Execution, Step
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway

MIB = 1024 * 1024
CHAIN = 'a { "goal": "First", "model": "one" }\nb { "goal": "Next", "model": "two" }\nchain { a b }'


@pytest.fixture
def gateway() -> ScriptedGateway:
    return ScriptedGateway()


@pytest.fixture
async def home(tmp_path: Path, gateway: ScriptedGateway, database_url: str) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=gateway, database_url=database_url) as home:
        yield home


async def whole(value: Any) -> Any:
    return await Blobs().whole(value)


async def test_a_large_value_is_stored_once_however_often_it_is_named(home: Home) -> None:
    text = "ä1" * MIB
    row = await home.run(
        'chain { processor ("a") { "result" } processor ("b") { "result" } }', text
    )
    assert row.status is ExecutionStatus.COMPLETED, row.error
    assert isinstance(row.input, Large)
    assert row.input == row.output
    assert await whole(row.output) == text
    assert await Blob.filter(execution_id=row.id).count() == 1
    parts = await BlobPart.filter(blob_id=row.input.id).order_by("number")
    kept = "".join(part.data for part in parts)
    assert all(len(part.data.encode()) <= 256 * 1024 for part in parts)
    assert hashlib.sha256(kept.encode()).hexdigest() == row.input.sha256
    sizes = [len(str(event.data)) for event in await Event.filter(execution_id=row.id)]
    assert max(sizes) < 10_000


async def test_events_show_how_a_large_value_begins(home: Home) -> None:
    row = await home.start(await home.bot('processor ("x") { "result" }'), "y" * 2 * MIB)
    events = await home.events(row)
    shown = events[-1]["data"]["output"]["$large"]
    assert shown["preview"] == "y" * 2_000
    assert shown["bytes"] == 2 * MIB + 2
    assert shown["url"] == f"/blobs/{shown['blob']}"


async def test_whoever_goes_on_with_a_run_has_its_large_values_whole(
    home: Home, gateway: ScriptedGateway
) -> None:
    text = "x" * 3 * MIB
    gateway.answers["one"] = [text]
    row = await home.run(CHAIN, "go")
    assert row.status is ExecutionStatus.COMPLETED, row.error
    recorded = await home.rooms.engine.store.steps(row.id)
    assert next(step for step in recorded.values() if step.name == "a").output == text
    assert isinstance((await Step.get(execution_id=row.id, name="a")).output, Large)


async def test_a_text_that_looks_like_a_reference_stays_a_text(home: Home) -> None:
    text = '~{"id":"00000000-0000-0000-0000-000000000000","size":1}'
    row = await home.run('processor ("x") { "result" }', text)
    assert row.output == text


async def test_once_ten_mib_are_in_rows_smaller_values_become_blobs_too(home: Home) -> None:
    """The cap is that of a run, however many steps share it."""
    item = "z" * (MIB * 3 // 4)
    program = 'map result { processor ("one") { "result" } }'
    row = await home.run(program, [f"{n}{item}" for n in range(12)])
    assert row.status is ExecutionStatus.COMPLETED, row.error
    kept = [step.output for step in await Step.filter(execution_id=row.id, name="one")]
    inline = sum(len(value) for value in kept if isinstance(value, str))
    assert any(isinstance(value, Large) and value.size > TIGHT_BYTES for value in kept)
    assert inline < 11 * MIB


async def test_what_is_nested_too_deeply_fails_its_step_and_can_be_caught(home: Home) -> None:
    deep = 'loop (max: 100) { processor ("wrap") { "{ a: { b: { c: result } } }" } }'
    row = await home.run(deep, 1)
    assert row.status is ExecutionStatus.FAILED
    assert row.error["kind"] == "not_storable"
    steps = await executions.steps(home.owner, row.id)
    assert StepStatus.FAILED in {step.status for step in steps}
    assert not await Execution.filter(status=ExecutionStatus.RUNNING).exists()


async def test_an_input_that_is_nested_too_deeply_is_refused_before_anything_is_stored(
    home: Home,
) -> None:
    value: Any = 1
    for _ in range(400):
        value = [value]
    bot = await home.bot('processor ("x") { "result" }')
    with pytest.raises(Invalid, match="nested too deeply"):
        await home.start(bot, value)
    assert not await Execution.exists()


async def test_when_a_run_is_over_nothing_of_its_large_values_is_held(
    home: Home, gateway: ScriptedGateway
) -> None:
    """Neither by the store, which waits for somebody else to write, nor by what was committed."""
    bot = await home.bot(CHAIN)
    await home.ended(await home.start(bot, "warm"))
    tracemalloc.start()
    try:
        for name in ("one", "two"):
            gateway.answers[name] = [name * MIB]
        row = await home.ended(await home.start(bot, "w" * 3 * MIB))
        gateway.requests.clear()
        gateway.answers.clear()
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert row.status is ExecutionStatus.COMPLETED, row.error
    assert held < MIB, held


async def test_large_fields_of_an_event_are_not_written_a_second_time_with_it() -> None:
    """Nor is what lies in a blob kept as text, however much of it a commit names."""
    texts, answer = Texts(), {"text": "a" * MIB}
    assert len(texts.taken(answer)) > MIB
    tracemalloc.start()
    try:
        assert texts.longer({"answer": answer}, TIGHT_BYTES)
        assert texts.longer({"text": answer["text"], "step": "a"}, TIGHT_BYTES)
        assert tracemalloc.get_traced_memory()[1] < TIGHT_BYTES
    finally:
        tracemalloc.stop()
    assert texts.longer({"words": ["word"] * 20_000}, TIGHT_BYTES)
    assert not texts.longer({"step": "a", "issues": [None]}, TIGHT_BYTES)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_memory_stays_flat_over_large_values(tmp_path: Path) -> None:
    """Ten inputs of 10 MB, ten answers of 10 MB and a map over 100,000 items."""
    return_large_blocks()  # as every process of the product does
    gateway = ScriptedGateway()
    async with open_home(tmp_path, gateway=gateway) as home:
        bot = await home.bot('processor ("x") { "result" }')
        many = await home.bot('map result { processor ("x") { "result * 2" } }', "many")
        model = await home.bot(CHAIN, "model")
        gateway.answers["one"] = ["m" * 10_000_000]
        await home.ended(await home.start(bot, "warm"))
        gc.collect()
        before = peak = psutil.Process().memory_info().rss
        for number in range(10):
            row = await home.ended(await home.start(bot, f"{number}" * 10_000_000))
            assert row.status is ExecutionStatus.COMPLETED
        for _ in range(3):
            assert (await home.ended(await home.start(model, "go"))).status.final
            gateway.requests.clear()
        long = await home.start(many, list(range(100_000)))
        async for _ in home.rooms.engine.follow(long.id):
            peak = max(peak, psutil.Process().memory_info().rss)
        row = await executions.get(home.owner, long.id)
        assert row.status is ExecutionStatus.COMPLETED, row.error
        gc.collect()
        at_most = (peak - before) / MIB
        grown = (psutil.Process().memory_info().rss - before) / MIB
    assert grown < 64, grown
    assert at_most < 128, at_most
