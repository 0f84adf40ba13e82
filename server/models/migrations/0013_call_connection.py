from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0012_usage_connection")]

    initial = False

    operations = [
        ops.AddField(
            model_name="ModelCall",
            name="connection_id",
            field=fields.UUIDField(null=True),
        ),
    ]
