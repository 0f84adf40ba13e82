from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("models", "0017_executions_by_session")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Execution",
            name="priority",
            field=fields.IntField(default=5, db_default=5),
        ),
    ]
