"""What one step of a run was given and what it answered. `key` names it inside its execution,
with the round of a loop or the item of a map; a finished row is why a step never runs twice.
Rows are written by the store alone, so a small number is id enough."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import StepStatus
from server.models.execution import Execution
from server.models.fields import JsonField, ShortTextField
from server.models.quick_row import QuickRow


class Step(QuickRow, Model):
    id = fields.BigIntField(primary_key=True, generated=True)
    execution: fields.ForeignKeyRelation[Execution] = fields.ForeignKeyField(
        "models.Execution", related_name="steps", on_delete=fields.CASCADE
    )
    execution_id: UUID
    key = ShortTextField(max_length=500)
    parent_key = ShortTextField(max_length=500, null=True)
    type = fields.CharField(max_length=40)
    name = ShortTextField(max_length=300)
    position = fields.IntField(default=0)
    status = fields.CharEnumField(StepStatus, description="", max_length=20)
    attempt = fields.IntField(default=1)
    reused = fields.BooleanField(default=False)
    input = JsonField(null=True)
    output = JsonField(null=True)
    error = JsonField(null=True)
    issues = JsonField(null=True)
    requested_model = ShortTextField(max_length=200, null=True)
    model = ShortTextField(max_length=200, null=True)
    provider = ShortTextField(max_length=100, null=True)
    source = fields.CharField(max_length=10, null=True)
    input_tokens = fields.BigIntField(default=0)
    output_tokens = fields.BigIntField(default=0)
    cached_tokens = fields.BigIntField(default=0)
    reasoning_tokens = fields.BigIntField(default=0)
    cache_write_tokens = fields.BigIntField(default=0, db_default=0)
    cost_nano = fields.BigIntField(null=True)
    estimated = fields.BooleanField(default=False)
    unpriced = fields.BooleanField(default=False)
    ttft_ms = fields.IntField(null=True)
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    duration_ms = fields.IntField(null=True)

    class Meta(Model.Meta):
        table = "steps"
        unique_together = (("execution", "key"),)

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens
