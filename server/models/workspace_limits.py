"""What one execution of a workspace may use at most. NULL is the product's default, 0 no limit."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import id_field
from server.models.workspace import Workspace


class WorkspaceLimits(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="limits", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    seconds = fields.IntField(null=True)
    steps = fields.IntField(null=True)
    calls = fields.IntField(null=True)
    tokens = fields.BigIntField(null=True)
    cost_nano = fields.BigIntField(null=True)
    changed_by_id = fields.UUIDField(null=True)
    changed_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "workspace_limits"
        unique_together = (("workspace",),)
