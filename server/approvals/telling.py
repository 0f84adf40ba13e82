"""Who has to know of a question: those who may answer it find it among their notifications, and
whoever looks at the list of questions looks again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from server.bus.notices import Notices
from server.core.ids import public_id
from server.core.jsontext import dumps
from server.models.enums import ApprovalKind, Priority
from server.models.tables import Approval, Bot
from server.workspaces.addressees import addressees
from server.workspaces.notifications import News, Notifier

GIVEN_LIMIT = 200


async def tell_of_question(notices: Notices, notifier: Notifier, row: Approval) -> None:
    changed(notices, row)
    bot = await Bot.get_or_none(id=row.bot_id).only("name")
    arguments: Any = row.arguments
    to = arguments.get("to") if row.kind is ApprovalKind.QUESTION else None
    news = News(
        row.workspace_id,
        _key(row),
        _title(row, "A bot" if bot is None else bot.name),
        _message(row),
        Priority.HIGH if row.kind is ApprovalKind.REMEDY else Priority.NORMAL,
        row.bot_id,
        _source(row),
    )
    await notifier.tell(news, await addressees(row.workspace_id, to))


async def question_is_over(notices: Notices, notifier: Notifier, row: Approval) -> None:
    changed(notices, row)
    await notifier.over(row.workspace_id, _key(row))


def changed(notices: Notices, row: Approval) -> None:
    notices.publish(topic(row.workspace_id), {"approvalId": str(row.id)})


def _key(row: Approval) -> str:
    return f"approval:{row.id}"


def topic(workspace_id: UUID) -> str:
    return f"approvals:{workspace_id}"


def _title(row: Approval, bot: str) -> str:
    match row.kind:
        case ApprovalKind.TOOL:
            return f"{bot} wants to use {row.tool}"
        case ApprovalKind.QUESTION:
            return f"{bot} asks"
        case ApprovalKind.OUTCOME:
            return f"{bot}: was {row.tool} done?"
        case ApprovalKind.REMEDY:
            return f"{bot} failed at {row.step_key} and waits"


def _message(row: Approval) -> str:
    """With what it means and what helps, where that is known."""
    diagnosis: dict[str, Any] = row.diagnosis or {}
    said = [row.reason or f"Agree or refuse: `{row.tool}`."]
    if diagnosis.get("cause"):
        said.append(diagnosis["cause"])
    if row.kind is ApprovalKind.OUTCOME and row.arguments is not None:
        said.insert(0, f"Given: {_short(row.arguments)}")
    labels = [action["label"].rstrip(".") for action in diagnosis.get("actions") or []]
    if labels:
        said.append(f"What helps: {'; '.join(labels)}.")
    return "\n".join(said)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else dumps(value)
    return text if len(text) <= GIVEN_LIMIT else f"{text[:GIVEN_LIMIT]}…"


def _source(row: Approval) -> dict[str, Any]:
    source = {
        "kind": "approval",
        "approvalId": public_id("approval", row.id),
        "executionId": public_id("execution", row.execution_id),
        "stepKey": row.step_key,
        "choices": row.choices,
        "diagnosis": row.diagnosis,
    }
    return {name: value for name, value in source.items() if value is not None}
