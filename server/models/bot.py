"""`source` is the draft. `name_key` is the folded name while the bot lives and NULL once it is
deleted: no database counts two NULLs as equal, so the name is free again. The published
version is a plain id, because versions point at bots already. `retention` says how long its
executions are kept; NULL leaves that to the installation. `retention_version` counts its changes.
`draft_edit` is the number of the entry of the draft's journal that made the draft what it is: undo
moves it back. `imported_hash` is the text that a bundle brought last, to tell whether somebody
changed it here since. `max_running` of its executions run at once, and `max_running_per_key` of
those with the same key; NULL sets no limit. `concurrency_version` counts the changes of both."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.enums import BotState
from server.models.fields import JsonField, LongTextField, ShortTextField, id_field
from server.models.quick_row import QuickRow
from server.models.workspace import Workspace


class Bot(QuickRow, Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="bots", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    name = ShortTextField(max_length=200)
    name_key = ShortTextField(max_length=200, null=True)
    description = LongTextField(default="")
    icon = ShortTextField(max_length=64, default="")
    state = fields.CharEnumField(BotState, description="", max_length=20, default=BotState.DRAFT)
    source = LongTextField(default="")
    draft_version = fields.IntField(default=1)
    draft_edit = fields.IntField(default=0, db_default=0)
    edited_by_id = fields.UUIDField(null=True)
    edited_at = fields.DatetimeField(null=True)
    imported_hash = fields.CharField(max_length=64, null=True)
    published_version_id = fields.UUIDField(null=True)
    summary = JsonField(default=dict)
    retention = JsonField(null=True)
    retention_version = fields.IntField(default=1, db_default=1)
    max_running = fields.IntField(null=True)
    max_running_per_key = fields.IntField(null=True)
    concurrency_version = fields.IntField(default=1, db_default=1)
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)
    deleted_at = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "bots"
        unique_together = (("workspace", "name_key"),)
        indexes = (("workspace_id", "updated_at"),)

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def limited(self) -> bool:
        """Only so many of its executions run at once."""
        return self.max_running is not None or self.max_running_per_key is not None

    @staticmethod
    def key_of(name: str) -> str:
        """Two names with the same key are the same name to a person."""
        return name.strip().casefold()[:200]
