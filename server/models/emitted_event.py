"""Something that happened outside, told with `emitEvent`. A `dedupe_key` that was used before names
the same happening."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import JsonField, ShortTextField, id_field
from server.models.workspace import Workspace


class EmittedEvent(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="emitted_events", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    name = ShortTextField(max_length=200)
    data = JsonField(null=True)
    dedupe_key = ShortTextField(max_length=200, null=True)
    created_by_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "emitted_events"
        unique_together = (("workspace", "dedupe_key"),)
        indexes = (("workspace_id", "name", "id"), ("created_at",))
