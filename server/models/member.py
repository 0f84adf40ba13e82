from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import Role
from server.models.fields import id_field
from server.models.user import User
from server.models.workspace import Workspace


class Member(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="members", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="memberships", on_delete=fields.CASCADE
    )
    user_id: UUID
    role = fields.CharEnumField(Role, description="", max_length=20)
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta(Model.Meta):
        table = "members"
        unique_together = (("workspace", "user"),)
        indexes = (("user_id",),)
