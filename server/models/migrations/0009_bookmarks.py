from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.fields import ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0008_draft_bursts")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Bookmark",
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
                        related_name="bookmarks",
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
                        related_name="bookmarks",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("bot_id", fields.UUIDField()),
                ("seq", fields.IntField()),
                ("label", ShortTextField(max_length=200)),
                ("created_by", ShortTextField(null=True, max_length=300)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "bookmarks",
                "app": "models",
                "unique_together": (("execution", "seq"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
