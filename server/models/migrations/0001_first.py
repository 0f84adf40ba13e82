from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.enums import (
    BotState,
    ExecutionMode,
    ExecutionStatus,
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
