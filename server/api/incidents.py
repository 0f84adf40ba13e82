"""What failed, what was done about it and whether that helped."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from server.api.access import mutation, query
from server.api.comparators import FailureClassComparator, WordComparator, any_of
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.kinds import FailureClass, Period
from server.api.relay import Connection, Node, connection_of
from server.api.scalars import Cursor
from server.core.ids import public_id, read_id
from server.healing import service
from server.models import tables
from server.workspaces.listing import PageAsk

if TYPE_CHECKING:
    from server.api.bots import Bot

NO_ACTION = "none"


@strawberry.type(
    description="What the viewer may do with an incident, or with all of a pattern, now."
)
class IncidentPermissions:
    resolve: bool = strawberry.field(description="Close it: it is open, and the viewer may.")


@strawberry.type(description="A step that failed, with one thing that was done about it.")
class Incident(Node):
    row: strawberry.Private[tables.Incident]
    execution_id: strawberry.ID = strawberry.field(description="The execution.")
    step_key: str = strawberry.field(
        description="The step; empty where no step tells of it, such as a key that was missing."
    )
    name: str = strawberry.field(
        description="What a person calls the step; `the whole execution` where there is none."
    )
    failure_class: FailureClass = strawberry.field(description="What kind of thing failed.")
    kind: str = strawberry.field(description="The run error's word.")
    message: str = strawberry.field(description="What happened.")
    action: str | None = strawberry.field(
        description="What was tried: retry, fallback, skip, continue, `collect` where its error "
        "stands for its result, or `try` where the program caught it itself; null for nothing."
    )
    automatic: bool = strawberry.field(description="Nobody was asked.")
    healed: bool = strawberry.field(description="It helped.")
    created_at: datetime = strawberry.field(description="When it happened.")
    resolved_at: datetime | None = strawberry.field(description="When a person closed it.")
    resolved_by: str | None = strawberry.field(description="Who closed it.")
    note: str | None = strawberry.field(description="What that person said to it.")

    @strawberry.field(description="The bot; null when it is gone.")
    async def bot(self, info: Info) -> Annotated[Bot, strawberry.lazy("server.api.bots")] | None:
        from server.api.bots import Bot

        row = await info.context.loaders.bot.load(self.row.bot_id)
        return Bot.of(row) if row is not None else None

    @strawberry.field(description="What the viewer may do with it now.")
    def viewer_can(self, info: Info) -> IncidentPermissions:
        is_open = self.row.resolved_at is None
        return IncidentPermissions(
            resolve=is_open and info.context.asker.can("incident")["resolve"]
        )

    @classmethod
    def of(cls, row: tables.Incident) -> Incident:
        return cls(
            row=row,
            id=strawberry.ID(public_id("incident", row.id)),
            execution_id=strawberry.ID(public_id("execution", row.execution_id)),
            step_key=row.step_key,
            name=row.name,
            failure_class=row.failure_class,
            kind=row.kind,
            message=row.message,
            action=None if row.action == NO_ACTION else row.action,
            automatic=row.automatic,
            healed=row.healed,
            created_at=row.created_at,
            resolved_at=row.resolved_at,
            resolved_by=row.resolved_by,
            note=row.note,
        )


@strawberry.type(
    description="How often an action was tried for a class of failures of one provider, and how "
    "often it helped."
)
class HealingRate:
    failure_class: FailureClass = strawberry.field(description="What kind of thing failed.")
    action: str | None = strawberry.field(description="What was tried; null for nothing.")
    provider: str | None = strawberry.field(
        description="The provider that failed; null where it was no model."
    )
    count: int = strawberry.field(description="How often.")
    healed: int = strawberry.field(description="How often it helped.")
    success_rate: float = strawberry.field(description="In percent.")
    priority: int = strawberry.field(
        description="Its place, from 1, among what is tried for this class of failures: the same "
        "again after a wait, the next model of the chain, what `on_error` or the person whom it "
        "asks says, a `try` around it, and last nothing. What cannot help this class has no place."
    )


@strawberry.type(description="How often in one hour, day, week or month.")
class PeriodCount:
    begins_at: datetime = strawberry.field(description="Its beginning, in UTC.")
    count: int = strawberry.field(description="How often.")


@strawberry.type(description="The same failure at the same place, again and again.")
class FailurePattern:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    name: str = strawberry.field(description="The step.")
    kind: str = strawberry.field(description="The run error's word.")
    failure_class: FailureClass = strawberry.field(description="What kind of thing failed.")
    count: int = strawberry.field(description="How often.")
    unresolved: int = strawberry.field(description="How many of them nobody has closed.")
    first_at: datetime = strawberry.field(description="The first time.")
    last_at: datetime = strawberry.field(description="The last time.")
    by_period: list[PeriodCount] = strawberry.field(description="When, in order.")

    @strawberry.field(description="What the viewer may do with all of it now.")
    def viewer_can(self, info: Info) -> IncidentPermissions:
        return IncidentPermissions(
            resolve=self.unresolved > 0 and info.context.asker.can("incident")["resolve"]
        )

    @classmethod
    def of(cls, found: service.Pattern) -> FailurePattern:
        return cls(
            bot_id=strawberry.ID(public_id("bot", found.bot_id)),
            name=found.name,
            kind=found.kind,
            failure_class=found.failure_class,
            count=found.count,
            unresolved=found.unresolved,
            first_at=found.first_at,
            last_at=found.last_at,
            by_period=[PeriodCount(begins_at=at, count=count) for at, count in found.by_period],
        )


@strawberry.type(description="What is known of failures in the last days.")
class HealingReport:
    days: strawberry.Private[int]
    period: strawberry.Private[Period]

    @strawberry.field(description="By class, action and provider, the most frequent first.")
    async def rates(self, info: Info) -> list[HealingRate]:
        found = await service.rates(info.context.asker, info.context.rooms.clock, self.days)
        return [
            HealingRate(
                failure_class=one.failure_class,
                action=None if one.action == NO_ACTION else one.action,
                provider=one.provider,
                count=one.count,
                healed=one.healed,
                success_rate=one.success_rate,
                priority=one.priority,
            )
            for one in found
        ]

    @strawberry.field(description="What came at least twice, the most frequent first.")
    async def patterns(self, info: Info) -> list[FailurePattern]:
        clock = info.context.rooms.clock
        found = await service.patterns(info.context.asker, clock, self.period.value, self.days)
        return [FailurePattern.of(one) for one in found]


@strawberry.input(description="Which incidents. Every field that is given must hold.")
class IncidentFilter:
    bot_id: strawberry.ID | None = strawberry.field(default=None, description="Of this bot.")
    execution_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of this execution."
    )
    failure_class: FailureClassComparator | None = strawberry.field(
        default=None, description="By what kind of thing failed."
    )
    resolved: bool | None = strawberry.field(
        default=None, description="Closed by a person, or not."
    )
    name: WordComparator | None = strawberry.field(
        default=None,
        description="By the name of the step; with `botId` and `kind` those of one pattern.",
    )
    kind: WordComparator | None = strawberry.field(
        default=None, description="By the word of the run error."
    )


@strawberry.type
class IncidentQueries:
    @query("executions:read", "What failed, the latest first.")
    async def incidents(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: IncidentFilter | None = None,
    ) -> Connection[Incident]:
        given = filter or IncidentFilter()
        where = service.IncidentFilter(
            bot_id=None if given.bot_id is None else read_id("bot", given.bot_id),
            execution_id=None
            if given.execution_id is None
            else read_id("execution", given.execution_id),
            failure_classes=any_of(given.failure_class),
            resolved=given.resolved,
            names=any_of(given.name),
            kinds=any_of(given.kind),
        )
        page = await service.list_incidents(
            info.context.asker, PageAsk(first, after, last, before), where
        )
        return connection_of(page, Connection[Incident], Incident.of)

    @query("executions:read", "Which repairs work, and what fails again and again.")
    def healing(self, days: int = 30, period: Period = Period.DAY) -> HealingReport:
        return HealingReport(days=days, period=period)


@strawberry.input(description="Input of `resolveIncident`.")
class ResolveIncidentInput:
    incident_id: strawberry.ID = strawberry.field(description="The incident.")
    note: str | None = strawberry.field(default=None, description="What was done about it.")


@strawberry.type(description="Answer of `resolveIncident`.")
class ResolveIncidentPayload:
    incident: Incident | None = strawberry.field(default=None, description="Closed.")
    errors: list[UserError] = payload_errors()


@strawberry.input(
    description="Input of `resolveIncidents`: the three that make failures one pattern."
)
class ResolveIncidentsInput:
    bot_id: strawberry.ID = strawberry.field(description="The bot; it may be deleted.")
    name: str = strawberry.field(description="The step.")
    kind: str = strawberry.field(description="The run error's word.")
    note: str | None = strawberry.field(default=None, description="What was done about them.")


@strawberry.type(description="Answer of `resolveIncidents`.")
class ResolveIncidentsPayload:
    count: int = strawberry.field(default=0, description="How many were closed.")
    errors: list[UserError] = payload_errors()


@strawberry.type
class IncidentMutations:
    @mutation(
        "executions:control",
        ResolveIncidentPayload,
        "Closes an incident. Errors: NOT_FOUND, INVALID_STATE when it is closed already.",
    )
    async def resolve_incident(
        self, info: Info, input: ResolveIncidentInput
    ) -> ResolveIncidentPayload:
        row = await service.resolve(
            info.context.asker,
            info.context.rooms.clock,
            read_id("incident", input.incident_id),
            input.note,
        )
        return ResolveIncidentPayload(incident=Incident.of(row))

    @mutation(
        "executions:control",
        ResolveIncidentsPayload,
        "Closes every open incident of a pattern at once, however old. Errors: NOT_FOUND for a bot "
        "without incidents, INVALID_STATE when none of these is open.",
    )
    async def resolve_incidents(
        self, info: Info, input: ResolveIncidentsInput
    ) -> ResolveIncidentsPayload:
        same = service.Same(read_id("bot", input.bot_id), input.name, input.kind)
        asker, clock = info.context.asker, info.context.rooms.clock
        return ResolveIncidentsPayload(
            count=await service.resolve_all(asker, clock, same, input.note)
        )
