"""One question to a model as it was asked, and what came of it: an answer, or why there is none.
Kept as long as its execution. Rows are written by the store alone.

A later question of a step repeats what the earlier ones said, so only what is new is kept:
`carried` counts the messages taken over from the row of the same step before this one."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.execution import Execution
from server.models.fields import JsonField, ShortTextField
from server.models.quick_row import QuickRow


class ModelCall(QuickRow, Model):
    id = fields.BigIntField(primary_key=True, generated=True)
    workspace_id = fields.UUIDField()
    execution: fields.ForeignKeyRelation[Execution] = fields.ForeignKeyField(
        "models.Execution", related_name="model_calls", on_delete=fields.CASCADE
    )
    execution_id: UUID
    step_key = ShortTextField(max_length=500)
    attempt = fields.IntField(default=1)
    try_number = fields.IntField(default=1)
    question = fields.CharField(max_length=64, null=True)
    requested_model = ShortTextField(max_length=200, null=True)
    model = ShortTextField(max_length=200, null=True)
    provider = ShortTextField(max_length=100, null=True)
    address = ShortTextField(max_length=500, null=True)
    connection_id = fields.UUIDField(null=True)
    source = fields.CharField(max_length=10)
    repair = fields.BooleanField(default=False)
    mode = fields.CharField(max_length=10, null=True)
    carried = fields.IntField(default=0)
    messages = JsonField(null=True)
    params = JsonField(null=True)
    parts = JsonField(null=True)
    left_out = JsonField(null=True)
    context_window = fields.IntField(null=True)
    answer = JsonField(null=True)
    error = JsonField(null=True)
    error_kind = fields.CharField(max_length=60, null=True)
    input_tokens = fields.BigIntField(default=0)
    output_tokens = fields.BigIntField(default=0)
    cost_nano = fields.BigIntField(null=True)
    ttft_ms = fields.IntField(null=True)
    duration_ms = fields.IntField(null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "model_calls"
        indexes = (("execution_id", "id"), ("workspace_id", "id"))
