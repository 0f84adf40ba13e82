from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from server.models.fields import JsonField, ShortTextField, id_field


class Workspace(Model):
    id = id_field()
    name = ShortTextField(max_length=200)
    timezone = fields.CharField(max_length=64, default="UTC")
    settings = JsonField(default=dict)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta(Model.Meta):
        table = "workspaces"
