"""One run of one version. The row is the queue: a worker may take it once `due_at` is past.
While it runs `due_at` is the end of the lease; it is NULL when nothing is to be done by itself.
`attempt` counts the takings and, with `owner`, fences every write of the run; `losses` counts
workers that vanished since a step was last finished. The totals are
kept by the store from the usage rows of each commit. `control` is what a person asked of it while
it ran, `nudged` says that something it may wait for came while it still ran, and `worked_ms` is the
working time of all takings, which no retry gives back. `session_id` is that of the conversation of
which it is a message, which may be deleted by now. `priority` is 1 to 9, and 9 goes first. Of what
has the same `concurrency_key` its bot may run only so many at once; what waits for such a place has
the reason `queue` and is not due by itself (`NEVER` in the engine)."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.bot import Bot
from server.models.bot_version import BotVersion
from server.models.enums import (
    ControlAsked,
    ExecutionMode,
    ExecutionStatus,
    TriggerKind,
    WaitingReason,
)
from server.models.fields import JsonField, LongTextField, ShortTextField, id_field
from server.models.quick_row import QuickRow
from server.models.workspace import Workspace


class Execution(QuickRow, Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="executions", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    bot: fields.ForeignKeyRelation[Bot] = fields.ForeignKeyField(
        "models.Bot", related_name="executions", on_delete=fields.CASCADE
    )
    bot_id: UUID
    version: fields.ForeignKeyRelation[BotVersion] = fields.ForeignKeyField(
        "models.BotVersion", related_name="executions", on_delete=fields.CASCADE
    )
    version_id: UUID
    status = fields.CharEnumField(ExecutionStatus, description="", max_length=20)
    waiting_reason = fields.CharEnumField(WaitingReason, description="", max_length=20, null=True)
    mode = fields.CharEnumField(ExecutionMode, description="", max_length=20)
    trigger_kind = fields.CharEnumField(TriggerKind, description="", max_length=20)
    trigger = JsonField(null=True)
    input = JsonField(null=True)
    output = JsonField(null=True)
    error = JsonField(null=True)
    idempotency_key = ShortTextField(max_length=200, null=True)
    request_hash = fields.CharField(max_length=64, null=True)
    owner = fields.CharField(max_length=64, null=True)
    attempt = fields.IntField(default=0)
    losses = fields.IntField(default=0)
    due_at = fields.DatetimeField(null=True)
    dispatched_at = fields.DatetimeField(null=True)
    last_seq = fields.IntField(default=0)
    cancel_requested_at = fields.DatetimeField(null=True)
    cancel_reason = LongTextField(null=True)
    control = fields.CharEnumField(ControlAsked, description="", max_length=20, null=True)
    nudged = fields.BooleanField(default=False, db_default=False)
    worked_ms = fields.BigIntField(default=0, db_default=0)
    session_id = fields.UUIDField(null=True)
    priority = fields.IntField(default=5, db_default=5)
    concurrency_key = ShortTextField(max_length=200, null=True)
    start_before = fields.DatetimeField(null=True)
    created_by_id = fields.UUIDField(null=True)
    parent_id = fields.UUIDField(null=True)
    forked_from_id = fields.UUIDField(null=True)
    forked_from_step = LongTextField(null=True)
    input_tokens = fields.BigIntField(default=0)
    output_tokens = fields.BigIntField(default=0)
    cost_nano = fields.BigIntField(default=0)
    estimated = fields.BooleanField(default=False)
    unpriced = fields.BooleanField(default=False)
    created_at = fields.DatetimeField()
    started_at = fields.DatetimeField(null=True)
    finished_at = fields.DatetimeField(null=True)
    duration_ms = fields.IntField(null=True)

    class Meta(Model.Meta):
        table = "executions"
        unique_together = (("workspace", "idempotency_key"),)
        indexes = (
            ("workspace_id", "id"),
            ("workspace_id", "status", "id"),
            ("bot_id", "id"),
            ("session_id", "id"),
            ("due_at",),
            ("start_before",),
            ("parent_id",),
            ("forked_from_id",),
        )

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def queued_ms(self) -> int | None:
        if self.started_at is None:
            return None
        return round((self.started_at - self.created_at).total_seconds() * 1000)
