from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0006_cache_write_tokens")]

    initial = False

    operations = [
        ops.AddField(
            model_name="ModelPrice",
            name="cache_write_nano",
            field=fields.BigIntField(null=True),
        ),
    ]
