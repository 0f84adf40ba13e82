from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0021_bots_running_per_key")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Bot",
            name="concurrency_version",
            field=fields.IntField(default=1, db_default=1),
        ),
    ]
