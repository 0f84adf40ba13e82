"""Recorded mode: what a recording holds stands for every model and every tool of a run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.core.ids import public_id, read_id
from server.engine.door import OnDelta
from server.engine.host import StepFailed
from server.engine.store import Claimed
from server.llm.messages import ChatRequest, ModelAnswer
from server.llm.recorded_answers import KeptAnswers, tool_question
from server.llm.replays import Recorded, not_recorded
from server.models.enums import ExecutionMode

# Where a start says which recording it replays, beside what the program sees as `$trigger`.
RECORDING = "recording"


class Replaying:
    def __init__(self, recording_id: UUID, name: str) -> None:
        self._name = name
        self._kept = KeptAnswers(recording_id)
        self._recorded = Recorded(self._kept, name)

    async def chat(self, step_key: str, request: ChatRequest, on_delta: OnDelta) -> ModelAnswer:
        return await self._recorded.chat(step_key, request, on_delta)

    async def tool(self, step_key: str, tool: str, arguments: dict[str, Any]) -> Any:
        """A tool of the program itself is found by its step: its arguments may hold the time."""
        found = await self._kept.tool(step_key, tool_question(tool, arguments))
        if found is None:
            found = await self._kept.tool(step_key, use_question(tool, step_key))
        if found is None:
            missing = not_recorded(f"a result of `{tool}` for these arguments", self._name)
            message = f"{missing.message} {missing.hint}"
            raise StepFailed(missing.kind.value, message, entity=tool)
        error = found["error"]
        if error:
            raise StepFailed(str(error["kind"]), str(error["message"]), entity=tool)
        return found["output"]


def use_question(tool: str, step_key: str) -> str:
    """Of a step `use`, whose row does not hold the arguments."""
    return tool_question(tool, {"$step": step_key})


def recording_in_trigger(recording_id: UUID, name: str) -> dict[str, Any]:
    return {RECORDING: {"id": public_id("recording", recording_id), "name": name}}


def replay_of(claimed: Claimed) -> Replaying | None:
    if claimed.mode is not ExecutionMode.RECORDED:
        return None
    found = recording_of(claimed.trigger)
    return Replaying(*(found or (UUID(int=0), "")))


def recording_of(trigger: Any) -> tuple[UUID, str] | None:
    """The id and the name of the recording that an execution replays."""
    given = (trigger or {}).get(RECORDING) if isinstance(trigger, dict | None) else None
    return None if not given else (read_id("recording", given["id"]), given["name"])
