"""`email` is kept in lower case, so that one mailbox is one person. `password` is an argon2id hash;
null for who signs in with one-time links only."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from server.models.fields import ShortTextField, id_field


class User(Model):
    id = id_field()
    email = ShortTextField(max_length=254, unique=True)
    name = ShortTextField(max_length=200, default="")
    password = fields.CharField(max_length=200, null=True)
    password_changed_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(auto_now_add=True)
    disabled_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "users"

    @property
    def disabled(self) -> bool:
        return self.disabled_at is not None
