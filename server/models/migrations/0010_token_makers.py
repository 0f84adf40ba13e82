from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0009_bookmarks")]

    initial = False

    operations = [
        ops.AddField(
            model_name="ApiToken",
            name="made_by_id",
            field=fields.UUIDField(null=True),
        ),
    ]
