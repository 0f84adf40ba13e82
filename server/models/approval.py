"""What an execution asks of a person before it goes on. `key` is the question's own name inside
the execution, so asking again after a crash finds the same row. One decision wins: whoever moves
`status` away from pending. `told` once the execution has heard of it."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import ApprovalKind, ApprovalStatus
from server.models.execution import Execution
from server.models.fields import JsonField, LongTextField, ShortTextField, id_field
from server.models.workspace import Workspace


class Approval(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="approvals", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    execution: fields.ForeignKeyRelation[Execution] = fields.ForeignKeyField(
        "models.Execution", related_name="approvals", on_delete=fields.CASCADE
    )
    execution_id: UUID
    bot_id = fields.UUIDField()
    key = ShortTextField(max_length=500)
    step_key = ShortTextField(max_length=500)
    kind = fields.CharEnumField(ApprovalKind, description="", max_length=20)
    status = fields.CharEnumField(ApprovalStatus, description="", max_length=20)
    tool = ShortTextField(max_length=200, null=True)
    arguments = JsonField(null=True)
    arguments_hash = fields.CharField(max_length=64)
    entity = ShortTextField(max_length=300, null=True)
    goal = LongTextField(null=True)
    reason = LongTextField(null=True)
    choices = JsonField(null=True)
    diagnosis = JsonField(null=True)
    decision = JsonField(null=True)
    decided_by_id = fields.UUIDField(null=True)
    decided_by = ShortTextField(max_length=300, null=True)
    decided_at = fields.DatetimeField(null=True)
    told = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "approvals"
        unique_together = (("execution", "key"),)
        indexes = (("workspace_id", "status", "id"), ("told", "status", "expires_at"))
