"""What a bot remembers from one execution to the next. `value` holds it under one field, because a
bare text would be read as JSON."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.bot import Bot
from server.models.fields import JsonField, ShortTextField, id_field
from server.models.workspace import Workspace


class Memory(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="memories", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    bot: fields.ForeignKeyRelation[Bot] = fields.ForeignKeyField(
        "models.Bot", related_name="memories", on_delete=fields.CASCADE
    )
    bot_id: UUID
    key = ShortTextField(max_length=200)
    value = JsonField()
    updated_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "memories"
        unique_together = (("bot", "key"),)
