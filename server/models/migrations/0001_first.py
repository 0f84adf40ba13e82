from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.enums import (
    ApprovalKind,
    ApprovalStatus,
    BotState,
    BudgetAction,
    BudgetPeriod,
    BudgetScope,
    ConnectionStatus,
    ControlAsked,
    ExecutionMode,
    ExecutionStatus,
    FailureClass,
    Role,
    StepStatus,
    TriggerKind,
    WaitingReason,
)
from server.models.fields import JsonField, LongTextField, ShortTextField


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Blob",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("execution_id", fields.UUIDField(db_index=True)),
                ("sha256", fields.CharField(max_length=64)),
                ("size", fields.BigIntField()),
                (
                    "created_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=True),
                ),
            ],
            options={"table": "blobs", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BlobPart",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "blob",
                    fields.ForeignKeyField(
                        "models.Blob",
                        source_field="blob_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="parts",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.IntField()),
                ("data", LongTextField(unique=False)),
            ],
            options={
                "table": "blob_parts",
                "app": "models",
                "unique_together": (("blob", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Fact",
            fields=[
                (
                    "name",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=100),
                ),
                ("value", JsonField(generated=False, null=False, unique=False)),
            ],
            options={"table": "facts", "app": "models", "pk_attr": "name"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                ("email", ShortTextField(unique=True, max_length=254)),
                ("name", ShortTextField(default="", max_length=200)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                (
                    "disabled_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={"table": "users", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SigninLink",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="signin_links",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={"table": "signin_links", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Workspace",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                ("name", ShortTextField(max_length=200)),
                ("timezone", fields.CharField(default="UTC", max_length=64)),
                ("settings", JsonField(default=dict, generated=False, null=False, unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={"table": "workspaces", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="api_tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="api_tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", ShortTextField(max_length=200)),
                ("prefix", fields.CharField(max_length=20)),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("role", fields.CharEnumField(description="", enum_type=Role, max_length=20)),
                ("scopes", JsonField(null=True, generated=False, unique=False)),
                ("bot_ids", JsonField(null=True, generated=False, unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "last_used_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "api_tokens",
                "app": "models",
                "indexes": [Index(fields=["workspace_id"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="audit_entries",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("actor_id", fields.UUIDField(null=True)),
                ("actor", ShortTextField(max_length=300)),
                ("via", fields.CharField(max_length=20)),
                ("action", fields.CharField(max_length=60)),
                ("subject_kind", fields.CharField(max_length=40)),
                ("subject_id", fields.UUIDField(null=True)),
                ("subject", ShortTextField(max_length=300)),
                ("before", JsonField(null=True, generated=False, unique=False)),
                ("after", JsonField(null=True, generated=False, unique=False)),
                ("reason", LongTextField(null=True, unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "audit_entries",
                "app": "models",
                "indexes": [Index(fields=["workspace_id", "id"]), Index(fields=["subject_id"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Bot",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="bots",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", ShortTextField(max_length=200)),
                ("name_key", ShortTextField(null=True, max_length=200)),
                ("description", LongTextField(default="", unique=False)),
                ("icon", ShortTextField(default="", max_length=64)),
                (
                    "state",
                    fields.CharEnumField(
                        default=BotState.DRAFT, description="", enum_type=BotState, max_length=20
                    ),
                ),
                ("source", LongTextField(default="", unique=False)),
                ("draft_version", fields.IntField(default=1)),
                ("published_version_id", fields.UUIDField(null=True)),
                ("summary", JsonField(default=dict, generated=False, null=False, unique=False)),
                ("retention", JsonField(null=True, generated=False, unique=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("deleted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "bots",
                "app": "models",
                "unique_together": (("workspace", "name_key"),),
                "indexes": [Index(fields=["workspace_id", "updated_at"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BotVersion",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "bot",
                    fields.ForeignKeyField(
                        "models.Bot",
                        source_field="bot_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="versions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.IntField()),
                ("source", LongTextField(unique=False)),
                ("source_hash", fields.CharField(max_length=64)),
                ("plan", JsonField(generated=False, null=False, unique=False)),
                ("name", ShortTextField(default="", max_length=200)),
                ("note", LongTextField(default="", unique=False)),
                ("author_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "bot_versions",
                "app": "models",
                "unique_together": (("bot", "source_hash"), ("bot", "number")),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Budget",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="budgets",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", ShortTextField(max_length=200)),
                (
                    "scope",
                    fields.CharEnumField(description="", enum_type=BudgetScope, max_length=20),
                ),
                ("bot_id", fields.UUIDField(null=True)),
                ("user_id", fields.UUIDField(null=True)),
                (
                    "period",
                    fields.CharEnumField(description="", enum_type=BudgetPeriod, max_length=20),
                ),
                ("limit_nano", fields.BigIntField()),
                (
                    "action",
                    fields.CharEnumField(description="", enum_type=BudgetAction, max_length=20),
                ),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("deleted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "budgets",
                "app": "models",
                "indexes": [Index(fields=["workspace_id", "deleted_at"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BudgetCounter",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "budget",
                    fields.ForeignKeyField(
                        "models.Budget",
                        source_field="budget_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="counters",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("window", ShortTextField(max_length=80)),
                ("starts_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("ends_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("spent_nano", fields.BigIntField(default=0)),
                ("reserved_nano", fields.BigIntField(default=0)),
                ("left_nano", fields.BigIntField()),
                ("told_percent", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "budget_counters",
                "app": "models",
                "unique_together": (("budget", "window"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BudgetHold",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "counter",
                    fields.ForeignKeyField(
                        "models.BudgetCounter",
                        source_field="counter_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="holds",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("call_id", fields.UUIDField(db_index=True)),
                ("execution_id", fields.UUIDField()),
                ("attempt", fields.IntField()),
                ("amount_nano", fields.BigIntField()),
                (
                    "created_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={"table": "budget_holds", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="BudgetNotice",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="budget_notices",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "budget",
                    fields.ForeignKeyField(
                        "models.Budget",
                        source_field="budget_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="notices",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("window", ShortTextField(max_length=80)),
                ("percent", fields.IntField()),
                ("spent_nano", fields.BigIntField()),
                ("limit_nano", fields.BigIntField()),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "budget_notices",
                "app": "models",
                "unique_together": (("budget", "window", "percent"),),
                "indexes": [Index(fields=["workspace_id", "id"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Connection",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="connections",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharField(max_length=40)),
                ("name", ShortTextField(max_length=200)),
                ("name_key", ShortTextField(null=True, max_length=200)),
                ("default_for", fields.CharField(null=True, max_length=20)),
                ("settings", JsonField(default=dict, generated=False, null=False, unique=False)),
                ("sealed", JsonField(null=True, generated=False, unique=False)),
                ("shown", JsonField(default=dict, generated=False, null=False, unique=False)),
                (
                    "status",
                    fields.CharEnumField(description="", enum_type=ConnectionStatus, max_length=20),
                ),
                ("status_message", LongTextField(default="", unique=False)),
                ("models", JsonField(null=True, generated=False, unique=False)),
                (
                    "last_checked_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("version", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
                ("deleted_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "connections",
                "app": "models",
                "unique_together": (("workspace", "name_key"), ("workspace", "default_for")),
                "indexes": [Index(fields=["workspace_id", "kind"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Execution",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="executions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "bot",
                    fields.ForeignKeyField(
                        "models.Bot",
                        source_field="bot_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="executions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "version",
                    fields.ForeignKeyField(
                        "models.BotVersion",
                        source_field="version_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="executions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "status",
                    fields.CharEnumField(description="", enum_type=ExecutionStatus, max_length=20),
                ),
                (
                    "waiting_reason",
                    fields.CharEnumField(
                        null=True, description="", enum_type=WaitingReason, max_length=20
                    ),
                ),
                (
                    "mode",
                    fields.CharEnumField(description="", enum_type=ExecutionMode, max_length=20),
                ),
                (
                    "trigger_kind",
                    fields.CharEnumField(description="", enum_type=TriggerKind, max_length=20),
                ),
                ("trigger", JsonField(null=True, generated=False, unique=False)),
                ("input", JsonField(null=True, generated=False, unique=False)),
                ("output", JsonField(null=True, generated=False, unique=False)),
                ("error", JsonField(null=True, generated=False, unique=False)),
                ("idempotency_key", ShortTextField(null=True, max_length=200)),
                ("request_hash", fields.CharField(null=True, max_length=64)),
                ("owner", fields.CharField(null=True, max_length=64)),
                ("attempt", fields.IntField(default=0)),
                ("losses", fields.IntField(default=0)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "dispatched_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("last_seq", fields.IntField(default=0)),
                (
                    "cancel_requested_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("cancel_reason", LongTextField(null=True, unique=False)),
                (
                    "control",
                    fields.CharEnumField(
                        null=True, description="", enum_type=ControlAsked, max_length=20
                    ),
                ),
                ("nudged", fields.BooleanField(default=False, db_default=False)),
                ("worked_ms", fields.BigIntField(default=0, db_default=0)),
                (
                    "start_before",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("created_by_id", fields.UUIDField(null=True)),
                ("parent_id", fields.UUIDField(null=True)),
                ("forked_from_id", fields.UUIDField(null=True)),
                ("forked_from_step", LongTextField(null=True, unique=False)),
                ("input_tokens", fields.BigIntField(default=0)),
                ("output_tokens", fields.BigIntField(default=0)),
                ("cost_nano", fields.BigIntField(default=0)),
                ("estimated", fields.BooleanField(default=False)),
                ("unpriced", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "finished_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("duration_ms", fields.IntField(null=True)),
            ],
            options={
                "table": "executions",
                "app": "models",
                "unique_together": (("workspace", "idempotency_key"),),
                "indexes": [
                    Index(fields=["workspace_id", "id"]),
                    Index(fields=["workspace_id", "status", "id"]),
                    Index(fields=["bot_id", "id"]),
                    Index(fields=["due_at"]),
                    Index(fields=["start_before"]),
                    Index(fields=["parent_id"]),
                    Index(fields=["forked_from_id"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Approval",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="approvals",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "execution",
                    fields.ForeignKeyField(
                        "models.Execution",
                        source_field="execution_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="approvals",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("bot_id", fields.UUIDField()),
                ("key", ShortTextField(max_length=500)),
                ("step_key", ShortTextField(max_length=500)),
                (
                    "kind",
                    fields.CharEnumField(description="", enum_type=ApprovalKind, max_length=20),
                ),
                (
                    "status",
                    fields.CharEnumField(description="", enum_type=ApprovalStatus, max_length=20),
                ),
                ("tool", ShortTextField(null=True, max_length=200)),
                ("arguments", JsonField(null=True, generated=False, unique=False)),
                ("arguments_hash", fields.CharField(max_length=64)),
                ("entity", ShortTextField(null=True, max_length=300)),
                ("goal", LongTextField(null=True, unique=False)),
                ("reason", LongTextField(null=True, unique=False)),
                ("choices", JsonField(null=True, generated=False, unique=False)),
                ("diagnosis", JsonField(null=True, generated=False, unique=False)),
                ("decision", JsonField(null=True, generated=False, unique=False)),
                ("decided_by_id", fields.UUIDField(null=True)),
                ("decided_by", ShortTextField(null=True, max_length=300)),
                ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("told", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "approvals",
                "app": "models",
                "unique_together": (("execution", "key"),),
                "indexes": [
                    Index(fields=["workspace_id", "status", "id"]),
                    Index(fields=["told", "status", "expires_at"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "execution",
                    fields.ForeignKeyField(
                        "models.Execution",
                        source_field="execution_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="events",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("seq", fields.IntField()),
                ("type", fields.CharField(max_length=60)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("step_key", ShortTextField(null=True, max_length=500)),
                ("attempt", fields.IntField(default=0)),
                ("data", JsonField(null=True, generated=False, unique=False)),
            ],
            options={
                "table": "events",
                "app": "models",
                "unique_together": (("execution", "seq"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Incident",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="incidents",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("bot_id", fields.UUIDField()),
                ("execution_id", fields.UUIDField()),
                ("step_key", ShortTextField(max_length=500)),
                ("name", ShortTextField(max_length=300)),
                (
                    "failure_class",
                    fields.CharEnumField(description="", enum_type=FailureClass, max_length=20),
                ),
                ("kind", fields.CharField(max_length=60)),
                ("message", LongTextField(unique=False)),
                ("action", fields.CharField(max_length=20)),
                ("automatic", fields.BooleanField(default=True)),
                ("healed", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "resolved_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("resolved_by", ShortTextField(null=True, max_length=300)),
                ("note", LongTextField(null=True, unique=False)),
            ],
            options={
                "table": "incidents",
                "app": "models",
                "unique_together": (("execution_id", "step_key", "action"),),
                "indexes": [
                    Index(fields=["workspace_id", "created_at"]),
                    Index(fields=["workspace_id", "id"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Member",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="members",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="memberships",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("role", fields.CharEnumField(description="", enum_type=Role, max_length=20)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={
                "table": "members",
                "app": "models",
                "unique_together": (("workspace", "user"),),
                "indexes": [Index(fields=["user_id"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Memory",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="memories",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "bot",
                    fields.ForeignKeyField(
                        "models.Bot",
                        source_field="bot_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="memories",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("key", ShortTextField(max_length=200)),
                ("value", JsonField(generated=False, null=False, unique=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "memories",
                "app": "models",
                "unique_together": (("bot", "key"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ModelPrice",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="model_prices",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("model", ShortTextField(max_length=200)),
                ("input_nano", fields.BigIntField()),
                ("output_nano", fields.BigIntField()),
                ("cached_nano", fields.BigIntField(null=True)),
                ("reasoning_nano", fields.BigIntField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("updated_at", fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={
                "table": "model_prices",
                "app": "models",
                "unique_together": (("workspace", "model"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Session",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                (
                    "user",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="user_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sessions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="sessions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("user_agent", ShortTextField(default="", max_length=300)),
                ("address", ShortTextField(default="", max_length=64)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("last_seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "sessions",
                "app": "models",
                "indexes": [Index(fields=["user_id"]), Index(fields=["expires_at"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SharedValue",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="shared_values",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("key", ShortTextField(max_length=200)),
                ("value", JsonField(generated=False, null=False, unique=False)),
                ("bot_id", fields.UUIDField()),
                ("execution_id", fields.UUIDField()),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "shared_values",
                "app": "models",
                "unique_together": (("workspace", "key"),),
                "indexes": [Index(fields=["workspace_id", "expires_at"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Step",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "execution",
                    fields.ForeignKeyField(
                        "models.Execution",
                        source_field="execution_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="steps",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("key", ShortTextField(max_length=500)),
                ("parent_key", ShortTextField(null=True, max_length=500)),
                ("type", fields.CharField(max_length=40)),
                ("name", ShortTextField(max_length=300)),
                ("position", fields.IntField(default=0)),
                (
                    "status",
                    fields.CharEnumField(description="", enum_type=StepStatus, max_length=20),
                ),
                ("attempt", fields.IntField(default=1)),
                ("reused", fields.BooleanField(default=False)),
                ("input", JsonField(null=True, generated=False, unique=False)),
                ("output", JsonField(null=True, generated=False, unique=False)),
                ("error", JsonField(null=True, generated=False, unique=False)),
                ("issues", JsonField(null=True, generated=False, unique=False)),
                ("requested_model", ShortTextField(null=True, max_length=200)),
                ("model", ShortTextField(null=True, max_length=200)),
                ("provider", ShortTextField(null=True, max_length=100)),
                ("input_tokens", fields.BigIntField(default=0)),
                ("output_tokens", fields.BigIntField(default=0)),
                ("cached_tokens", fields.BigIntField(default=0)),
                ("reasoning_tokens", fields.BigIntField(default=0)),
                ("cost_nano", fields.BigIntField(null=True)),
                ("estimated", fields.BooleanField(default=False)),
                ("unpriced", fields.BooleanField(default=False)),
                ("ttft_ms", fields.IntField(null=True)),
                ("started_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "finished_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("duration_ms", fields.IntField(null=True)),
            ],
            options={
                "table": "steps",
                "app": "models",
                "unique_together": (("execution", "key"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Usage",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="usage",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("bot_id", fields.UUIDField(null=True)),
                ("execution_id", fields.UUIDField(null=True, db_index=True)),
                ("step_key", ShortTextField(null=True, max_length=500)),
                ("attempt", fields.IntField(default=1)),
                ("provider", ShortTextField(max_length=100)),
                ("requested_model", ShortTextField(max_length=200)),
                ("model", ShortTextField(max_length=200)),
                ("input_tokens", fields.BigIntField(default=0)),
                ("output_tokens", fields.BigIntField(default=0)),
                ("cached_tokens", fields.BigIntField(default=0)),
                ("reasoning_tokens", fields.BigIntField(default=0)),
                ("cost_nano", fields.BigIntField(null=True)),
                ("price", JsonField(null=True, generated=False, unique=False)),
                ("estimated", fields.BooleanField(default=False)),
                ("unpriced", fields.BooleanField(default=False)),
                ("duration_ms", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "usage_records",
                "app": "models",
                "indexes": [Index(fields=["workspace_id", "created_at"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
