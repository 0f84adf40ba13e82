"""Something that one person of a workspace should know. `source` says where it came from;
`dedupe_key` keeps a repeated call from telling them twice."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import Priority
from server.models.fields import JsonField, LongTextField, ShortTextField, id_field
from server.models.workspace import Workspace


class Notification(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="notifications", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    user_id = fields.UUIDField()
    bot_id = fields.UUIDField(null=True)
    title = ShortTextField(max_length=300)
    message = LongTextField()
    priority = fields.CharEnumField(Priority, description="", max_length=20)
    source = JsonField(null=True)
    dedupe_key = ShortTextField(max_length=200)
    created_at = fields.DatetimeField()
    read_at = fields.DatetimeField(null=True)
    dismissed_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "notifications"
        unique_together = (("workspace", "user_id", "dedupe_key"),)
        indexes = (("workspace_id", "user_id", "id"), ("created_at",))
