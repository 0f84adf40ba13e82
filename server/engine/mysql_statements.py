"""The statements of the MySQL store. There is no insert that answers, so the rows to change are
locked and read first, and every table gets one statement with many rows."""

from __future__ import annotations

from collections.abc import Sequence

from server.engine.rows import (
    CALL_COLUMNS,
    CHANGE_COLUMNS,
    EVENT_COLUMNS,
    NEW_COLUMNS,
    STEP_COLUMNS,
    USAGE_COLUMNS,
)
from server.engine.store import SUSPECT_LOSSES

NOW = "UTC_TIMESTAMP(6)"
_LATER = f"TIMESTAMPADD(MICROSECOND, %s, {NOW})"


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f"`{column}`" for column in columns)


def marks(count: int) -> str:
    return ", ".join(["%s"] * count)


def _many(table: str, columns: Sequence[str], rows: int, *, row: str | None = None) -> str:
    one = row or f"({marks(len(columns))})"
    return f"INSERT INTO {table} ({_quoted(columns)}) VALUES {', '.join([one] * rows)}"


def insert_executions(rows: int) -> str:
    """A row whose id or idempotency key is taken changes nothing, and is not counted."""
    columns = (*NEW_COLUMNS, "due_at", "dispatched_at")
    row = f"({marks(len(NEW_COLUMNS))}, {_LATER}, IF(%s, {NOW}, NULL))"
    insert = _many("executions", columns, rows, row=row)
    return f"{insert} ON DUPLICATE KEY UPDATE id = executions.id"


def insert_events(rows: int) -> str:
    return _many("events", ("execution_id", "seq", *EVENT_COLUMNS), rows)


def upsert_steps(rows: int) -> str:
    taken = ", ".join(f"`{column}` = VALUES(`{column}`)" for column in STEP_COLUMNS[1:])
    insert = _many("steps", ("execution_id", *STEP_COLUMNS), rows)
    return f"{insert} ON DUPLICATE KEY UPDATE {taken}"


def insert_usage(rows: int) -> str:
    return _many("usage_records", USAGE_COLUMNS, rows)


def insert_calls(rows: int) -> str:
    return _many("model_calls", CALL_COLUMNS, rows)


def lock(rows: int) -> str:
    return f"""SELECT id, attempt, owner, status, last_seq, cancel_requested_at IS NOT NULL
    FROM executions WHERE id IN ({marks(rows)}) ORDER BY id FOR UPDATE"""


_DUE = f"TIMESTAMPADD(MICROSECOND, c.due_in, {NOW})"
# What is to be cancelled does not lie down: whoever holds it sees that in the answer and ends it.
_STAYS = """(c.status IS NULL
    OR c.status IN ('waiting', 'paused') AND e.cancel_requested_at IS NOT NULL)"""
_SET = f"""e.last_seq = e.last_seq + c.events,
    e.losses = IF(c.progress, 0, e.losses),
    e.waiting_reason = IF({_STAYS}, e.waiting_reason, c.waiting_reason),
    e.due_at = CASE WHEN {_STAYS} THEN e.due_at
        WHEN c.status = 'waiting' AND e.nudged THEN {NOW} ELSE {_DUE} END,
    e.dispatched_at = IF(c.status = 'pending' AND c.due_in = 0, {NOW}, e.dispatched_at),
    e.owner = IF({_STAYS} OR c.status = 'running', e.owner, NULL),
    e.status = IF({_STAYS}, e.status, c.status),
    e.output = COALESCE(c.output, e.output), e.error = COALESCE(c.error, e.error),
    e.started_at = COALESCE(c.started_at, e.started_at),
    e.finished_at = COALESCE(c.finished_at, e.finished_at),
    e.duration_ms = COALESCE(c.duration_ms, e.duration_ms),
    e.cancel_requested_at = COALESCE(e.cancel_requested_at, c.cancel_requested_at),
    e.cancel_reason = COALESCE(e.cancel_reason, c.cancel_reason),
    e.input_tokens = e.input_tokens + c.input_tokens,
    e.output_tokens = e.output_tokens + c.output_tokens,
    e.cost_nano = e.cost_nano + c.cost_nano,
    e.estimated = e.estimated OR c.estimated, e.unpriced = e.unpriced OR c.unpriced,
    e.control = IF(c.control IS NULL, e.control, NULLIF(c.control, '')),
    e.nudged = e.nudged OR c.nudge, e.worked_ms = e.worked_ms + c.worked_ms,
    e.priority = COALESCE(c.priority, e.priority)"""


def update_executions(rows: int) -> str:
    first = ", ".join(f"%s AS `{column}`" for column in CHANGE_COLUMNS)
    more = f" UNION ALL SELECT {marks(len(CHANGE_COLUMNS))}" * (rows - 1)
    return f"""UPDATE executions e JOIN (SELECT {first}{more}) c
    ON e.id = c.id COLLATE utf8mb4_bin SET {_SET}"""


ACCEPTED_BEFORE = """SELECT id, request_hash FROM executions WHERE id = %s
UNION ALL
SELECT id, request_hash FROM executions WHERE workspace_id = %s AND idempotency_key = %s
LIMIT 1"""

_CLAIMABLE = "status IN ('pending', 'running', 'waiting')"


_LIMITED = "(b.max_running IS NOT NULL OR b.max_running_per_key IS NOT NULL)"
# Parked until a place among the running executions of its bot is free.
NEVER = "'9999-01-01 00:00:00'"


def choose(rows: int) -> str:
    """One value for each row: MariaDB would read all bots for a NOT EXISTS."""
    return f"""SELECT id FROM executions WHERE id IN ({marks(rows)}) AND due_at <= {NOW}
    AND {_CLAIMABLE} AND (%s OR losses + (status = 'running') <> {SUSPECT_LOSSES})
    AND (%s OR status = 'running'
        OR NOT COALESCE((SELECT {_LIMITED} FROM bots b WHERE b.id = executions.bot_id), FALSE))
    ORDER BY id FOR UPDATE SKIP LOCKED"""


def limited_bots(rows: int) -> str:
    return f"""SELECT DISTINCT e.bot_id FROM executions e JOIN bots b ON b.id = e.bot_id
    WHERE e.id IN ({marks(rows)}) AND e.status <> 'running' AND {_LIMITED}"""


def lock_bots(rows: int) -> str:
    """Who claims for one of these bots, or lets one of their executions go, does so alone. This is
    the first statement of its transaction, so that what is counted then is what is there then."""
    return f"""SELECT id, max_running, max_running_per_key FROM bots WHERE id IN ({marks(rows)})
    ORDER BY id FOR UPDATE"""


def running_of(rows: int) -> str:
    return f"""SELECT e.bot_id, e.concurrency_key, COUNT(*) FROM bots b
    JOIN executions e ON e.workspace_id = b.workspace_id AND e.status = 'running'
        AND e.bot_id = b.id
    WHERE b.id IN ({marks(rows)}) GROUP BY e.bot_id, e.concurrency_key"""


def for_places(rows: int, bots: int) -> str:
    return f"""SELECT id, workspace_id, bot_id, priority, concurrency_key FROM executions
    WHERE id IN ({marks(rows)}) AND bot_id IN ({marks(bots)}) AND due_at <= {NOW}
    AND status IN ('pending', 'waiting') AND (%s OR losses <> {SUSPECT_LOSSES})
    ORDER BY id FOR UPDATE SKIP LOCKED"""


def park(rows: int) -> str:
    return f"""UPDATE executions SET waiting_reason = 'queue', due_at = {NEVER}
    WHERE id IN ({marks(rows)})"""


def parked(full: int, *, by_age: bool) -> str:
    other = f"AND (concurrency_key IS NULL OR concurrency_key NOT IN ({marks(full)}))"
    return f"""SELECT id, workspace_id, bot_id, priority, concurrency_key FROM executions
    WHERE bot_id = %s AND due_at = {NEVER} AND status IN ('pending', 'waiting')
    {other if full else ""}
    ORDER BY {"" if by_age else "priority DESC, "}id LIMIT %s FOR UPDATE SKIP LOCKED"""


def let_go(rows: int) -> str:
    return f"""UPDATE executions SET waiting_reason = NULL, due_at = {NOW}, dispatched_at = {NOW}
    WHERE id IN ({marks(rows)})"""


PARKED_BOTS = f"SELECT DISTINCT bot_id FROM executions WHERE due_at = {NEVER}"


def take(rows: int) -> str:
    """Assignments happen from left to right here, so the count looks at the old status."""
    return f"""UPDATE executions SET losses = losses + (status = 'running'), status = 'running',
    waiting_reason = NULL, owner = %s, attempt = attempt + 1, due_at = {_LATER},
    started_at = COALESCE(started_at, {NOW}), nudged = 0 WHERE id IN ({marks(rows)})"""


def taken(rows: int) -> str:
    return f"""SELECT id, workspace_id, bot_id, version_id, attempt, mode, trigger_kind, last_seq,
    losses, created_at, started_at, cancel_requested_at IS NOT NULL, input, `trigger`, control,
    worked_ms, input_tokens + output_tokens, cost_nano, start_before, priority, concurrency_key
    FROM executions WHERE id IN ({marks(rows)})"""


def held(rows: int) -> str:
    """The lock keeps the answer true until the change is made."""
    pairs = ", ".join(["(%s, %s)"] * rows)
    return f"""SELECT id, cancel_requested_at IS NOT NULL FROM executions
    WHERE status = 'running' AND owner = %s AND id IN ({marks(rows)})
    AND (id, attempt) IN ({pairs}) ORDER BY id FOR UPDATE"""


def prolong(rows: int) -> str:
    worked = " ".join(["WHEN %s THEN %s"] * rows)
    return f"""UPDATE executions SET due_at = {_LATER},
    worked_ms = worked_ms + CASE id {worked} ELSE 0 END WHERE id IN ({marks(rows)})"""


def give_back(rows: int) -> str:
    return f"""UPDATE executions SET status = 'pending', owner = NULL, due_at = {NOW},
    dispatched_at = NULL, losses = losses + %s WHERE id IN ({marks(rows)})"""


def wake(rows: int) -> str:
    return f"""UPDATE executions SET due_at = IF(status = 'waiting', {NOW}, due_at),
    nudged = nudged OR status = 'running'
    WHERE id IN ({marks(rows)}) AND status IN ('waiting', 'running')"""


HELD_BY_OTHERS = """SELECT id FROM executions
WHERE status = 'running' AND NOT (owner <=> %s) ORDER BY id FOR UPDATE"""

DUE = f"""SELECT id, workspace_id, bot_id, priority,
    TIMESTAMPDIFF(MICROSECOND, due_at, {NOW}) / 1000000
FROM executions WHERE due_at BETWEEN {_LATER} AND {NOW} AND {_CLAIMABLE} AND (
    dispatched_at IS NULL OR dispatched_at < due_at OR dispatched_at < {_LATER})
ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED"""


def sent(rows: int) -> str:
    return f"UPDATE executions SET dispatched_at = {NOW} WHERE id IN ({marks(rows)})"


STEPS = """SELECT `key`, status, attempt, output, error, type, name, parent_key, position,
    started_at FROM steps
WHERE execution_id = %s AND status NOT IN ('pending', 'running')"""

EVENTS = """SELECT seq, type, at, step_key, attempt, data FROM events
WHERE execution_id = %s AND seq > %s ORDER BY seq LIMIT %s"""
