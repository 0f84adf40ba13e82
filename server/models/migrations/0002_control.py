from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.enums import ApprovalKind, ApprovalStatus, ControlAsked, FailureClass
from server.models.fields import JsonField, LongTextField, ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0001_first")]

    initial = False

    operations = [
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
        ops.AddField(
            model_name="Execution",
            name="control",
            field=fields.CharEnumField(
                null=True, description="", enum_type=ControlAsked, max_length=20
            ),
        ),
        ops.AddField(
            model_name="Execution",
            name="nudged",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name="Execution",
            name="start_before",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Execution",
            name="worked_ms",
            field=fields.BigIntField(default=0, db_default=0),
        ),
        ops.AddIndex(
            model_name="Execution",
            index=Index(fields=["start_before"]),
        ),
        ops.AddIndex(
            model_name="Execution",
            index=Index(fields=["parent_id"]),
        ),
        ops.AddIndex(
            model_name="Execution",
            index=Index(fields=["forked_from_id"]),
        ),
    ]
