"""Budgets: limits of spending, where they stand, and the thresholds that were passed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import strawberry

from server.api.access import mutation, query
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.kinds import BudgetAction, BudgetPeriod, BudgetScope
from server.api.relay import Connection as Page
from server.api.relay import Node, connection_of
from server.api.scalars import Cursor, dollars
from server.core.errors import NotFound
from server.core.ids import public_id, read_id
from server.costs import service
from server.costs.service import BudgetChange, NewBudget, Office, Standing
from server.models import tables
from server.workspaces.listing import PageAsk


@strawberry.type(description="Where a budget stands in its present period, in US dollars.")
class BudgetStanding:
    spent: Decimal = strawberry.field(description="Spent so far.")
    reserved: Decimal = strawberry.field(description="Set aside for calls under way.")
    left: Decimal = strawberry.field(description="What is left; below 0 where it only warns.")
    percent: float = strawberry.field(description="Spent in percent of the limit.")
    starts_at: datetime | None = strawberry.field(description="When this period began.")
    ends_at: datetime | None = strawberry.field(description="When it begins anew; null: never.")

    @classmethod
    def of(cls, row: tables.Budget, found: Standing) -> BudgetStanding:
        return cls(
            spent=dollars(found.spent_nano),
            reserved=dollars(found.reserved_nano),
            left=dollars(row.limit_nano - found.spent_nano - found.reserved_nano),
            percent=round(100 * found.spent_nano / row.limit_nano, 1),
            starts_at=found.starts_at,
            ends_at=found.ends_at,
        )


@strawberry.type(description="What the viewer may do with a budget.")
class BudgetPermissions:
    edit: bool = strawberry.field(description="Change its name, limit and action.")
    adjust: bool = strawberry.field(description="Correct what counts as spent.")
    delete: bool = strawberry.field(description="Delete it.")


@strawberry.type(description="A limit of spending.")
class Budget(Node):
    row: strawberry.Private[tables.Budget]
    name: str = strawberry.field(description="How it is called.")
    scope: BudgetScope = strawberry.field(description="Whose spending is counted.")
    bot_id: strawberry.ID | None = strawberry.field(description="Only of this bot; null: of all.")
    user_id: strawberry.ID | None = strawberry.field(description="Only of this person.")
    period: BudgetPeriod = strawberry.field(description="When it begins anew.")
    limit: Decimal = strawberry.field(description="US dollars.")
    action: BudgetAction = strawberry.field(description="What happens at the limit.")
    version: int = strawberry.field(
        description="Counts its changes; send it back as `expectedVersion`."
    )
    created_at: datetime = strawberry.field(description="When it was made.")

    @classmethod
    def of(cls, row: tables.Budget) -> Budget:
        bot, user = row.bot_id, row.user_id
        return cls(
            row=row,
            id=strawberry.ID(public_id("budget", row.id)),
            name=row.name,
            scope=row.scope,
            bot_id=None if bot is None else strawberry.ID(public_id("bot", bot)),
            user_id=None if user is None else strawberry.ID(public_id("user", user)),
            period=row.period,
            limit=dollars(row.limit_nano),
            action=row.action,
            version=row.version,
            created_at=row.created_at,
        )

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self, info: Info) -> BudgetPermissions:
        return BudgetPermissions(**info.context.asker.can("budget"))

    @strawberry.field(
        description="Where it stands; null for a limit of each execution, which has no one sum."
    )
    async def standing(self, info: Info) -> BudgetStanding | None:
        if self.row.scope is BudgetScope.EXECUTION:
            return None
        found = await info.context.loaders.standing.load(self.row)
        return BudgetStanding.of(self.row, found)


@strawberry.type(description="A threshold that a budget has passed.")
class BudgetNotice(Node):
    budget_id: strawberry.ID = strawberry.field(description="The budget.")
    percent: int = strawberry.field(description="50, 75, 90 or 100.")
    spent: Decimal = strawberry.field(description="US dollars spent then.")
    limit: Decimal = strawberry.field(description="US dollars of its limit then.")
    at: datetime = strawberry.field(description="When it was passed.")

    @classmethod
    def of(cls, row: tables.BudgetNotice) -> BudgetNotice:
        return cls(
            id=strawberry.ID(public_id("notice", row.id)),
            budget_id=strawberry.ID(public_id("budget", row.budget_id)),
            percent=row.percent,
            spent=dollars(row.spent_nano),
            limit=dollars(row.limit_nano),
            at=row.created_at,
        )


@strawberry.type
class BudgetQueries:
    @query("costs:read", "The budgets of the workspace, the oldest first.")
    async def budgets(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Page[Budget]:
        ask = PageAsk(first, after, last, before)
        page = await service.list_budgets(info.context.asker, ask)
        return connection_of(page, Page[Budget], Budget.of)

    @query("costs:read", "One budget; null when there is none.")
    async def budget(self, info: Info, id: strawberry.ID) -> Budget | None:
        try:
            return Budget.of(await service.get(info.context.asker, read_id("budget", id)))
        except NotFound:
            return None

    @query("costs:read", "Thresholds that budgets have passed, the latest first.")
    async def budget_notices(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Page[BudgetNotice]:
        ask = PageAsk(first, after, last, before)
        page = await service.notices(info.context.asker, ask)
        return connection_of(page, Page[BudgetNotice], BudgetNotice.of)


@strawberry.input(description="Input of `createBudget`.")
class CreateBudgetInput:
    limit: Decimal = strawberry.field(description="US dollars, above 0.")
    scope: BudgetScope = strawberry.field(
        default=BudgetScope.WORKSPACE, description="Whose spending is counted."
    )
    period: BudgetPeriod = strawberry.field(
        default=BudgetPeriod.MONTH, description="When it begins anew."
    )
    action: BudgetAction = strawberry.field(
        default=BudgetAction.STOP, description="What happens at the limit."
    )
    name: str | None = strawberry.field(default=None, description="How it is called.")
    bot_id: strawberry.ID | None = strawberry.field(
        default=None, description="Count only this bot; needed for the scope BOT."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose, for the scope USER."
    )


@strawberry.input(description="Input of `updateBudget`; what is absent stays as it is.")
class UpdateBudgetInput:
    budget_id: strawberry.ID = strawberry.field(description="The budget.")
    name: str | None = strawberry.field(default=None, description="Another name.")
    limit: Decimal | None = strawberry.field(default=None, description="US dollars, above 0.")
    action: BudgetAction | None = strawberry.field(
        default=None, description="What happens at the limit."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The `version` that the change was made on."
    )


@strawberry.input(description="Input of `adjustBudget`.")
class AdjustBudgetInput:
    budget_id: strawberry.ID = strawberry.field(description="The budget.")
    amount: Decimal = strawberry.field(
        description="US dollars that are added to what is spent; below 0 after a refund."
    )
    reason: str = strawberry.field(description="Why; kept in the audit log.")


@strawberry.input(description="Input of `deleteBudget`.")
class DeleteBudgetInput:
    budget_id: strawberry.ID = strawberry.field(description="The budget.")


@strawberry.type
class BudgetPayload:
    budget: Budget | None = strawberry.field(
        default=None, description="The budget as it is, or was before it was deleted."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `createBudget`.")
class CreateBudgetPayload(BudgetPayload):
    pass


@strawberry.type(description="Answer of `updateBudget`.")
class UpdateBudgetPayload(BudgetPayload):
    pass


@strawberry.type(description="Answer of `adjustBudget`.")
class AdjustBudgetPayload(BudgetPayload):
    pass


@strawberry.type(description="Answer of `deleteBudget`.")
class DeleteBudgetPayload(BudgetPayload):
    pass


@strawberry.type
class BudgetMutations:
    @mutation(
        "costs:write",
        CreateBudgetPayload,
        "Makes a budget; what was spent in its present period counts. Errors: INVALID_INPUT, "
        "NOT_FOUND.",
    )
    async def create_budget(self, info: Info, input: CreateBudgetInput) -> CreateBudgetPayload:
        given = NewBudget(
            input.limit,
            input.scope,
            input.period,
            input.action,
            input.name or "",
            None if input.bot_id is None else read_id("bot", input.bot_id),
            None if input.user_id is None else read_id("user", input.user_id),
        )
        row = await service.create(info.context.asker, office_of(info), given)
        return CreateBudgetPayload(budget=Budget.of(row))

    @mutation(
        "costs:write",
        UpdateBudgetPayload,
        "Changes a budget; executions that wait for it go on where there is room. Errors: "
        "NOT_FOUND, CONFLICT, INVALID_INPUT.",
    )
    async def update_budget(self, info: Info, input: UpdateBudgetInput) -> UpdateBudgetPayload:
        row = await service.update(
            info.context.asker,
            office_of(info),
            read_id("budget", input.budget_id),
            BudgetChange(input.name, input.limit, input.action),
            input.expected_version,
        )
        return UpdateBudgetPayload(budget=Budget.of(row))

    @mutation(
        "costs:write",
        AdjustBudgetPayload,
        "Corrects what counts as spent in the present period. Errors: NOT_FOUND, INVALID_INPUT.",
    )
    async def adjust_budget(self, info: Info, input: AdjustBudgetInput) -> AdjustBudgetPayload:
        row = await service.adjust(
            info.context.asker,
            office_of(info),
            read_id("budget", input.budget_id),
            input.amount,
            input.reason,
        )
        return AdjustBudgetPayload(budget=Budget.of(row))

    @mutation("costs:write", DeleteBudgetPayload, "Deletes a budget. Errors: NOT_FOUND.")
    async def delete_budget(self, info: Info, input: DeleteBudgetInput) -> DeleteBudgetPayload:
        budget_id = read_id("budget", input.budget_id)
        row = await service.delete(info.context.asker, office_of(info), budget_id)
        return DeleteBudgetPayload(budget=Budget.of(row))


def office_of(info: Info) -> Office:
    return info.context.office
