"""What a new execution takes over from the earlier one that it does again: the results of calls,
and what was remembered beside them. A result belongs to the question that it answers, so it stays
only where that question stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.bal.values import is_object
from server.engine.decisions import GIVEN
from server.engine.forking import Undone
from server.engine.modified import EDITED, PASSED
from server.engine.outcomes import INTENT
from server.engine.tool_calls import CHARGED, TRIED
from server.engine.tool_steps import TYPE as TOOL
from server.executions.earlier import (
    CALLS,
    ENTITY,
    FINISHED,
    OF_LAST_TURN,
    Earlier,
    is_turn,
    note_owner,
    turns_block,
)
from server.executions.moment import Moment
from server.models.enums import StepStatus
from server.models.large import Large
from server.models.tables import Step

# What it used is the earlier execution's.
OF_THE_LIMITS: Final = (CHARGED, TRIED)
_FACTS: Final = "#run"
_ROUND = re.compile(r"\[(\d+)\]$")
# A person saw these arguments and agreed to them, or put them there.
_PERMIT: Final = "#permit"


@dataclass(slots=True)
class Keeping:
    """`goes_on`: whether an entity is asked as it was, so that its answered turns still hold.
    `moment`: only what was over by then; without one all that is finished."""

    earlier: Earlier
    undone: Undone
    outputs: Mapping[str, Any]
    goes_on: Collection[str]
    moment: Moment | None = None
    _turns: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    _begun: set[str] | None = None

    def rows(self) -> dict[str, Step]:
        earlier = self.earlier
        kept = {row.key: row for row in earlier.steps.values() if self._takes_call(row)}
        kept |= {row.key: row for row in earlier.steps.values() if self._takes_broken(row)}
        kept |= {row.key: row for row in earlier.notes.values() if self._takes_note(row.key)}
        return kept

    # --- calls

    def _takes_call(self, row: Step) -> bool:
        if row.type not in CALLS:
            return False
        if row.key in self.outputs:
            return True
        if not self._settled(row):
            return False
        return row.type != TOOL or self._was_asked(row)

    def _settled(self, row: Step) -> bool:
        """It has a result that holds: also a failure that the program has dealt with."""
        if row.status not in FINISHED or row.key in self.undone.around or self._is_undone(row):
            return False
        if self.moment is not None and not self.moment.over(row.key):
            return False
        return row.status is StepStatus.COMPLETED or self.earlier.caught_by(row) != "nobody"

    def _is_undone(self, row: Step) -> bool:
        above = self.earlier.above
        if self.outputs and any(self._is_replaced(block) for block in above(row)):
            return False
        return row.key in self.undone or any(one.key in self.undone for one in above(row))

    def _is_replaced(self, block: Step) -> bool:
        """It has another result, whatever comes of its steps: for what is captured there they are
        gone through, and none is paid again for that."""
        done = block.status is StepStatus.COMPLETED
        return done and block.key in self.outputs and block.key in self.undone

    def _was_asked(self, tool: Step) -> bool:
        """Whether the model's question for it is taken over, with these arguments."""
        above = self.earlier.steps.get(tool.parent_key or "")
        if above is None:
            return False
        if self._settled(above):
            return True
        asked = self.turns_of(above)
        if tool.key not in asked:
            return False
        if isinstance(tool.input, Large) or asked[tool.key] == tool.input:
            return True
        return any(tool.key + by in self.earlier.notes for by in (GIVEN, _PERMIT))

    def turns_of(self, entity: Step) -> dict[str, Any]:
        """The arguments that the turns ask for which an unfinished entity goes on after, by the
        keys of their steps."""
        found = self._turns.get(entity.key)
        if found is None:
            found = self._turns[entity.key] = {}
            for number in self._numbers(entity):
                found |= self.earlier.turns(entity.key)[number - 1].asked
        return found

    def _numbers(self, entity: Step) -> range:
        """Of the turns that an entity goes on after."""
        turns = self.earlier.turns(entity.key)
        if entity.name not in self.goes_on or self._is_undone(entity):
            return range(0)
        count = len(turns)
        while count and turns[count - 1].row.key in self.undone:
            count -= 1
        if self.moment is not None:
            count = min(count, self.moment.answers.get(entity.key, 0))
        elif (
            entity.status is StepStatus.FAILED and (entity.error or {}).get("kind") == OF_LAST_TURN
        ):
            count = min(count, len(turns) - 1)
        return range(1, count + 1)

    # --- what a failure has broken off

    def _takes_broken(self, row: Step) -> bool:
        """A block that failed and whose failure the program has dealt with, and what was broken
        off in it: none of it is begun once more."""
        if row.status is StepStatus.FAILED:
            return row.type not in CALLS and self._stays_broken(row)
        if row.status is not StepStatus.CANCELLED:
            return False
        above = self.earlier.steps.get(row.parent_key or "")
        while above is not None and above.status is StepStatus.CANCELLED:
            above = self.earlier.steps.get(above.parent_key or "")
        return above is not None and above.type not in CALLS and self._stays_broken(above)

    def _stays_broken(self, block: Step) -> bool:
        if block.status is not StepStatus.FAILED or not self._settled(block):
            return False
        if self._begun is None:
            rows = self.earlier.steps
            begun = [rows[key] for key in (*self.undone.keys, *self.undone.around) if key in rows]
            self._begun = self.undone.begun_inside()
            self._begun |= {above.key for row in begun for above in self.earlier.above(row)}
        return block.key not in self._begun

    # --- what was remembered

    def _takes_note(self, key: str) -> bool:
        owner = note_owner(key)
        if not owner or key.endswith(OF_THE_LIMITS):
            return False
        if key.endswith((EDITED, PASSED)):
            return owner not in self.outputs and owner not in self.undone
        if is_turn(owner):
            return key == owner and self._takes_turn(key)
        step = self.earlier.steps.get(owner)
        if step is None:
            return self._takes_round(owner, key)
        if step.type in CALLS and self._takes_call(step):
            return step.key not in self.outputs
        if self._is_undone(step):
            return False
        return self._settled(step) or self._takes_of_unfinished(step, key)

    def _takes_turn(self, key: str) -> bool:
        above = self.earlier.steps.get(turns_block(key).rpartition("/")[0])
        if above is None:
            return False
        if self._takes_call(above):
            return True
        turns = self.earlier.turns(above.key)
        return any(turns[number - 1].row.key == key for number in self._numbers(above))

    def _takes_of_unfinished(self, step: Step, key: str) -> bool:
        """Facts that it has looked at, the input that a person has given it where it goes on with
        it, and that a call which must not be made twice was broken off."""
        if key.endswith(_FACTS):
            return self.moment is None or self.moment.begun(step.key)
        if key.endswith(GIVEN):
            return step.type == ENTITY and bool(self._numbers(step))
        if not key.endswith(INTENT):
            return False
        broken_off = step.status not in FINISHED and self.moment is None
        note = self.earlier.notes[key].output
        return broken_off and is_object(note) and bool(note.get("open"))

    def _takes_round(self, owner: str, key: str) -> bool:
        """Of a round, an item or an attempt: `loop[2]#run`."""
        block = self.earlier.steps.get(_ROUND.sub("", owner))
        if block is None or owner in self.undone or self._is_undone(block):
            return False
        if self._settled(block):
            return True
        return key.endswith(_FACTS) and (self.moment is None or self._went_on(block.key, owner))

    def _went_on(self, block: str, round_: str) -> bool:
        assert self.moment is not None
        number = int(round_[len(block) + 1 : -1])
        later = (
            _ROUND.match(key[len(block) :].partition("/")[0])
            for key in self.moment.state.steps
            if key.startswith(f"{block}[")
        )
        return any(found is not None and int(found[1]) > number for found in later)
