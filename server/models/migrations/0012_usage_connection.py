from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0011_cache_write_of_steps")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Usage",
            name="connection_id",
            field=fields.UUIDField(null=True),
        ),
    ]
