"""A token for a program. The prefix is shown to tell tokens apart; the rest is only a hash.
`scopes` and `bot_ids` narrow the role when they are set. `made_by_id` is the token that made it:
when that is revoked, this is too."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import Role
from server.models.fields import JsonField, ShortTextField, id_field
from server.models.user import User
from server.models.workspace import Workspace


class ApiToken(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="api_tokens", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="api_tokens", on_delete=fields.CASCADE
    )
    user_id: UUID
    name = ShortTextField(max_length=200)
    prefix = fields.CharField(max_length=20)
    token_hash = fields.CharField(max_length=64, unique=True)
    role = fields.CharEnumField(Role, description="", max_length=20)
    scopes = JsonField(null=True)
    bot_ids = JsonField(null=True)
    made_by_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "api_tokens"
        indexes = (("workspace_id",),)

    def usable(self, now: datetime) -> bool:
        expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not expired
