"""Who changed what, when and from where. Rows are only added. `before` and `after` never hold a
secret; `actor` is the name as it was then, because people leave. `via` is session, token, command
line or system; `address` is where the request came from."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from server.models.fields import JsonField, LongTextField, ShortTextField, id_field
from server.models.workspace import Workspace


class AuditEntry(Model):
    id = id_field()
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "models.Workspace", related_name="audit_entries", on_delete=fields.CASCADE
    )
    workspace_id: UUID
    actor_id = fields.UUIDField(null=True)
    actor = ShortTextField(max_length=300)
    via = fields.CharField(max_length=20)
    address = ShortTextField(max_length=64, db_default="")
    action = fields.CharField(max_length=60)
    subject_kind = fields.CharField(max_length=40)
    subject_id = fields.UUIDField(null=True)
    subject = ShortTextField(max_length=300)
    before = JsonField(null=True)
    after = JsonField(null=True)
    reason = LongTextField(null=True)
    created_at = fields.DatetimeField()

    class Meta(Model.Meta):
        table = "audit_entries"
        indexes = (("workspace_id", "id"), ("subject_id",), ("workspace_id", "created_at"))
