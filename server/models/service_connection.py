"""Credentials and settings of something outside. `name_key` is the folded name while the row lives
and NULL once it is deleted, like that of a bot. `default_for` is the family that this connection
answers for when nobody names one; at most one row of a workspace holds it. `sealed` are the secrets
under the key of the installation, `shown` their last characters."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import ConnectionStatus
from server.models.fields import JsonField, LongTextField, ShortTextField, id_field
from server.models.workspace import Workspace


class Connection(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="connections", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    kind = fields.CharField(max_length=40)
    name = ShortTextField(max_length=200)
    name_key = ShortTextField(max_length=200, null=True)
    default_for = fields.CharField(max_length=20, null=True)
    settings = JsonField(default=dict)
    sealed = JsonField(null=True)
    shown = JsonField(default=dict)
    status = fields.CharEnumField(ConnectionStatus, description="", max_length=20)
    status_message = LongTextField(default="")
    models = JsonField(null=True)
    last_checked_at = fields.DatetimeField(null=True)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)
    deleted_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "connections"
        unique_together = (("workspace", "name_key"), ("workspace", "default_for"))
        indexes = (("workspace_id", "kind"),)

    @property
    def is_default(self) -> bool:
        return self.default_for is not None
