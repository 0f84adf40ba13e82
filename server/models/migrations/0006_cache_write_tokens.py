from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0005_questions_events_limits")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Usage",
            name="cache_write_tokens",
            field=fields.BigIntField(default=0, db_default=0),
        ),
    ]
