"""The statements of the SQLite store."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from server.engine.rows import (
    CALL_COLUMNS,
    EVENT_COLUMNS,
    NEW_COLUMNS,
    STEP_COLUMNS,
    USAGE_COLUMNS,
)
from server.engine.store import SUSPECT_LOSSES


def _insert(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"


# Parked until a place among the running executions of its bot is free.
NEVER = "'9999-01-01 00:00:00+00:00'"
# SQLite 3.40 answers `IS NOT NULL` in RETURNING with true for this column, whatever it holds.
_CANCEL_ASKED = "typeof(cancel_requested_at) <> 'null'"
_CLAIMABLE = "status IN ('pending', 'running', 'waiting')"
_LIMITED = "(b.max_running IS NOT NULL OR b.max_running_per_key IS NOT NULL)"
_HELD = """status = 'running' AND owner = :owner AND (id, attempt) IN (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:held))"""

INSERT_EXECUTION = (
    _insert("executions", (*NEW_COLUMNS, "due_at", "dispatched_at")) + " ON CONFLICT DO NOTHING"
)

ACCEPTED_BEFORE = """SELECT id, request_hash FROM executions WHERE id = :id
UNION ALL
SELECT id, request_hash FROM executions WHERE workspace_id = :workspace AND idempotency_key = :key
LIMIT 1"""

INSERT_EVENT = _insert("events", ("execution_id", "seq", *EVENT_COLUMNS))

UPSERT_STEP = (
    _insert("steps", ("execution_id", *STEP_COLUMNS))
    + ' ON CONFLICT (execution_id, "key") DO UPDATE SET '
    + ", ".join(f'"{column}" = excluded."{column}"' for column in STEP_COLUMNS[1:])
)

INSERT_USAGE = _insert("usage_records", USAGE_COLUMNS)

INSERT_CALL = _insert("model_calls", CALL_COLUMNS)

CLAIM = f"""UPDATE executions SET
    losses = losses + (status = 'running'),
    status = 'running', waiting_reason = NULL, owner = :owner, attempt = attempt + 1,
    due_at = :until, started_at = COALESCE(started_at, :now), nudged = 0
WHERE id IN (SELECT value FROM json_each(:ids)) AND due_at <= :now AND {_CLAIMABLE}
    AND (:suspects OR losses + (status = 'running') <> {SUSPECT_LOSSES})
    AND (:placed OR status = 'running' OR NOT EXISTS (
        SELECT 1 FROM bots b WHERE b.id = executions.bot_id AND {_LIMITED}))
RETURNING id, workspace_id, bot_id, version_id, attempt, mode, trigger_kind, last_seq, losses,
    created_at, started_at, {_CANCEL_ASKED}, input, "trigger", control, worked_ms,
    input_tokens + output_tokens, cost_nano, start_before, priority,
    concurrency_key"""

LIMITED_BOTS = f"""SELECT DISTINCT b.id, b.max_running, b.max_running_per_key
FROM bots b JOIN executions e ON e.bot_id = b.id
WHERE e.id IN (SELECT value FROM json_each(:ids)) AND e.status <> 'running' AND {_LIMITED}"""

BOT = "SELECT id, max_running, max_running_per_key FROM bots WHERE id = ?"

RUNNING_OF = """SELECT e.bot_id, e.concurrency_key, COUNT(*) FROM bots b
JOIN executions e ON e.workspace_id = b.workspace_id AND e.status = 'running' AND e.bot_id = b.id
WHERE b.id IN (SELECT value FROM json_each(?)) GROUP BY e.bot_id, e.concurrency_key"""

FOR_PLACES = f"""SELECT id, workspace_id, bot_id, priority, concurrency_key FROM executions
WHERE id IN (SELECT value FROM json_each(:ids)) AND due_at <= :now
    AND status IN ('pending', 'waiting') AND (:suspects OR losses <> {SUSPECT_LOSSES})"""

PARK = f"""UPDATE executions SET waiting_reason = 'queue', due_at = {NEVER}
WHERE id IN (SELECT value FROM json_each(?))"""

LET_GO = """UPDATE executions SET waiting_reason = NULL, due_at = :now, dispatched_at = :now
WHERE id IN (SELECT value FROM json_each(:ids))"""

PARKED_BOTS = f"SELECT DISTINCT bot_id FROM executions WHERE due_at = {NEVER}"


def parked(*, by_age: bool) -> str:
    return f"""SELECT id, workspace_id, bot_id, priority, concurrency_key FROM executions
    WHERE bot_id = :bot AND due_at = {NEVER} AND status IN ('pending', 'waiting') AND (
        concurrency_key IS NULL
        OR concurrency_key NOT IN (SELECT value FROM json_each(:full)))
    ORDER BY {"" if by_age else "priority DESC, "}id LIMIT :limit"""


RENEW = f"""UPDATE executions SET due_at = :until,
    worked_ms = worked_ms + COALESCE(json_extract(:worked, '$."' || id || '"'), 0) WHERE {_HELD}
RETURNING id, {_CANCEL_ASKED}"""

RELEASE = f"""UPDATE executions SET
    status = 'pending', owner = NULL, due_at = :now, dispatched_at = NULL
WHERE {_HELD} RETURNING id"""

RELEASE_OTHERS = """UPDATE executions SET
    status = 'pending', owner = NULL, due_at = :now, dispatched_at = NULL, losses = losses + 1
WHERE status = 'running' AND owner IS NOT :owner RETURNING id"""

WAKE = """UPDATE executions SET
    due_at = CASE WHEN status = 'waiting' THEN :now ELSE due_at END,
    nudged = MAX(nudged, status = 'running')
WHERE id = :id AND status IN ('waiting', 'running')"""

DUE = f"""UPDATE executions SET dispatched_at = :now WHERE id IN (
    SELECT id FROM executions WHERE due_at BETWEEN :since AND :now AND {_CLAIMABLE} AND (
        dispatched_at IS NULL OR dispatched_at < due_at OR dispatched_at < :before)
    ORDER BY due_at LIMIT :limit)
RETURNING id, workspace_id, bot_id, priority, due_at"""

STEPS = """SELECT "key", status, attempt, output, error, type, name, parent_key, position,
    started_at FROM steps
WHERE execution_id = ? AND status NOT IN ('pending', 'running')"""

EVENTS = """SELECT seq, type, at, step_key, attempt, data FROM events
WHERE execution_id = ? AND seq > ? ORDER BY seq LIMIT ?"""

_COUNTS = """last_seq = last_seq + :events,
    losses = CASE WHEN :progress THEN 0 ELSE losses END,
    input_tokens = input_tokens + :input_tokens, output_tokens = output_tokens + :output_tokens,
    cost_nano = cost_nano + :cost_nano,
    estimated = MAX(estimated, :estimated), unpriced = MAX(unpriced, :unpriced),
    worked_ms = worked_ms + :worked_ms"""

_FACTS = """,
    output = COALESCE(:output, output), error = COALESCE(:error, error),
    started_at = COALESCE(:started_at, started_at),
    finished_at = COALESCE(:finished_at, finished_at),
    duration_ms = COALESCE(:duration_ms, duration_ms),
    cancel_requested_at = COALESCE(cancel_requested_at, :cancel_requested_at),
    cancel_reason = COALESCE(cancel_reason, :cancel_reason),
    control = CASE WHEN :control IS NULL THEN control ELSE NULLIF(:control, '') END,
    nudged = MAX(nudged, :nudge), priority = COALESCE(:priority, priority)"""

# What is to be cancelled does not lie down: whoever holds it sees that in the answer and ends it.
_STAYS = f":status IN ('waiting', 'paused') AND {_CANCEL_ASKED}"
# Columns in an index are named only when they change: naming one rewrites its index entries.
_MOVE = f""", status = CASE WHEN {_STAYS} THEN status ELSE :status END,
    waiting_reason = CASE WHEN {_STAYS} THEN waiting_reason ELSE :waiting_reason END,
    due_at = CASE WHEN {_STAYS} THEN due_at
        WHEN nudged AND :status = 'waiting' THEN :now ELSE :due_at END,
    dispatched_at = COALESCE(:dispatched_at, dispatched_at),
    owner = CASE WHEN {_STAYS} OR :status = 'running' THEN owner END"""


@functools.cache
def update_statement(*, fenced: bool, changed: bool, moved: bool, open_in: str) -> str:
    """`changed`: more than what is counted. Nearly all commits of a run only count."""
    statuses = ", ".join(f"'{status}'" for status in open_in.split(","))
    allowed = (
        "attempt = :attempt AND owner = :owner AND status = 'running'"
        if fenced
        else f"status IN ({statuses})"
    )
    return (
        f"UPDATE executions SET {_COUNTS}{_FACTS if changed else ''}{_MOVE if moved else ''} "
        f"WHERE id = :id AND {allowed} "
        f"RETURNING last_seq, {_CANCEL_ASKED}"
    )
