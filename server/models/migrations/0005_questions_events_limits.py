from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.enums import Priority
from server.models.fields import JsonField, LongTextField, ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0004_accounts_and_invitations")]

    initial = False

    operations = [
        ops.CreateModel(
            name="EmittedEvent",
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
                        related_name="emitted_events",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", ShortTextField(max_length=200)),
                ("data", JsonField(null=True, generated=False, unique=False)),
                ("dedupe_key", ShortTextField(null=True, max_length=200)),
                ("created_by_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "emitted_events",
                "app": "models",
                "unique_together": (("workspace", "dedupe_key"),),
                "indexes": [
                    Index(fields=["workspace_id", "name", "id"]),
                    Index(fields=["created_at"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="EventWait",
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
                        related_name="event_waits",
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
                        related_name="event_waits",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("bot_id", fields.UUIDField()),
                ("step_key", ShortTextField(max_length=500)),
                ("name", ShortTextField(max_length=200)),
                ("event_id", fields.UUIDField(null=True)),
                ("told", fields.BooleanField(default=False)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "event_waits",
                "app": "models",
                "unique_together": (("execution", "step_key"),),
                "indexes": [
                    Index(fields=["workspace_id", "name", "event_id"]),
                    Index(fields=["told", "event_id"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Notification",
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
                        related_name="notifications",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("user_id", fields.UUIDField()),
                ("bot_id", fields.UUIDField(null=True)),
                ("title", ShortTextField(max_length=300)),
                ("message", LongTextField(unique=False)),
                (
                    "priority",
                    fields.CharEnumField(description="", enum_type=Priority, max_length=20),
                ),
                ("source", JsonField(null=True, generated=False, unique=False)),
                ("dedupe_key", ShortTextField(max_length=200)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("read_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                (
                    "dismissed_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "notifications",
                "app": "models",
                "unique_together": (("workspace", "user_id", "dedupe_key"),),
                "indexes": [
                    Index(fields=["workspace_id", "user_id", "id"]),
                    Index(fields=["created_at"]),
                ],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WorkspaceLimits",
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
                        related_name="limits",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("seconds", fields.IntField(null=True)),
                ("steps", fields.IntField(null=True)),
                ("calls", fields.IntField(null=True)),
                ("tokens", fields.BigIntField(null=True)),
                ("cost_nano", fields.BigIntField(null=True)),
                ("changed_by_id", fields.UUIDField(null=True)),
                ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "workspace_limits",
                "app": "models",
                "unique_together": (("workspace",),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
    ]
