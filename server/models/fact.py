"""A fact about this installation, such as the check value of its secret key."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from server.models.fields import JsonField


class Fact(Model):
    name = fields.CharField(max_length=100, primary_key=True)
    value = JsonField()

    class Meta(Model.Meta):
        table = "facts"
