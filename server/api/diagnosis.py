"""What a failure means and what helps."""

from __future__ import annotations

from typing import Any

import strawberry

from server.api.kinds import FailureClass


@strawberry.type(description="Something that can be done about a failure.")
class RepairAction:
    action: str = strawberry.field(
        description="The word for it: retry, edit_and_retry, skip, other_model, edit_bot, "
        "reconnect, raise_limit (of one execution) or raise_budget."
    )
    label: str = strawberry.field(description="What it does, in words.")


@strawberry.type(description="What a failure means, and what helps.")
class Diagnosis:
    failure_class: FailureClass = strawberry.field(description="What kind of thing failed.")
    cause: str = strawberry.field(description="Why, in words.")
    actions: list[RepairAction] = strawberry.field(description="What works, the best first.")

    @classmethod
    def of(cls, data: dict[str, Any] | None) -> Diagnosis | None:
        if not data:
            return None
        return cls(
            failure_class=FailureClass(data["class"]),
            cause=data["cause"],
            actions=[RepairAction(**action) for action in data["actions"]],
        )
