"""A word that somebody put on a bot. `key` is the folded form, by which tags are found."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.bot import Bot
from server.models.fields import ShortTextField, id_field


class BotTag(Model):
    id = id_field()
    bot: fields.ForeignKeyRelation[Bot] = fields.ForeignKeyField(
        "models.Bot", related_name="tags", on_delete=fields.CASCADE
    )
    bot_id: UUID
    workspace_id = fields.UUIDField()
    name = ShortTextField(max_length=50)
    key = ShortTextField(max_length=50)

    class Meta(Model.Meta):
        table = "bot_tags"
        unique_together = (("bot", "key"),)
        indexes = (("workspace_id", "key"),)
