"""That the secret of a connection was used by executions stands in the audit log: once for each
connection and day (UTC). Which executions they were stands in their own calls."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from server.core.clock import Clock
from server.core.logs import get_logger
from server.models.away import is_away
from server.models.tables import AuditEntry
from server.workspaces import audit

ACTION = "connection.secret_used"
EXECUTIONS = audit.Actor(None, "executions", "system")
REMEMBERED_AT_MOST = 10_000

log = get_logger(__name__)


class SecretUses:
    """Looks into the log at the first use of a day that this process sees. Two processes that are
    first at the same moment may write one entry each."""

    def __init__(self) -> None:
        self._noted: dict[UUID, date] = {}

    async def note(self, workspace_id: UUID, connection: UUID, name: str, clock: Clock) -> None:
        """A call is not held up by a log that cannot be written: the next one tries again."""
        today = clock.now().astimezone(UTC).date()
        if self._noted.get(connection) == today:
            return
        if len(self._noted) >= REMEMBERED_AT_MOST:
            self._noted.clear()
        self._noted[connection] = today
        try:
            await _write(workspace_id, audit.Subject("connection", connection, name), today, clock)
        except Exception as error:
            self._noted.pop(connection, None)
            if not is_away(error):
                raise
            log.warning("secret_use_not_noted", connection=str(connection), error=str(error))


async def _write(workspace_id: UUID, subject: audit.Subject, today: date, clock: Clock) -> None:
    begun = datetime.combine(today, time(), UTC)
    known = AuditEntry.filter(
        workspace_id=workspace_id, subject_id=subject.id, action=ACTION, created_at__gte=begun
    )
    if not await known.exists():
        await audit.record_by(EXECUTIONS, workspace_id, ACTION, subject, clock=clock)
