from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0020_bots_running_at_once")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Bot",
            name="max_running_per_key",
            field=fields.IntField(null=True),
        ),
    ]
