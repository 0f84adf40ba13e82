"""How far a run may go: freely, no further (pause), or one action further (step)."""

from __future__ import annotations

from typing import Final

from server.engine.host import StepStart, Suspended
from server.engine.modified import REMEMBERED
from server.engine.store import StepRow
from server.models.enums import ControlAsked, StepStatus

# What does something; the blocks around them are only gone through.
ACTIONS: Final = frozenset({"entity", "use", "tool", "select", "merge", "processor"})
# Kept when the one action of a step has to wait: which one it is.
STEPPED: Final = "#stepped"
# Kept with a pause: whether it came with that of the execution that started this one.
HELD: Final = "#held"
WITH_PARENT: Final = "The execution that started it is paused."


def held_row(with_parent: bool) -> StepRow:
    return StepRow(HELD, REMEMBERED, HELD, StepStatus.COMPLETED, output=with_parent)


class Stepping:
    """`held` once an action had to stay out, `pausing` once a person asked for a pause during this
    taking, `action` the key of the last one that a step let through. `begun`: the action of an
    earlier taking that goes on although it is to hold after it."""

    __slots__ = ("_through", "action", "held", "left", "pausing")

    def __init__(self, asked: ControlAsked | None = None, begun: str | None = None) -> None:
        self.left = None if asked is None else int(asked is ControlAsked.STEP)
        self.action = begun if asked is ControlAsked.PAUSE else None
        self._through: set[str] = set() if self.action is None else {self.action}
        self.held = False
        self.pausing = False

    def hold(self) -> None:
        self.left = 0
        self.pausing = True
        self._through.clear()

    def free(self) -> None:
        self.left = None
        self.pausing = False

    def begin(self, step: StepStart) -> None:
        """Before a step of which nothing is recorded; Suspended when it must not begin."""
        if step.type in ACTIONS:
            self.go(step.key)

    def go(self, action: str) -> None:
        """Before each call of an action, also when it has waited; Suspended when it must not leave.
        What was let through once may try again."""
        if self.left is None or action in self._through:
            return
        if self.left == 0:
            self.held = True
            raise Suspended
        self.left -= 1
        self.action = action
        self._through.add(action)
