"""A conversation with one bot: each message of it is an execution that names it by `session_id`.

`last_execution_id` is the execution of the latest message. Whoever sends the next one puts theirs
in its place before it is accepted, so of two at the same moment one comes too late."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.bot import Bot
from server.models.fields import ShortTextField, id_field
from server.models.workspace import Workspace


class ChatSession(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="chat_sessions", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    bot: fields.ForeignKeyRelation[Bot] = fields.ForeignKeyField(
        "models.Bot", related_name="chat_sessions", on_delete=fields.CASCADE
    )
    bot_id: UUID
    title = ShortTextField(max_length=200)
    last_execution_id = fields.UUIDField(null=True)
    created_by_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    used_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "chat_sessions"
        indexes = (("workspace_id", "id"), ("bot_id", "id"))
