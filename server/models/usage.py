"""One model call as it is paid for. It outlives the execution, so that one is a plain id."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import JsonField, ShortTextField
from server.models.workspace import Workspace


class Usage(Model):
    id = fields.BigIntField(primary_key=True, generated=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="usage", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    bot_id = fields.UUIDField(null=True)
    execution_id = fields.UUIDField(null=True, db_index=True)
    step_key = ShortTextField(max_length=500, null=True)
    attempt = fields.IntField(default=1)
    provider = ShortTextField(max_length=100)
    requested_model = ShortTextField(max_length=200)
    model = ShortTextField(max_length=200)
    input_tokens = fields.BigIntField(default=0)
    output_tokens = fields.BigIntField(default=0)
    cached_tokens = fields.BigIntField(default=0)
    reasoning_tokens = fields.BigIntField(default=0)
    cache_write_tokens = fields.BigIntField(default=0, db_default=0)
    cost_nano = fields.BigIntField(null=True)
    price = JsonField(null=True)
    estimated = fields.BooleanField(default=False)
    unpriced = fields.BooleanField(default=False)
    duration_ms = fields.IntField(default=0)
    connection_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "usage_records"
        indexes = (("workspace_id", "created_at"),)
