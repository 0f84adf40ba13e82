from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0013_call_connection")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Bot",
            name="retention_version",
            field=fields.IntField(default=1, db_default=1),
        ),
    ]
