from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.fields import ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0014_retention_version")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ChatSession",
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
                        related_name="chat_sessions",
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
                        related_name="chat_sessions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("title", ShortTextField(max_length=200)),
                ("last_execution_id", fields.UUIDField(null=True)),
                ("created_by_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "chat_sessions",
                "app": "models",
                "indexes": [Index(fields=["workspace_id", "id"]), Index(fields=["bot_id", "id"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
