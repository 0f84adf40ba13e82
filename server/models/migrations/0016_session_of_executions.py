from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0015_chat_sessions")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Execution",
            name="session_id",
            field=fields.UUIDField(null=True),
        ),
    ]
