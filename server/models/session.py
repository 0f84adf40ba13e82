"""A signed-in browser. Only the hash of its token is kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import ShortTextField, id_field
from server.models.user import User
from server.models.workspace import Workspace


class Session(Model):
    id = id_field()
    token_hash = fields.CharField(max_length=64, unique=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="sessions", on_delete=fields.CASCADE
    )
    user_id: UUID
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="sessions", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    user_agent = ShortTextField(max_length=300, default="")
    address = ShortTextField(max_length=64, default="")
    created_at = fields.DatetimeField(auto_now_add=True)
    last_seen_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "sessions"
        indexes = (("user_id",), ("expires_at",))

    def usable(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at
