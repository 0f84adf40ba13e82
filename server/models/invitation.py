"""A place in a workspace that is held for an address. Only the hash of its link is kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import Role
from server.models.fields import ShortTextField, id_field
from server.models.user import User
from server.models.workspace import Workspace


class Invitation(Model):
    id = id_field()
    token_hash = fields.CharField(max_length=64, unique=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="invitations", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    invited_by: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="invitations_made", on_delete=fields.CASCADE
    )
    invited_by_id: UUID
    email = ShortTextField(max_length=254)
    role = fields.CharEnumField(Role, description="", max_length=20)
    created_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField()
    accepted_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "invitations"
        indexes = (("workspace_id", "email"),)

    def usable(self, now: datetime) -> bool:
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at
