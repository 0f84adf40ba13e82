"""Runs that were recorded whole are gone on with after any of their rows, as after a lost worker:
they come to the same end, and nobody is asked for what is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from server.approvals import service as approvals
from server.approvals.service import Answer
from server.bots import versions
from server.bus.turns import Ready
from server.core.ids import new_uuid, public_id
from server.engine.decisions import REMEDY
from server.engine.outcomes import INTENT
from server.engine.state import fold
from server.engine.store import Commit, NewExecution, StepRow, StoredEvent
from server.llm import verdict
from server.models.enums import ApprovalKind, ExecutionStatus, StepStatus
from server.models.tables import Approval, BotVersion, Execution
from server.tools.base import idempotency_key
from tests.engine.recording import SHORT_SECONDS, STORIES
from tests.engine.test_histories import FOLDER, read
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.tools import Counted

DECISIONS = {
    ApprovalKind.TOOL: Answer("approve"),
    ApprovalKind.OUTCOME: Answer("choose", action="retry"),
}
NAMES = [name for name, told in STORIES.items() if told.whole]
Data = dict[str, Any]


def test_there_are_some() -> None:
    assert len(NAMES) >= 4


@pytest.mark.parametrize("name", NAMES)
def test_the_stored_events_tell_the_stored_end(name: str) -> None:
    data = read(FOLDER / f"{name}.json")
    end = data["end"]
    state = fold(map(_event, data["events"]))
    assert (state.status, state.output, state.error) == (
        data["status"],
        data["output"],
        data["error"],
    )
    assert {field: getattr(state, field) for field in end} == end
    rows = {row["key"]: row for row in data["rows"] if row["type"] != "remembered"}
    assert state.steps.keys() == rows.keys()
    for key, step in state.steps.items():
        row = rows[key]
        told = (step.status, step.name, step.type, step.input, step.output)
        assert told == (*(row[one] for one in ("status", "name", "type")), *_values(row)), key


@pytest.mark.parametrize("name", NAMES)
async def test_after_any_row_it_comes_to_the_same_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "BASE_SECONDS", SHORT_SECONDS)
    data, told = read(FOLDER / f"{name}.json"), STORIES[name]
    gateway = ScriptedGateway(answers=dict(told.answers))
    echo = Counted(idempotent=told.idempotent)
    async with open_home(tmp_path, gateway=gateway, tools=[echo.tool]) as home:
        version = await versions.freeze(await home.bot(data["source"]))
        await BotVersion.filter(id=version.id).update(plan=data["plan"])
        for count in range(len(data["rows"]) + 1):
            kept = data["rows"][:count]
            gateway.calls.clear()
            echo.calls.clear()
            row = await _gone_on(home, version, data, kept, told.remedy)
            assert (row.status, row.output) == (data["status"], data["output"]), count
            assert gateway.calls == Counter(_asked(data, kept)), count
            keys = [
                idempotency_key(public_id("execution", row.id), key) for key in _used(data, kept)
            ]
            assert sorted(echo.calls) == sorted(keys), count
            asked = await Approval.filter(execution_id=row.id).values_list("kind", flat=True)
            assert asked == _questions(data, kept), count


# --- going on --------------------------------------------------------------------------------


async def _gone_on(
    home: Home, version: BotVersion, data: Data, kept: list[Data], remedy: Answer | None
) -> Execution:
    """A worker was lost when so many rows were stored: the next one takes it from the database."""
    engine = home.rooms.engine
    new = NewExecution(
        id=new_uuid(),
        workspace_id=home.owner.workspace_id,
        bot_id=version.bot_id,
        version_id=version.id,
        created_at=home.rooms.clock.now(),
        input=data["input"],
        trigger=data["trigger"],
        attempt=1,
    )
    rows = {row["key"]: _row(row) for row in kept}
    await engine.store.commit(Commit(new.id, new=new, steps=tuple(rows.values())))
    home.rooms.bus.queue.ready(Ready(new.id, new.workspace_id, new.bot_id))
    execution = await Execution.get(id=new.id)
    if _questions(data, kept):
        await home.until(execution, ExecutionStatus.WAITING)
        asked = await Approval.get(execution_id=new.id)
        answer = DECISIONS.get(asked.kind) or remedy
        assert answer is not None
        await approvals.decide(home.owner, engine, asked.id, answer)
    return await home.ended(execution)


def _row(row: Data) -> StepRow:
    return StepRow(**{**row, "status": StepStatus(row["status"])})


def _event(told: Data) -> StoredEvent:
    at = datetime.fromisoformat(told["at"].replace("Z", "+00:00"))
    return StoredEvent(
        told["seq"], told["type"], at, told["stepKey"], told["attempt"], told["data"]
    )


def _values(row: Data) -> tuple[Any, Any]:
    return row.get("input"), row.get("output")


# --- what is not recorded yet ----------------------------------------------------------------


def _asked(data: Data, kept: list[Data]) -> Iterator[str]:
    """The models that have to be asked: each question of the recorded run whose answer, or whose
    failure, is in none of these rows."""
    done, rows = _done(kept), {row["key"]: row for row in kept}
    turn, tries = Counter[str](), Counter[str]()
    for event in data["events"]:
        key = event["stepKey"]
        if event["type"] == "model.answered":
            turn[key] += 1
            tries[key] = 0
        if event["type"] != "model.requested":
            continue
        tries[key] += 1
        place = f"{key}/turn[{turn[key] + 1}]"
        tried = rows.get(f"{place}#tries")
        if key not in done and place not in done and tries[key] > _failed(data, tried):
            yield event["data"]["model"]


def _failed(data: Data, tried: Data | None) -> int:
    """How many failures of a question a row speaks of."""
    if tried is None:
        return 0
    told = tried["output"]
    failures = [one["data"] for one in data["events"] if one["type"] == "model.failed"]
    return told["number"] if told["place"] == 0 else len(failures)


def _used(data: Data, kept: list[Data]) -> list[str]:
    """The steps whose tool, the one that counts, has to be called."""
    done = _done(kept)
    calls = (row for row in data["rows"] if row["type"] in ("tool", "use"))
    tools = {row["key"] for row in calls if row["name"] == "echo"}
    return sorted(tools - done)


def _questions(data: Data, kept: list[Data]) -> list[ApprovalKind]:
    """What a person has to say: whether a tool may be called, or what is to be done about one that
    failed, when that is in none of these rows, and what became of a call that must not be repeated,
    when only that it left is."""
    done = _done(kept)
    permits = {row["key"] for row in data["rows"] if row["key"].endswith("#permit")}
    left = {key.removesuffix(INTENT) for key in done if key.endswith(INTENT)}
    failed = {row["key"] for row in data["rows"] if row["key"].endswith(f"{REMEDY}1]")}
    found = [ApprovalKind.TOOL] * len(permits - done) + [ApprovalKind.REMEDY] * len(failed - done)
    return [*found, *[ApprovalKind.OUTCOME] * len(left - done)]


def _done(kept: list[Data]) -> set[str]:
    return {row["key"] for row in kept if row["status"] == "completed"}
