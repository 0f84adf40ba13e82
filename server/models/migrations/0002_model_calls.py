from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.fields import JsonField, ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0001_first")]

    initial = False

    operations = [
        ops.CreateModel(
            name="KeptAnswer",
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
                        related_name="kept_answers",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("key", fields.CharField(max_length=64)),
                ("model", ShortTextField(max_length=200)),
                ("answer", JsonField(generated=False, null=False, unique=False)),
                ("size", fields.IntField()),
                ("hits", fields.IntField(default=0)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "expires_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "kept_answers",
                "app": "models",
                "unique_together": (("workspace", "key"),),
                "indexes": [Index(fields=["workspace_id", "id"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ModelCall",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("workspace_id", fields.UUIDField()),
                (
                    "execution",
                    fields.ForeignKeyField(
                        "models.Execution",
                        source_field="execution_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="model_calls",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("step_key", ShortTextField(max_length=500)),
                ("attempt", fields.IntField(default=1)),
                ("try_number", fields.IntField(default=1)),
                ("question", fields.CharField(null=True, max_length=64)),
                ("requested_model", ShortTextField(null=True, max_length=200)),
                ("model", ShortTextField(null=True, max_length=200)),
                ("provider", ShortTextField(null=True, max_length=100)),
                ("address", ShortTextField(null=True, max_length=500)),
                ("source", fields.CharField(max_length=10)),
                ("repair", fields.BooleanField(default=False)),
                ("mode", fields.CharField(null=True, max_length=10)),
                ("carried", fields.IntField(default=0)),
                ("messages", JsonField(null=True, generated=False, unique=False)),
                ("params", JsonField(null=True, generated=False, unique=False)),
                ("parts", JsonField(null=True, generated=False, unique=False)),
                ("left_out", JsonField(null=True, generated=False, unique=False)),
                ("context_window", fields.IntField(null=True)),
                ("answer", JsonField(null=True, generated=False, unique=False)),
                ("error", JsonField(null=True, generated=False, unique=False)),
                ("error_kind", fields.CharField(null=True, max_length=60)),
                ("input_tokens", fields.BigIntField(default=0)),
                ("output_tokens", fields.BigIntField(default=0)),
                ("cost_nano", fields.BigIntField(null=True)),
                ("ttft_ms", fields.IntField(null=True)),
                ("duration_ms", fields.IntField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "model_calls",
                "app": "models",
                "indexes": [
                    Index(fields=["execution_id", "id"]),
                    Index(fields=["workspace_id", "id"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Recording",
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
                        related_name="recordings",
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
                        related_name="recordings",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("version_id", fields.UUIDField(null=True)),
                ("execution_id", fields.UUIDField()),
                ("name", ShortTextField(max_length=200)),
                ("given", JsonField(null=True, generated=False, unique=False)),
                ("answers", fields.IntField(default=0)),
                ("created_by_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "recordings",
                "app": "models",
                "indexes": [Index(fields=["bot_id", "id"]), Index(fields=["workspace_id", "id"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RecordedAnswer",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "recording",
                    fields.ForeignKeyField(
                        "models.Recording",
                        source_field="recording_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="rows",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("step_key", ShortTextField(max_length=500)),
                ("kind", fields.CharField(max_length=10)),
                ("question", fields.CharField(max_length=64)),
                ("answer", JsonField(generated=False, null=False, unique=False)),
            ],
            options={
                "table": "recorded_answers",
                "app": "models",
                "indexes": [Index(fields=["recording_id", "question"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Incident",
            name="provider",
            field=ShortTextField(null=True, max_length=100),
        ),
        ops.AddField(
            model_name="Step",
            name="source",
            field=fields.CharField(null=True, max_length=10),
        ),
    ]
