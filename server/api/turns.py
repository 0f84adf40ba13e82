"""What says when an execution has its turn: the same two fields wherever one is started."""

from __future__ import annotations

from typing import Any

import strawberry

from server.bus.turns import NORMAL


def priority_field() -> Any:
    return strawberry.field(
        default=NORMAL,
        description="1 to 9: in its workspace 9 goes first and 1 last. What it starts has the "
        "same.",
    )


def concurrency_key_field() -> Any:
    return strawberry.field(
        default=None,
        description="1 to 200 characters, such as the number of a customer: of the executions with "
        "the same key the bot runs at most `concurrency.perKey` at once. What it starts has the "
        "same.",
    )
