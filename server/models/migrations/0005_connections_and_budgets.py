from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.enums import BudgetAction, BudgetPeriod, BudgetScope, ConnectionStatus
from server.models.fields import JsonField, LongTextField, ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0004_blobs_and_retention")]

    initial = False

    operations = [
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
    ]
