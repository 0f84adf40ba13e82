from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.enums import DraftCause
from server.models.fields import LongTextField, ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0002_model_calls")]

    initial = False

    operations = [
        ops.CreateModel(
            name="BotTag",
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
                        related_name="tags",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("workspace_id", fields.UUIDField()),
                ("name", ShortTextField(max_length=50)),
                ("key", ShortTextField(max_length=50)),
            ],
            options={
                "table": "bot_tags",
                "app": "models",
                "unique_together": (("bot", "key"),),
                "indexes": [Index(fields=["workspace_id", "key"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Bundle",
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
                        related_name="bundles",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("author_id", fields.UUIDField()),
                ("name", ShortTextField(max_length=200)),
                ("size", fields.IntField()),
                ("sha256", fields.CharField(max_length=64)),
                ("data", LongTextField(unique=False)),
                (
                    "created_at",
                    fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={"table": "bundles", "app": "models", "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="DraftEdit",
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
                        related_name="draft_edits",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.IntField()),
                (
                    "cause",
                    fields.CharEnumField(description="", enum_type=DraftCause, max_length=20),
                ),
                ("author_id", fields.UUIDField(null=True)),
                ("started_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("place", fields.IntField()),
                ("removed", LongTextField(unique=False)),
                ("inserted", LongTextField(unique=False)),
                ("size", fields.IntField()),
                ("lines_added", fields.IntField()),
                ("lines_removed", fields.IntField()),
                ("before_hash", fields.CharField(max_length=64)),
                ("after_hash", fields.CharField(max_length=64)),
            ],
            options={
                "table": "draft_edits",
                "app": "models",
                "unique_together": (("bot", "number"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Bot",
            name="draft_edit",
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name="Bot",
            name="edited_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Bot",
            name="edited_by_id",
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name="Bot",
            name="imported_hash",
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name="BotVersion",
            name="published_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="BotVersion",
            name="published_by_id",
            field=fields.UUIDField(null=True),
        ),
    ]
