"""A threshold that a budget has passed, once for each of its periods; or an execution that waits
for it or was stopped by it."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.budget import Budget
from server.models.fields import ShortTextField, id_field
from server.models.workspace import Workspace


class BudgetNotice(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="budget_notices", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    budget: fields.ForeignKeyRelation[Budget] = fields.ForeignKeyField(
        "models.Budget", related_name="notices", on_delete=fields.CASCADE
    )
    budget_id: UUID
    window = ShortTextField(max_length=80)
    percent = fields.IntField()
    spent_nano = fields.BigIntField()
    limit_nano = fields.BigIntField()
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "budget_notices"
        unique_together = (("budget", "window", "percent"),)
        indexes = (("workspace_id", "id"),)
