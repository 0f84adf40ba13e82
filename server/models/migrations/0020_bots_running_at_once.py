from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0019_concurrency_keys")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Bot",
            name="max_running",
            field=fields.IntField(null=True),
        ),
    ]
