"""A value that is too large for a row, in parts of 256 KiB. The row that stands for it holds a
`Large`. Parts are text, for the driver of MySQL cannot send bytes. They are written before the
execution's own row may be there, so that one is a plain id; the retention deletes both."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import LongTextField


class Blob(Model):
    id = fields.UUIDField(primary_key=True)
    execution_id = fields.UUIDField(db_index=True)
    sha256 = fields.CharField(max_length=64)
    size = fields.BigIntField()
    created_at = fields.DatetimeField(auto_now_add=True, db_index=True)

    class Meta(Model.Meta):
        table = "blobs"


class BlobPart(Model):
    id = fields.BigIntField(primary_key=True, generated=True)
    blob: fields.ForeignKeyRelation[Blob] = fields.ForeignKeyField(
        "models.Blob", related_name="parts", on_delete=fields.CASCADE
    )
    blob_id: UUID
    number = fields.IntField()
    data = LongTextField()

    class Meta(Model.Meta):
        table = "blob_parts"
        unique_together = (("blob", "number"),)
