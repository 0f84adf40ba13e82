"""Answers of models and results of tools, taken from an execution that has ended, to be given again
at no cost. A recording outlives the execution it was taken from.

`given` is the input of that execution and what it saw as its trigger. Of an answer `kind` is model
or tool, and `question` says what was asked, whoever was asked."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.bot import Bot
from server.models.fields import JsonField, ShortTextField, id_field
from server.models.workspace import Workspace


class Recording(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="recordings", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    bot: fields.ForeignKeyRelation[Bot] = fields.ForeignKeyField(
        "models.Bot", related_name="recordings", on_delete=fields.CASCADE
    )
    bot_id: UUID
    version_id = fields.UUIDField(null=True)
    execution_id = fields.UUIDField()
    name = ShortTextField(max_length=200)
    given = JsonField(null=True)
    answers = fields.IntField(default=0)
    created_by_id = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "recordings"
        indexes = (("bot_id", "id"), ("workspace_id", "id"))


class RecordedAnswer(Model):
    id = fields.BigIntField(primary_key=True, generated=True)
    recording: fields.ForeignKeyRelation[Recording] = fields.ForeignKeyField(
        "models.Recording", related_name="rows", on_delete=fields.CASCADE
    )
    recording_id: UUID
    step_key = ShortTextField(max_length=500)
    kind = fields.CharField(max_length=10)
    question = fields.CharField(max_length=64)
    answer = JsonField()

    class Meta(Model.Meta):
        table = "recorded_answers"
        indexes = (("recording_id", "question"),)
