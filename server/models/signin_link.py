"""A link that signs one person in, once, or lets them set a new password. Only the hash of its
token is kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import LinkPurpose
from server.models.fields import id_field
from server.models.user import User


class SigninLink(Model):
    id = id_field()
    token_hash = fields.CharField(max_length=64, unique=True)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name="signin_links", on_delete=fields.CASCADE
    )
    user_id: UUID
    purpose = fields.CharEnumField(
        LinkPurpose, description="", max_length=20, db_default=LinkPurpose.SIGN_IN.value
    )
    created_at = fields.DatetimeField(auto_now_add=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "signin_links"

    def usable(self, now: datetime) -> bool:
        return self.used_at is None and now < self.expires_at
