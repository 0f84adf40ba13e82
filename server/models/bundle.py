"""An uploaded bundle that waits to be looked at and applied: the very bytes, as base64, for the
driver of MySQL cannot send bytes. Old ones are deleted with the next upload."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import LongTextField, ShortTextField, id_field
from server.models.workspace import Workspace


class Bundle(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="bundles", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    author_id = fields.UUIDField()
    name = ShortTextField(max_length=200)
    size = fields.IntField()
    sha256 = fields.CharField(max_length=64)
    data = LongTextField()
    created_at = fields.DatetimeField(db_index=True)

    class Meta(Model.Meta):
        table = "bundles"
