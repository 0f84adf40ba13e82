"""The steps of one run as its log and its rows tell them, and what earlier attempts have left: what
is recorded already is not told again."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from server.bal.values import is_object
from server.core.money import from_decimal
from server.engine import events as happened
from server.engine.begun_anew import KEY, BegunAnew
from server.engine.caps import Spent
from server.engine.decisions import GIVEN, REMEDIES_TRIED, REMEDY, Diagnosing, Given
from server.engine.deltas import Deltas
from server.engine.facts import (
    Hints,
    OpenStep,
    begun_anew,
    charge_row,
    ending,
    failure_of,
    step_row,
)
from server.engine.host import (
    EntityCall,
    Failure,
    Recorded,
    StepEnd,
    StepSkipped,
    StepStart,
    Suspended,
)
from server.engine.modified import EDITED, REMEMBERED
from server.engine.stepping import ACTIONS, Stepping
from server.engine.store import RecordedStep, StepRow
from server.engine.tool_calls import AGAIN, CHARGED, LATER, TRIED
from server.engine.tool_steps import TYPE
from server.engine.writer import Writer
from server.models.enums import StepStatus
from server.tools.base import Charge

USE = "use"
EDITABLE = frozenset({"entity", USE, TYPE})
WITHOUT_RESULT = frozenset({StepStatus.SKIPPED, StepStatus.CANCELLED})
# Nothing that was not begun then begins inside these any more.
BROKEN = frozenset({StepStatus.FAILED, StepStatus.CANCELLED})
# How many seconds a step that waits may still work.
LEFT = "#left"
# What is kept beside a step while it is tried; it is of no use to another try.
OF_ONE_TRY = (TRIED, LATER, LEFT)


class StepLog:
    """`troubled` once something failed, `spawned` once a child was started: whoever ends the
    execution has more to do then."""

    def __init__(
        self,
        writer: Writer,
        recorded: dict[str, RecordedStep],
        spent: Spent,
        stepping: Stepping,
        diagnosing: Diagnosing | None,
    ) -> None:
        self.spent = spent
        self.stepping = stepping
        self.hints = Hints()
        self._writer = writer
        self._attempt = writer.identity.attempt
        self._recorded = recorded
        self._open: dict[str, OpenStep] = {}
        self._starts: dict[str, StepStart] = {}
        self._deltas = Deltas(writer)
        self._shown: set[str] = set()
        self._silent = False
        self._diagnosing = diagnosing
        self._starters = {_step_of(row) for row in recorded.values() if _tells_of_child(row)}
        self.troubled = any(
            row.status is StepStatus.FAILED or row.key.endswith((TRIED, REMEDIES_TRIED))
            for row in recorded.values()
        )

    def silence(self) -> None:
        """From here on nothing is recorded: another worker goes on with this execution."""
        self._silent = True
        self._deltas.close()

    # --- what earlier attempts have left

    def recall(self, key: str) -> Recorded | None:
        found = self._recorded.get(key)
        if found is None or found.status in WITHOUT_RESULT or found.goes_on:
            return None
        return Recorded(found.output, failure_of(found.error))

    @property
    def edits(self) -> dict[str, Any]:
        """Results that a person put in the place of others, by the key of their step."""
        return {
            key.removesuffix(EDITED): row.output
            for key, row in self._recorded.items()
            if key.endswith(EDITED)
        }

    def remember(self, key: str, value: Any) -> None:
        row = StepRow(key=key, type=REMEMBERED, name=key, status=StepStatus.COMPLETED, output=value)
        self._recorded[key] = RecordedStep(key, StepStatus.COMPLETED, 1, value)
        self._writer.step(row)

    @property
    def spawned(self) -> bool:
        return bool(self._starters)

    def has_started(self, key: str) -> bool:
        """Whether a step inside this one has started an execution."""
        return any(starter.startswith(f"{key}/") for starter in self._starters)

    # --- what happens now

    def step_started(self, step: StepStart) -> None:
        if self._silent:
            return
        if step.key in self._recorded:
            self._begun_before(step, self._recorded[step.key])
            return
        if self._recorded and self._inside_broken(step):
            raise Suspended
        self.stepping.begin(step)
        now = self._writer.now()
        self._open[step.key] = OpenStep(step, now)
        self._writer.step(step_row(self._open[step.key], self._attempt, StepStatus.RUNNING))
        self._writer.event(
            happened.StepStarted(
                name=step.name,
                type=step.type,
                parent_key=step.parent_key,
                position=step.position,
                input=step.input,
            ),
            step.key,
            now,
        )

    def _inside_broken(self, step: StepStart) -> bool:
        """The failure of a block has broken off what was under way in it: gone through once more,
        for what was captured there, it fails again and does nothing that it did not do then."""
        parent = None if step.parent_key is None else self._recorded.get(step.parent_key)
        return parent is not None and parent.status in BROKEN

    def _begun_before(self, step: StepStart, row: RecordedStep) -> None:
        """One that failed may be done again, one that waits will still end. Its start was told."""
        if row.status is StepStatus.CANCELLED and step.type in ACTIONS:
            raise Suspended
        if row.status is StepStatus.FAILED:
            self._starts[step.key] = step
        elif row.status is StepStatus.WAITING:
            opened = self._open[step.key] = OpenStep(step, row.started_at or self._writer.now())
            if row.goes_on:
                self._writer.step(step_row(opened, self._attempt, StepStatus.RUNNING))

    def step_ended(self, step: StepEnd) -> None:
        opened = self._open.pop(step.key, None)
        if self._silent or opened is None:
            return
        self._deltas.flush(step.key)
        status = StepStatus(step.status)
        error = None if step.error is None else self.error_of(step.error, opened.start.type)
        now = self._writer.now()
        row = step_row(opened, self._attempt, status, step.output, error, now)
        self._writer.step(row)
        self._writer.event(ending(step, error, row.duration_ms), step.key, now)

    def step_skipped(self, step: StepSkipped) -> None:
        if self._silent or step.key in self._recorded:
            return
        self._recorded[step.key] = RecordedStep(step.key, StepStatus.SKIPPED, 1)
        self._writer.step(
            StepRow(
                key=step.key,
                type=step.type,
                name=step.name,
                status=StepStatus.SKIPPED,
                parent_key=step.parent_key,
            )
        )
        self._writer.event(
            happened.StepSkippedEvent(name=step.name, type=step.type, parent_key=step.parent_key),
            step.key,
        )

    def error_of(
        self, failure: Failure, step_type: str | None = None, *, waits: bool = False
    ) -> dict[str, Any]:
        """With what to do about it."""
        self.troubled = True
        error = self.hints.error(failure)
        if self._diagnosing is None:
            return error
        first = self.hints.type_of(failure, step_type)
        diagnosis = self._diagnosing.diagnose(error, step_type or first, waits=waits)
        return {**error, "diagnosis": diagnosis}

    def close_open_steps(self) -> None:
        """When a run ends from outside (its time is up), nothing in it may look as if it ran."""
        for key in list(self._open):
            self.step_ended(StepEnd(key, "cancelled"))

    # --- about a step under way

    def go(self, action: str) -> None:
        self.stepping.go(action)

    @property
    def holds(self) -> bool:
        return self.stepping.left is not None

    def given(self, key: str, given: Any, tool: str | None = None) -> None:
        """The input of a `use` step is the value that came to it, and stays that."""
        opened = self._open.get(key)
        if opened is None or opened.start.type not in EDITABLE:
            return
        opened.given = Given(given, tool)
        if opened.start.type != USE and opened.start.input is not given:
            opened.start = replace(opened.start, input=given)

    def given_to(self, key: str) -> Given | None:
        """What a failed step was given, also when it failed in an earlier taking; of a `use` step
        that is known to whoever called."""
        opened = self._open.get(key)
        if opened is None or opened.given is not None or opened.start.type not in (TYPE, "entity"):
            return None if opened is None else opened.given
        edited, start = self.recall(key + GIVEN), opened.start
        value = start.input if edited is None else edited.output["value"]
        return Given(value, start.name if start.type == TYPE else None)

    def position_of(self, key: str) -> int:
        opened = self._open.get(key)
        return 0 if opened is None else opened.start.position

    def unspent(self, call: EntityCall) -> int | None:
        """Of the entity's own budget, in nano-dollars; what it has started is not counted."""
        if call.entity.budget is None:
            return None
        opened = self._open.get(call.key)
        spent = 0 if opened is None else (opened.cost_nano or 0) + opened.tools_nano
        return from_decimal(Decimal(str(call.entity.budget))) - spent

    def tools_paid(self, key: str) -> int:
        """Nano-dollars that the tools of this entity's call have paid."""
        opened = self._open.get(key)
        return 0 if opened is None else opened.tools_nano

    def charged(self, key: str, owner: str | None, tool: str, charge: Charge) -> None:
        """`owner`: the key of the entity that called the tool."""
        self._note_charge(key, owner, charge.nano, charge.estimated)
        self.spent.add(0, charge.nano or 0)
        earlier = self.recall(key + CHARGED)
        before = 0 if earlier is None else earlier.output
        self.remember(key + CHARGED, before + (charge.nano or 0))
        writer = self._writer
        writer.usage(charge_row(writer.identity, key, tool, charge, writer.now()))
        paid = happened.ToolPaid(
            tool=tool,
            provider=charge.provider,
            what=charge.what,
            cost=charge.nano,
            estimated=charge.estimated or None,
        )
        writer.event(paid, key)

    def charged_before(self, key: str, owner: str | None) -> None:
        """What an earlier taking has paid is counted already; the steps still show it, once."""
        earlier = self.recall(key + CHARGED)
        if earlier is not None and key not in self._shown:
            self._note_charge(key, owner, earlier.output, False)

    def _note_charge(self, key: str, owner: str | None, nano: int | None, guessed: bool) -> None:
        self._shown.add(key)
        opened = self._open.get(key)
        if opened is not None:
            opened.charge(nano, guessed)
        above = None if owner is None else self._open.get(owner)
        if above is not None:
            above.tools_nano += nano or 0

    def tell(self, event: happened.ExecutionEvent, key: str) -> None:
        self.troubled = self.troubled or isinstance(event, happened.ToolFailedEvent)
        if isinstance(event, happened.StepChild):
            self._starters.add(key)
        self._writer.event(event, key)

    def stands_still(
        self, key: str, reason: str, error: dict[str, Any] | None = None, *, again: bool = False
    ) -> None:
        opened = self._open.get(key)
        if opened is None:
            return
        self._writer.step(step_row(opened, self._attempt, StepStatus.WAITING, None, error))
        if not again:
            self._writer.event(happened.StepWaiting(reason=reason, error=error), key)

    # --- once more

    def forget_failures(self, key: str) -> None:
        """What failed under this key, or was passed by because of it, begins anew. The rows say so
        too, in the same commit as the decision: a crash must not bring the failure back."""
        begun_anew_now = self._failed_now(key)
        for one, row in self._below(key):
            if row.status is not StepStatus.COMPLETED or one.endswith(OF_ONE_TRY):
                if one.endswith(LATER):
                    self._count_again(one.removesuffix(LATER))
                begun_anew_now.append(row)
                del self._recorded[one]
                self._writer.step(begun_anew(row))
            if REMEDY in one and not one.startswith(f"{key}#"):
                self._ask_anew(*one.split(REMEDY, 1))
        self.remember(KEY, BegunAnew.of(self._recorded).with_those(begun_anew_now).to_json())
        start = self._starts.pop(key, None)
        if key not in self._open and start is not None:
            self._open[key] = OpenStep(start, self._writer.now())
            self._shown.discard(key)
        opened = self._open.get(key)
        if opened is not None:
            self._writer.step(step_row(opened, self._attempt, StepStatus.RUNNING))

    def _failed_now(self, key: str) -> list[RecordedStep]:
        """The step itself, when it has no row that says so."""
        opened = self._open.get(key)
        if opened is None or key in self._recorded:
            return []
        return [RecordedStep(key, StepStatus.FAILED, self._attempt, type=opened.start.type)]

    def _ask_anew(self, key: str, rest: str) -> None:
        """What was decided inside holds for the failure of then: another one is asked about."""
        earlier = self.recall(key + REMEDIES_TRIED)
        number = max(int(rest.split("]", 1)[0]), 0 if earlier is None else earlier.output)
        self.remember(key + REMEDIES_TRIED, number)

    def _below(self, key: str) -> list[tuple[str, RecordedStep]]:
        inside = (f"{key}/", f"{key}[", f"{key}#")
        rows = self._recorded.items()
        return [(one, row) for one, row in rows if one == key or one.startswith(inside)]

    def _count_again(self, key: str) -> None:
        """What the tool has left behind is of the last try; the next one is another."""
        earlier = self.recall(key + AGAIN)
        self.remember(key + AGAIN, 1 if earlier is None else earlier.output + 1)


def _tells_of_child(row: RecordedStep) -> bool:
    """What a tool has left behind that started an execution, or may have: before another try of
    it, what the last one has left is put away."""
    if row.key.endswith(AGAIN):
        return True
    return row.key.endswith(LATER) and is_object(row.output) and "child" in row.output


def _step_of(row: RecordedStep) -> str:
    return row.key.rpartition("#")[0]
