"""How far a run may go: freely, no further (pause), or one action further (step)."""

from __future__ import annotations

from typing import Final

from server.engine.host import StepStart, Suspended
from server.models.enums import ControlAsked

# What does something; the blocks around them are only gone through.
ACTIONS: Final = frozenset({"entity", "use", "select", "merge", "processor"})


class Stepping:
    """`held` once a step had to stay out."""

    __slots__ = ("held", "left")

    def __init__(self, asked: ControlAsked | None = None) -> None:
        self.left = None if asked is None else int(asked is ControlAsked.STEP)
        self.held = False

    def hold(self) -> None:
        self.left = 0

    def free(self) -> None:
        self.left = None

    def begin(self, step: StepStart) -> None:
        """Before a step of which nothing is recorded; Suspended when it must not begin."""
        if self.left is None or step.type not in ACTIONS:
            return
        if self.left == 0:
            self.held = True
            raise Suspended
        self.left -= 1
