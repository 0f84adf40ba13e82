"""How lists are narrowed: typed comparators over listed fields and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from server.api.kinds import (
    ApprovalStatus,
    BotState,
    ExecutionMode,
    ExecutionStatus,
    FailureClass,
    TriggerKind,
)
from server.api.scalars import Duration


def any_of(comparator: Any) -> Any:
    """The values that a comparator of a closed set lets through; None for all."""
    if comparator is None:
        return None
    return comparator.in_ if comparator.eq is None else [comparator.eq]


@strawberry.input(description="Compares text. Every field that is given must hold.")
class StringComparator:
    eq: str | None = strawberry.field(default=None, description="Exactly this text.")
    in_: list[str] | None = strawberry.field(
        name="in", default=None, description="One of these texts."
    )
    contains: str | None = strawberry.field(
        default=None, description="Has this text in it, upper and lower case alike."
    )


@strawberry.input(description="Compares a name or a word, letter by letter.")
class WordComparator:
    eq: str | None = strawberry.field(default=None, description="Exactly this one.")
    in_: list[str] | None = strawberry.field(name="in", default=None, description="One of these.")


@strawberry.input(description="Compares instants. Every field that is given must hold.")
class DateComparator:
    gte: datetime | None = strawberry.field(default=None, description="At this time or later.")
    gt: datetime | None = strawberry.field(default=None, description="Later than this.")
    lte: datetime | None = strawberry.field(default=None, description="At this time or earlier.")
    lt: datetime | None = strawberry.field(default=None, description="Earlier than this.")
    within: Duration | None = strawberry.field(
        default=None, description="At most so long ago, such as P7D for a week; at least PT0S."
    )

    def since(self, now: datetime) -> datetime | None:
        """The later one of `gte` and what `within` means now."""
        if self.within is None:
            return self.gte
        begins = now - self.within
        return begins if self.gte is None else max(self.gte, begins)


@strawberry.input(description="Compares the state of a bot.")
class BotStateComparator:
    eq: BotState | None = strawberry.field(default=None, description="Exactly this state.")
    in_: list[BotState] | None = strawberry.field(
        name="in", default=None, description="One of these states."
    )


@strawberry.input(description="Compares the status of an execution.")
class ExecutionStatusComparator:
    eq: ExecutionStatus | None = strawberry.field(default=None, description="Exactly this one.")
    in_: list[ExecutionStatus] | None = strawberry.field(
        name="in", default=None, description="One of these."
    )


@strawberry.input(description="Compares the mode of an execution.")
class ExecutionModeComparator:
    eq: ExecutionMode | None = strawberry.field(default=None, description="Exactly this one.")
    in_: list[ExecutionMode] | None = strawberry.field(
        name="in", default=None, description="One of these."
    )


@strawberry.input(description="Compares what started an execution.")
class TriggerKindComparator:
    eq: TriggerKind | None = strawberry.field(default=None, description="Exactly this one.")
    in_: list[TriggerKind] | None = strawberry.field(
        name="in", default=None, description="One of these."
    )


@strawberry.input(description="Compares the status of an approval.")
class ApprovalStatusComparator:
    eq: ApprovalStatus | None = strawberry.field(default=None, description="Exactly this one.")
    in_: list[ApprovalStatus] | None = strawberry.field(
        name="in", default=None, description="One of these."
    )


@strawberry.input(description="Compares what kind of thing failed.")
class FailureClassComparator:
    eq: FailureClass | None = strawberry.field(default=None, description="Exactly this one.")
    in_: list[FailureClass] | None = strawberry.field(
        name="in", default=None, description="One of these."
    )


@strawberry.input(description="Compares a kind of connection, such as `openai`.")
class KindComparator:
    eq: str | None = strawberry.field(default=None, description="Exactly this kind.")
    in_: list[str] | None = strawberry.field(
        name="in", default=None, description="One of these kinds."
    )
