from tortoise import migrations
from tortoise.migrations import operations as ops

from server.models.fields import ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0018_priority_of_executions")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Execution",
            name="concurrency_key",
            field=ShortTextField(null=True, max_length=200),
        ),
    ]
