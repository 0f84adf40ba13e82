"""A moment in the log of an ended execution, from which it can be done again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from server.core.errors import Invalid
from server.engine.decisions import GIVEN
from server.engine.engine import Engine
from server.engine.events import ModelAnswered
from server.engine.state import ExecutionState
from server.executions.earlier import ENTITY, REUSED, Earlier
from server.models.event import Event
from server.models.tables import Execution


@dataclass(frozen=True, slots=True)
class Moment:
    """An event of the earlier execution. `answers`: how many turns of each entity were answered by
    then."""

    state: ExecutionState
    answers: Mapping[str, int]

    def over(self, key: str) -> bool:
        step = self.state.steps.get(key)
        return step is not None and step.status in ("completed", "failed")

    def begun(self, key: str) -> bool:
        return key in self.state.steps


async def moment_of(engine: Engine, source: Execution, earlier: Earlier, seq: int) -> Moment:
    if not 1 <= seq <= source.last_seq:
        message = f"This execution has the events 1 to {source.last_seq}."
        raise Invalid(message, path=["fromSeq"])
    state = await engine.snapshots.at(source.id, seq)
    told = await Event.filter(
        execution_id=source.id, type=ModelAnswered.TYPE, seq__lte=seq
    ).values_list("step_key", flat=True)
    answered = Counter(str(key) for key in told)
    entities = (key for key, step in state.steps.items() if step.type == ENTITY)
    return Moment(state, {key: _answers(earlier, state, key, answered[key]) for key in entities})


def _answers(earlier: Earlier, state: ExecutionState, entity: str, told: int) -> int:
    """A turn whose tools had begun was answered, and so was one whose answer was told. With an
    input that was edited on the way nobody can tell which of them were about it."""
    turns = earlier.turns(entity)
    begun = [turn.number for turn in turns if any(key in state.steps for key in turn.asked)]
    if entity + GIVEN in earlier.notes:
        return max(begun, default=0)
    before = sum(1 for turn in turns if turn.row.output.get(REUSED))
    return max([*begun, before + told])
