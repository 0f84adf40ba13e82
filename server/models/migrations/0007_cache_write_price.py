from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields

class Migration(migrations.Migration):
    dependencies = [('models', '0006_cache_write_tokens')]

    initial = False

    operations = [
        ops.AddField(
            model_name='ModelPrice',
            name='cache_write_nano',
            field=fields.BigIntField(null=True),
        ),
    ]
