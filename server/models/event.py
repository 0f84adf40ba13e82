"""What happened in an execution, numbered from 1 without a hole by the store."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.execution import Execution
from server.models.fields import JsonField, ShortTextField


class Event(Model):
    id = fields.BigIntField(primary_key=True, generated=True)
    execution: fields.ForeignKeyRelation[Execution] = fields.ForeignKeyField(
        "models.Execution", related_name="events", on_delete=fields.CASCADE
    )
    execution_id: UUID
    seq = fields.IntField()
    type = fields.CharField(max_length=60)
    at = fields.DatetimeField()
    step_key = ShortTextField(max_length=500, null=True)
    attempt = fields.IntField(default=0)
    data = JsonField(null=True)

    class Meta(Model.Meta):
        table = "events"
        unique_together = (("execution", "seq"),)
