from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0007_cache_write_price")]

    initial = False

    operations = [
        ops.AddField(
            model_name="DraftEdit",
            name="burst",
            field=fields.CharField(default="", db_default="", max_length=64),
        ),
    ]
