"""An answer that may be given again to an equal question of the same workspace until it expires:
the cache that an entity opts into with `cache`."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import JsonField, ShortTextField
from server.models.workspace import Workspace


class KeptAnswer(Model):
    id = fields.BigIntField(primary_key=True, generated=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="kept_answers", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    key = fields.CharField(max_length=64)
    model = ShortTextField(max_length=200)
    answer = JsonField()
    size = fields.IntField()
    hits = fields.IntField(default=0)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(db_index=True)

    class Meta(Model.Meta):
        table = "kept_answers"
        unique_together = (("workspace", "key"),)
        indexes = (("workspace_id", "id"),)
