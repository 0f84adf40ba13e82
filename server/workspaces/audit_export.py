"""The audit log as a file: JSON lines, or CSV for a table program."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal, get_args
from uuid import UUID

from server.core.ids import public_id
from server.core.jsontext import dumps
from server.models.tables import AuditEntry
from server.workspaces import audit
from server.workspaces.access import Viewer, require
from server.workspaces.audit import AuditFilter, every_entry

Form = Literal["csv", "jsonl"]
FORMS: tuple[str, ...] = get_args(Form)
COLUMNS = (
    "id",
    "at",
    "actor",
    "actorId",
    "via",
    "address",
    "action",
    "subjectKind",
    "subjectId",
    "subject",
    "reason",
    "before",
    "after",
)
# What a table program would run as a formula.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BREAKS = ("\t", "\r", "\n")


async def export_for(viewer: Viewer, form: Form, where: AuditFilter) -> AsyncIterator[str]:
    """A stream of text. That somebody took it along stands in the log too."""
    require(viewer, "audit:read")
    subject = audit.Subject("workspace", viewer.workspace_id, viewer.workspace_name)
    await audit.record(viewer, "audit.exported", subject, audit.Change(after={"form": form}))
    return exported(viewer.workspace_id, form, where)


async def exported(workspace_id: UUID, form: Form, where: AuditFilter) -> AsyncIterator[str]:
    """From the oldest to the latest, a batch at a time."""
    written = _as_csv if form == "csv" else _as_lines
    if form == "csv":
        yield ",".join(COLUMNS) + "\r\n"
    async for batch in every_entry(workspace_id, where):
        yield written(map(_plain, batch))


def _plain(row: AuditEntry) -> dict[str, Any]:
    return {
        "id": public_id("audit", row.id),
        "at": row.created_at.isoformat().replace("+00:00", "Z"),
        "actor": row.actor,
        "actorId": None if row.actor_id is None else public_id("user", row.actor_id),
        "via": row.via,
        "address": row.address,
        "action": row.action,
        "subjectKind": row.subject_kind,
        "subjectId": subject_id_of(row),
        "subject": row.subject,
        "reason": row.reason,
        "before": row.before,
        "after": row.after,
    }


def subject_id_of(row: AuditEntry) -> str | None:
    kinds: dict[str, Any] = {"member": "user", "secrets": None}
    if row.subject_id is None:
        return None
    try:
        return public_id(kinds.get(row.subject_kind, row.subject_kind), row.subject_id)
    except KeyError:
        return str(row.subject_id)


def _as_lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(dumps(row) + "\n" for row in rows)


def _as_csv(rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else dumps(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text[:1] in _BREAKS else text
