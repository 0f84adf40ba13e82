"""What a call under way keeps of one counter. It goes when the call is settled; what a lost worker
leaves behind is settled at its full amount, because the provider was asked."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.budget_counter import BudgetCounter
from server.models.fields import id_field


class BudgetHold(Model):
    id = id_field()
    counter: fields.ForeignKeyRelation[BudgetCounter] = fields.ForeignKeyField(
        "models.BudgetCounter", related_name="holds", on_delete=fields.CASCADE
    )
    counter_id: UUID
    call_id = fields.UUIDField(db_index=True)
    execution_id = fields.UUIDField()
    attempt = fields.IntField()
    amount_nano = fields.BigIntField()
    created_at = fields.DatetimeField(db_index=True)

    class Meta(Model.Meta):
        table = "budget_holds"
