"""One entry of a draft's journal: the part of the text that was taken out and what came in its
place. Walking the entries back from the draft gives every earlier text, so no text is kept twice.
The hashes say which texts an entry lies between. `burst` names the page that it was typed on."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.bot import Bot
from server.models.enums import DraftCause
from server.models.fields import LongTextField, id_field


class DraftEdit(Model):
    id = id_field()
    bot: fields.ForeignKeyRelation[Bot] = fields.ForeignKeyField(
        "models.Bot", related_name="draft_edits", on_delete=fields.CASCADE
    )
    bot_id: UUID
    number = fields.IntField()
    cause = fields.CharEnumField(DraftCause, description="", max_length=20)
    author_id = fields.UUIDField(null=True)
    burst = fields.CharField(max_length=64, default="", db_default="")
    started_at = fields.DatetimeField()
    changed_at = fields.DatetimeField()
    place = fields.IntField()
    removed = LongTextField()
    inserted = LongTextField()
    size = fields.IntField()
    lines_added = fields.IntField()
    lines_removed = fields.IntField()
    before_hash = fields.CharField(max_length=64)
    after_hash = fields.CharField(max_length=64)

    class Meta(Model.Meta):
        table = "draft_edits"
        unique_together = (("bot", "number"),)
