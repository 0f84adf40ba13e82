from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from server.core.ids import new_uuid
from server.models.enums import LinkPurpose, Role
from server.models.fields import ShortTextField


class Migration(migrations.Migration):
    dependencies = [("models", "0003_bots_and_versions")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    fields.UUIDField(
                        primary_key=True, default=new_uuid, unique=True, db_index=True
                    ),
                ),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "models.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="invitations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "invited_by",
                    fields.ForeignKeyField(
                        "models.User",
                        source_field="invited_by_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="invitations_made",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("email", ShortTextField(max_length=254)),
                ("role", fields.CharEnumField(description="", enum_type=Role, max_length=20)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                (
                    "accepted_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "invitations",
                "app": "models",
                "indexes": [Index(fields=["workspace_id", "email"])],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="AuditEntry",
            name="address",
            field=ShortTextField(db_default="", max_length=64),
        ),
        ops.AddIndex(
            model_name="AuditEntry",
            index=Index(fields=["workspace_id", "created_at"]),
        ),
        ops.AddField(
            model_name="SigninLink",
            name="purpose",
            field=fields.CharEnumField(
                description="", db_default="sign_in", enum_type=LinkPurpose, max_length=20
            ),
        ),
        ops.AddField(
            model_name="User",
            name="password",
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddField(
            model_name="User",
            name="password_changed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
