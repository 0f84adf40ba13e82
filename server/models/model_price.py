"""A workspace's own price of a model, instead of the one of the shipped table. Nano-dollars per
million tokens: whole numbers, and finer than any price list."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import ShortTextField, id_field
from server.models.workspace import Workspace


class ModelPrice(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="model_prices", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    model = ShortTextField(max_length=200)
    input_nano = fields.BigIntField()
    output_nano = fields.BigIntField()
    cached_nano = fields.BigIntField(null=True)
    reasoning_nano = fields.BigIntField(null=True)
    cache_write_nano = fields.BigIntField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta(Model.Meta):
        table = "model_prices"
        unique_together = (("workspace", "model"),)
