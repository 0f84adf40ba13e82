"""One change between two programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

ChangeKind = Literal[
    "entity_added",
    "entity_removed",
    "entity_renamed",
    "goal_changed",
    "model_changed",
    "tools_changed",
    "input_changed",
    "output_changed",
    "trigger_changed",
    "property_changed",
    "step_added",
    "step_removed",
    "step_changed",
    "step_moved",
    "order_changed",
    "composition_added",
    "composition_removed",
    "composition_changed",
    "defaults_changed",
    "analytics_changed",
    "run_changed",
]


@dataclass(frozen=True, slots=True)
class Change:
    """`subject` is the name of the entity or block, or the key of the step (the old one when it is
    gone). `sentence` has no capital and no full stop, so that several can be joined."""

    kind: ChangeKind
    subject: str
    before: Any
    after: Any
    sentence: str

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "subject": self.subject,
            "before": self.before,
            "after": self.after,
            "sentence": self.sentence,
        }
