"""A place in the log of an execution that a person has marked: the state after event `seq`."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.execution import Execution
from server.models.fields import ShortTextField, id_field
from server.models.workspace import Workspace


class Bookmark(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="bookmarks", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    execution: fields.ForeignKeyRelation[Execution] = fields.ForeignKeyField(
        "models.Execution", related_name="bookmarks", on_delete=fields.CASCADE
    )
    execution_id: UUID
    bot_id = fields.UUIDField()
    seq = fields.IntField()
    label = ShortTextField(max_length=200)
    created_by = ShortTextField(max_length=300, null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "bookmarks"
        unique_together = (("execution", "seq"),)
