"""A step that waits for an event. `event_id` once one has come, `told` once its execution knows."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.execution import Execution
from server.models.fields import ShortTextField, id_field
from server.models.workspace import Workspace


class EventWait(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="event_waits", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    execution: fields.ForeignKeyRelation[Execution] = fields.ForeignKeyField(
        "models.Execution", related_name="event_waits", on_delete=fields.CASCADE
    )
    execution_id: UUID
    bot_id = fields.UUIDField()
    step_key = ShortTextField(max_length=500)
    name = ShortTextField(max_length=200)
    event_id = fields.UUIDField(null=True)
    told = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "event_waits"
        unique_together = (("execution", "step_key"),)
        indexes = (("workspace_id", "name", "event_id"), ("told", "event_id"))
