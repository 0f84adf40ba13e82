"""A step that failed, and what was done about it: counted per class and action, so that it is known
which repairs work. `action` is the last one that was tried; `healed` is null while its end is
open."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import FailureClass
from server.models.fields import LongTextField, ShortTextField, id_field
from server.models.workspace import Workspace


class Incident(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="incidents", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    bot_id = fields.UUIDField()
    execution_id = fields.UUIDField()
    step_key = ShortTextField(max_length=500)
    name = ShortTextField(max_length=300)
    failure_class = fields.CharEnumField(FailureClass, description="", max_length=20)
    kind = fields.CharField(max_length=60)
    provider = ShortTextField(max_length=100, null=True)
    message = LongTextField()
    action = fields.CharField(max_length=20)
    automatic = fields.BooleanField(default=True)
    healed = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()
    resolved_at = fields.DatetimeField(null=True)
    resolved_by = ShortTextField(max_length=300, null=True)
    note = LongTextField(null=True)

    class Meta(Model.Meta):
        table = "incidents"
        unique_together = (("execution_id", "step_key", "action"),)
        indexes = (("workspace_id", "created_at"), ("workspace_id", "id"))
