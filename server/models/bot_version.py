"""A frozen text and the plan made from it. The same text is the same version. `published_at` is
when it went live last; which one is live now, the bot says."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.bot import Bot
from server.models.fields import JsonField, LongTextField, ShortTextField, id_field
from server.models.quick_row import QuickRow


class BotVersion(QuickRow, Model):
    id = id_field()
    bot: fields.ForeignKeyRelation[Bot] = fields.ForeignKeyField(
        "models.Bot", related_name="versions", on_delete=fields.CASCADE
    )
    bot_id: UUID
    number = fields.IntField()
    source = LongTextField()
    source_hash = fields.CharField(max_length=64)
    plan = JsonField()
    name = ShortTextField(max_length=200, default="")
    note = LongTextField(default="")
    author_id = fields.UUIDField(null=True)
    published_at = fields.DatetimeField(null=True)
    published_by_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta(Model.Meta):
        table = "bot_versions"
        unique_together = (("bot", "source_hash"), ("bot", "number"))
