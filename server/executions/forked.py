"""The new execution that an earlier one is done again as: its row, the results that it brings with
it and what its log says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from server.bal.plan import Plan
from server.core.errors import Invalid
from server.core.ids import new_uuid, public_id
from server.core.jsontext import dumps
from server.engine import events as happened
from server.engine.engine import Engine
from server.engine.forking import all_keys, plan_key
from server.engine.modified import EDITED, PASSED, REMEMBERED, rows_of
from server.engine.store import EventRow, NewExecution, StepRow, Unset
from server.engine.toolbox import keys_of_calls
from server.executions import service
from server.executions.earlier import FINISHED, REUSED, Earlier, is_turn
from server.executions.rerun_request import RerunRequest
from server.llm.messages import ToolCall
from server.models.enums import StepStatus, TriggerKind
from server.models.tables import Execution, Step
from server.workspaces.access import Viewer

# What was paid for an answer, another execution has paid.
FREE: Final[dict[str, Any]] = {"cost": 0, "usage": {}, "unpriced": False}


@dataclass(frozen=True, slots=True)
class Fork:
    source: Execution
    plan: Plan
    request: RerunRequest
    first: str | None
    earlier: Earlier

    def execution(
        self, viewer: Viewer, engine: Engine, version_id: UUID, request_hash: str
    ) -> NewExecution:
        source, given = self.source, self.request.input
        return NewExecution(
            id=new_uuid(),
            workspace_id=source.workspace_id,
            bot_id=source.bot_id,
            version_id=version_id,
            created_at=engine.clock.now(),
            input=source.input if isinstance(given, Unset) else given,
            mode=source.mode,
            priority=source.priority,
            concurrency_key=source.concurrency_key,
            trigger_kind=TriggerKind.RERUN,
            trigger={**(source.trigger or {}), **service.narrowed(viewer)},
            created_by_id=viewer.user_id,
            forked_from_id=source.id,
            forked_from_step=self.first,
            idempotency_key=self.request.idempotency_key,
            request_hash=request_hash if self.request.idempotency_key else None,
        )

    def brought(self, kept: dict[str, Step]) -> list[StepRow]:
        """Results, and what people say of them and of models."""
        return [*self.steps(kept), *self.edited(kept), *self.modified()]

    def steps(self, kept: dict[str, Step]) -> Iterator[StepRow]:
        """Results as they were, at no cost."""
        for row in sorted(kept.values(), key=lambda row: (row.position, row.id)):
            edited = row.key in self.request.outputs
            yield StepRow(
                key=row.key,
                type=row.type,
                name=row.name,
                status=StepStatus.COMPLETED if edited else row.status,
                parent_key=row.parent_key,
                position=row.position,
                reused=True,
                input=row.input,
                output=self.request.outputs[row.key] if edited else self._output(row),
                error=None if edited else row.error,
                requested_model=row.requested_model,
                model=row.model,
                provider=row.provider,
                cost_nano=0,
                started_at=row.started_at,
                finished_at=row.finished_at,
                duration_ms=0,
            )

    def _output(self, row: Step) -> Any:
        if row.type != REMEMBERED or not is_turn(row.key):
            return row.output
        answer = {**row.output["answer"], **FREE}
        if not isinstance(self.request.arguments, Unset):
            answer["tool_calls"] = self._with_arguments(row, answer["tool_calls"])
        return {"place": 0, "answer": answer, REUSED: True}

    def _with_arguments(self, turn: Step, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """As if the model had asked for the call so."""
        keys = keys_of_calls(turn.key, tuple(ToolCall(**call) for call in calls))
        given = dumps(self.request.arguments)
        return [
            {**call, "arguments": given} if key == self.first else call
            for key, call in zip(keys, calls, strict=True)
        ]

    def edited(self, kept: dict[str, Step]) -> Iterator[StepRow]:
        """Results of what is gone through again (blocks, calculations) are put in its place."""
        known = all_keys(self.plan)
        there = {key for key, row in self.earlier.steps.items() if row.status in FINISHED}
        for key, value in self.request.outputs.items():
            if key in kept:
                continue
            if plan_key(key) not in known or not (key in there or key == self.first):
                message = f"No finished step `{key}` stands before the one to begin with."
                raise Invalid(message, path=["outputs", key])
            yield _note(f"{key}{EDITED}", value)
            if key == self.first or not self._was_gone_through(key):
                yield _note(f"{key}{PASSED}", True)

    def _was_gone_through(self, key: str) -> bool:
        done = self.earlier.steps[key].status is StepStatus.COMPLETED
        return done and key + PASSED not in self.earlier.notes

    def modified(self) -> Iterator[StepRow]:
        for name, model in self.request.models.items():
            yield from rows_of(name, {"model": model})

    def events(self, new: NewExecution, steps: list[StepRow]) -> list[EventRow]:
        now = new.created_at
        queued = happened.ExecutionQueued(
            input=new.input,
            trigger_kind=new.trigger_kind.value,
            mode=new.mode.value,
            forked_from=public_id("execution", self.source.id),
            from_step=self.first,
        )
        found, models = [queued.row(now)], self.request.models.items()
        for step in steps:
            if step.type != REMEMBERED:
                found.extend(event.row(now, step.key) for event in self._told(step))
        changed = (happened.EntityModified(name=name, model=model) for name, model in models)
        return [*found, *(event.row(now) for event in changed)]

    def _told(self, step: StepRow) -> tuple[happened.ExecutionEvent, happened.ExecutionEvent]:
        begun = happened.StepStarted(
            name=step.name,
            type=step.type,
            parent_key=step.parent_key,
            position=step.position,
            input=step.input,
        )
        if step.status is StepStatus.FAILED:
            handled = self.earlier.handled(self.earlier.steps[step.key])
            return begun, happened.StepFailedEvent(
                error=step.error, handled=handled, duration_ms=0, reused=True
            )
        if step.status is StepStatus.CANCELLED:
            return begun, happened.StepCancelled(duration_ms=0)
        edited = step.key in self.request.outputs or None
        return begun, happened.StepCompleted(
            output=step.output, duration_ms=0, reused=True, edited=edited
        )


def _note(name: str, value: Any) -> StepRow:
    done = StepStatus.COMPLETED
    return StepRow(key=name, type=REMEMBERED, name=name, status=done, output=value)
