"""Models that ask for what is not there, in words that make no sense, or without an end: the run
copes or fails with a sentence, and nothing runs away."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.checks import check
from tests.faults.conftest import Record
from tests.faults.load import Load
from tests.faults.oracle import Special, program
from tests.faults.rig import Rig
from tests.support.model_server import Received, Reply

KINDS = ["embedded", "postgres"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

SOURCE = program(1, ', "tools": ["store_memory"]')
TURNS = 25
AT_ONCE = 20


def _calls(*arguments: Any, tool: str = "store_memory") -> Reply:
    return Reply(tool_calls=[(tool, one) for one in arguments])


LIST = {"action": "list"}
MENDED: dict[str, list[Special]] = {
    "an unknown tool": [_calls({}, tool="no_such_tool")],
    "arguments that are no JSON": [_calls('{"action": "li'), _calls("rubbish")],
    "arguments of another shape": [_calls({"action": 7}), _calls([])],
    "no arguments": [_calls("")],
    "an answer without an end": [Reply("", finish="length"), Reply("")],
}


@pytest.mark.fault("F32", "models ask for tools in a wrong way", short=("embedded",))
async def test_what_a_model_may_mend(world: Rig, record: Record) -> None:
    """It hears what was wrong, and gets it right the next time."""
    load = await Load.make(world, steps=1, source=SOURCE)
    for number, replies in enumerate(MENDED.values()):
        world.oracle.at(load.run(number), 1, *replies)
    await load.start(*range(len(MENDED)))
    found = await check(world, load, ends="completed failed")
    errors = await _errors(world, load)
    assert all(error is None or error["message"] for error in errors.values())
    completed = sum(error is None for error in errors.values())
    assert completed >= len(MENDED) - 1, errors
    record(found, f"{completed} of {len(MENDED)} were mended by the model itself")


@pytest.mark.fault("F32", "models that do not learn, or do not stop", short=("embedded",))
async def test_what_never_ends(world: Rig, record: Record) -> None:
    """Wrong for ever, asking for ever, and too many calls at once."""
    load = await Load.make(world, steps=1, source=SOURCE)
    wrong, endless, many, several = (load.run(number) for number in range(4))
    world.oracle.at(wrong, 1, *[_calls({"action": 7})] * 40)
    world.oracle.at(endless, 1, *[_looking] * 60)
    world.oracle.at(many, 1, _calls(*[LIST] * 500))
    world.oracle.at(several, 1, _calls(*({"action": "get", "key": f"k{n}"} for n in range(60))))
    await load.start(*range(4))
    found = await check(world, load, ends="completed failed")
    errors = await _errors(world, load)
    for run in (wrong, endless):
        assert errors[run] is not None, run
        assert errors[run]["message"], errors[run]
        assert world.oracle.count(run) <= TURNS + 1, (run, world.oracle.count(run))
    assert world.oracle.count(wrong) <= 5, "a model may be wrong three times"
    ran = max([await _ran_at_once(world, load, run) for run in (many, several)])
    assert ran <= AT_ONCE, ran
    assert errors[several] is None, errors[several]
    assert world.oracle.count(many) <= 5, errors[many]
    kinds = ", ".join(sorted({errors[run]["kind"] for run in (wrong, endless)}))
    more = "taken" if errors[many] is None else f"refused ({errors[many]['kind']})"
    note = f"failed with a sentence ({kinds}); 500 calls at once were {more}"
    record(found, f"{note}; of 60 at most {ran} ran at once")


def _looking(received: Received) -> Reply:
    """Each time for another key, so that it is not the same call again and again."""
    number = len(received.body["messages"])
    return _calls({"action": "get", "key": f"k{number}"})


async def _errors(world: Rig, load: Load) -> dict[str, Any]:
    async with world.client() as client:
        return {run: (await client.execution(name))["error"] for run, name in load.accepted.items()}


async def _ran_at_once(world: Rig, load: Load, run: str) -> int:
    """Out of the log: tools that had begun and not yet ended."""
    events = (await world.tables.by_execution("events", "seq"))[load.uuids()[run]]
    most = open_ = 0
    for event in events:
        inner = "/turn[" in (event["step_key"] or "")
        open_ += inner and event["type"] == "step.started"
        open_ -= inner and event["type"] in ("step.completed", "step.failed")
        most = max(most, open_)
    return most
