from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0016_session_of_executions")]

    initial = False

    operations = [
        ops.AddIndex(model_name="Execution", index=Index(fields=["session_id", "id"])),
    ]
