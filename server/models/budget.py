"""A limit of spending. What is spent stands in the counters, one for each period of time (and, for
a limit of each execution, one for each execution), so a new period begins at nothing by itself."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import BudgetAction, BudgetPeriod, BudgetScope
from server.models.fields import ShortTextField, id_field
from server.models.workspace import Workspace


class Budget(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="budgets", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    name = ShortTextField(max_length=200)
    scope = fields.CharEnumField(BudgetScope, description="", max_length=20)
    bot_id = fields.UUIDField(null=True)
    user_id = fields.UUIDField(null=True)
    period = fields.CharEnumField(BudgetPeriod, description="", max_length=20)
    limit_nano = fields.BigIntField()
    action = fields.CharEnumField(BudgetAction, description="", max_length=20)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)
    deleted_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "budgets"
        indexes = (("workspace_id", "deleted_at"),)
