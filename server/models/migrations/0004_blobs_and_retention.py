from uuid import uuid4

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

from server.models.fields import JsonField, LongTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0003_bot_memory")]

    initial = False

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
        ops.AddField(
            model_name="Bot",
            name="retention",
            field=JsonField(null=True, generated=False, unique=False),
        ),
    ]
