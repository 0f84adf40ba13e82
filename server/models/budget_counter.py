"""What one budget has spent in one period. `reserved_nano` is what calls under way may still cost;
`left_nano` is the limit less both, so that one statement can ask and take. A budget that only warns
may go below nothing. `told_percent` is the highest threshold that a notice was made of."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.budget import Budget
from server.models.fields import ShortTextField, id_field


class BudgetCounter(Model):
    id = id_field()
    budget: fields.ForeignKeyRelation[Budget] = fields.ForeignKeyField(
        "models.Budget", related_name="counters", on_delete=fields.CASCADE
    )
    budget_id: UUID
    window = ShortTextField(max_length=80)
    starts_at = fields.DatetimeField(null=True)
    ends_at = fields.DatetimeField(null=True)
    spent_nano = fields.BigIntField(default=0)
    reserved_nano = fields.BigIntField(default=0)
    left_nano = fields.BigIntField()
    told_percent = fields.IntField(default=0)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta(Model.Meta):
        table = "budget_counters"
        unique_together = (("budget", "window"),)
