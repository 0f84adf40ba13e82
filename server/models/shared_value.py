"""A value that the bots of a workspace hand to each other, with who wrote it and until when it is
good. The writer is a plain id: what it left stays when it is gone."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import JsonField, ShortTextField, id_field
from server.models.workspace import Workspace


class SharedValue(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="shared_values", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    key = ShortTextField(max_length=200)
    value = JsonField()
    bot_id = fields.UUIDField()
    execution_id = fields.UUIDField()
    expires_at = fields.DatetimeField(null=True)
    updated_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "shared_values"
        unique_together = (("workspace", "key"),)
        indexes = (("workspace_id", "expires_at"),)
