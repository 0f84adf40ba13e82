from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.fields import JsonField, ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0002_control")]

    initial = False

    operations = [
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
    ]
