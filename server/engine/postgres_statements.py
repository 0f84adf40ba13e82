"""The statements of the PostgreSQL store. A whole batch is one statement: arrays come in through
`unnest`, the fenced update says which executions may be written, and only their rows are."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from server.engine.rows import (
    CALL_COLUMNS,
    CHANGE_COLUMNS,
    COUNT_COLUMNS,
    EVENT_COLUMNS,
    NEW_COLUMNS,
    STEP_COLUMNS,
    USAGE_COLUMNS,
)
from server.engine.store import SUSPECT_LOSSES

_UUIDS = {
    "id",
    "workspace_id",
    "bot_id",
    "version_id",
    "created_by_id",
    "parent_id",
    "forked_from_id",
    "execution_id",
    "connection_id",
    "session_id",
}
_INTS = {
    "attempt",
    "losses",
    "last_seq",
    "duration_ms",
    "position",
    "ttft_ms",
    "events",
    "back",
    "try_number",
    "carried",
    "context_window",
    "priority",
}
_BIGINTS = {
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cache_write_tokens",
    "cost_nano",
    "worked_ms",
}
_BOOLS = {"estimated", "unpriced", "reused", "progress", "nudge", "repair"}


def _type(column: str) -> str:
    if column in _UUIDS:
        return "uuid"
    if column in _INTS:
        return "int"
    if column in _BIGINTS:
        return "bigint"
    if column in _BOOLS:
        return "bool"
    if column == "due_in":
        return "float8"
    return "timestamptz" if column == "at" or column.endswith(("_at", "_before")) else "text"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which kinds of row a batch holds: each has its part of the statement, and the arguments
    follow in this order."""

    new: bool
    counts: bool
    changes: bool
    events: bool
    steps: bool
    usage: bool
    calls: bool = False
    wakes: bool = False


def _quoted(columns: Sequence[str], table: str = "") -> str:
    return ", ".join(f'{table}"{column}"' for column in columns)


def _unnest(columns: Sequence[str], numbers: Iterator[int], alias: str) -> str:
    arrays = ", ".join(f"${next(numbers)}::{_type(column)}[]" for column in columns)
    return f"unnest({arrays}) AS {alias}({_quoted(columns)})"


def _seconds(column: str) -> str:
    return f"now() + {column} * interval '1 second'"


# What is to be cancelled does not lie down: whoever holds it sees that in the answer and ends it.
_STAYS = """(c.status IS NULL
    OR c.status IN ('waiting', 'paused') AND e.cancel_requested_at IS NOT NULL)"""
_COUNTS = """last_seq = e.last_seq + c.events,
    losses = CASE WHEN c.progress THEN 0 ELSE e.losses END,
    input_tokens = e.input_tokens + c.input_tokens,
    output_tokens = e.output_tokens + c.output_tokens,
    cost_nano = e.cost_nano + c.cost_nano,
    estimated = e.estimated OR c.estimated, unpriced = e.unpriced OR c.unpriced,
    worked_ms = e.worked_ms + c.worked_ms"""
_SET = f"""{_COUNTS},
    status = CASE WHEN {_STAYS} THEN e.status ELSE c.status END,
    waiting_reason = CASE WHEN {_STAYS} THEN e.waiting_reason ELSE c.waiting_reason END,
    due_at = CASE WHEN {_STAYS} THEN e.due_at
        WHEN c.status = 'waiting' AND e.nudged THEN now() ELSE {_seconds("c.due_in")} END,
    dispatched_at = CASE WHEN c.status = 'pending' AND c.due_in = 0 THEN now()
        ELSE e.dispatched_at END,
    owner = CASE WHEN {_STAYS} OR c.status = 'running' THEN e.owner END,
    output = COALESCE(c.output, e.output), error = COALESCE(c.error, e.error),
    started_at = COALESCE(c.started_at, e.started_at),
    finished_at = COALESCE(c.finished_at, e.finished_at),
    duration_ms = COALESCE(c.duration_ms, e.duration_ms),
    cancel_requested_at = COALESCE(e.cancel_requested_at, c.cancel_requested_at),
    cancel_reason = COALESCE(e.cancel_reason, c.cancel_reason),
    control = CASE WHEN c.control IS NULL THEN e.control ELSE NULLIF(c.control, '') END,
    nudged = e.nudged OR c.nudge, priority = COALESCE(c.priority, e.priority)"""

_FENCED = "e.attempt = c.attempt AND e.owner = c.owner AND e.status = 'running'"
_ALLOWED = f"""CASE WHEN c.owner IS NOT NULL THEN {_FENCED}
    ELSE e.status = ANY(string_to_array(c.open_in, ',')) END"""


@functools.cache
def batch_statement(shape: Shape) -> str:
    numbers = iter(range(1, 1000))
    parts: list[str] = []
    written: list[str] = []
    if shape.new:
        parts.append(_new_part(numbers))
        written.append("SELECT * FROM new")
    if shape.counts:
        parts.append(_count_part(numbers))
        written.append("SELECT * FROM counted")
    if shape.changes:
        parts.append(_change_part(numbers))
        written.append("SELECT * FROM moved")
    parts.append(f"done AS ({' UNION ALL '.join(written)})")
    if shape.events:
        parts.append(_event_part(numbers))
    if shape.steps:
        parts.append(_step_part(numbers))
    if shape.usage:
        parts.append(_usage_part(numbers))
    if shape.calls:
        parts.append(_call_part(numbers))
    if shape.wakes:
        parts.append(_wake_part(numbers))
    return f"WITH {', '.join(parts)} SELECT id, last_seq, cancel FROM done"


def _new_part(numbers: Iterator[int]) -> str:
    given = _unnest((*NEW_COLUMNS, "due_in"), numbers, "n")
    return f"""new AS (
    INSERT INTO executions ({_quoted(NEW_COLUMNS)}, due_at, dispatched_at)
    SELECT {_quoted(NEW_COLUMNS, "n.")}, {_seconds("n.due_in")},
        CASE WHEN n.due_in = 0 AND n.owner IS NULL THEN now() END
    FROM {given} ON CONFLICT DO NOTHING
    RETURNING id, last_seq, cancel_requested_at IS NOT NULL AS cancel)"""


def _count_part(numbers: Iterator[int]) -> str:
    """Nearly all commits of a run only count: that takes half of the arrays."""
    return f"""counted AS (
    UPDATE executions e SET {_COUNTS}
    FROM {_unnest(COUNT_COLUMNS, numbers, "c")}
    WHERE e.id = c.id AND {_FENCED}
    RETURNING e.id, e.last_seq, e.cancel_requested_at IS NOT NULL AS cancel)"""


def _change_part(numbers: Iterator[int]) -> str:
    return f"""moved AS (
    UPDATE executions e SET {_SET}
    FROM {_unnest(CHANGE_COLUMNS, numbers, "c")}
    WHERE e.id = c.id AND {_ALLOWED}
    RETURNING e.id, e.last_seq, e.cancel_requested_at IS NOT NULL AS cancel)"""


def _event_part(numbers: Iterator[int]) -> str:
    """`back` is how many events of the same commit come after this one."""
    given = _unnest(("execution_id", "back", *EVENT_COLUMNS), numbers, "v")
    return f"""ev AS (
    INSERT INTO events (execution_id, seq, {_quoted(EVENT_COLUMNS)})
    SELECT done.id, done.last_seq - v.back, {_quoted(EVENT_COLUMNS, "v.")}
    FROM {given} JOIN done ON done.id = v.execution_id)"""


def _step_part(numbers: Iterator[int]) -> str:
    given = _unnest(("execution_id", *STEP_COLUMNS), numbers, "s")
    taken = ", ".join(f'"{column}" = excluded."{column}"' for column in STEP_COLUMNS[1:])
    return f"""st AS (
    INSERT INTO steps (execution_id, {_quoted(STEP_COLUMNS)})
    SELECT done.id, {_quoted(STEP_COLUMNS, "s.")}
    FROM {given} JOIN done ON done.id = s.execution_id
    ON CONFLICT (execution_id, "key") DO UPDATE SET {taken})"""


def _usage_part(numbers: Iterator[int]) -> str:
    return f"""us AS (
    INSERT INTO usage_records ({_quoted(USAGE_COLUMNS)})
    SELECT {_quoted(USAGE_COLUMNS, "u.")}
    FROM {_unnest(USAGE_COLUMNS, numbers, "u")} JOIN done ON done.id = u.execution_id)"""


def _call_part(numbers: Iterator[int]) -> str:
    return f"""cl AS (
    INSERT INTO model_calls ({_quoted(CALL_COLUMNS)})
    SELECT {_quoted(CALL_COLUMNS, "k.")}
    FROM {_unnest(CALL_COLUMNS, numbers, "k")} JOIN done ON done.id = k.execution_id)"""


def _wake_part(numbers: Iterator[int]) -> str:
    given = _unnest(("execution_id", "id"), numbers, "w")
    return f"""wk AS (
    UPDATE executions e SET
        due_at = CASE WHEN e.status = 'waiting' THEN now() ELSE e.due_at END,
        nudged = e.nudged OR e.status = 'running'
    FROM {given} JOIN done ON done.id = w.execution_id
    WHERE e.id = w.id AND e.status IN ('waiting', 'running'))"""


ACCEPTED_BEFORE = """SELECT id, request_hash FROM executions WHERE id = $1
UNION ALL
SELECT id, request_hash FROM executions WHERE workspace_id = $2 AND idempotency_key = $3
LIMIT 1"""

_CLAIMABLE = "status IN ('pending', 'running', 'waiting')"
_LIMITED = "(b.max_running IS NOT NULL OR b.max_running_per_key IS NOT NULL)"
# Parked until a place among the running executions of its bot is free.
NEVER = "'9999-01-01 00:00:00+00'::timestamptz"
_HELD = """e.status = 'running' AND e.owner = $1
    AND e.id = h.id AND e.attempt = h.attempt"""
_PAIRS = "unnest($2::uuid[], $3::int[]) AS h(id, attempt)"

# A claim or a heartbeat lost with the server is only a lease that ends: nobody waits for the disk.
# The commits of the run itself do wait, and then the earlier claim is on the disk before them.
_QUICK = """WITH quick AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', true) AS done)"""

CLAIM = f"""{_QUICK} UPDATE executions e SET
    losses = e.losses + (e.status = 'running')::int,
    status = 'running', waiting_reason = NULL, owner = $2, attempt = e.attempt + 1,
    due_at = {_seconds("$3::float8")}, started_at = COALESCE(e.started_at, now()), nudged = false
FROM (SELECT id FROM executions WHERE id = ANY($1::uuid[]) AND due_at <= now() AND {_CLAIMABLE}
    AND ($4::bool OR losses + (status = 'running')::int <> {SUSPECT_LOSSES})
    AND ($5::bool OR status = 'running' OR NOT EXISTS (
        SELECT 1 FROM bots b WHERE b.id = executions.bot_id AND {_LIMITED}))
    FOR UPDATE SKIP LOCKED) f, quick
WHERE e.id = f.id AND quick.done = 'off'
RETURNING e.id, e.workspace_id, e.bot_id, e.version_id, e.attempt, e.mode, e.trigger_kind,
    e.last_seq, e.losses, e.created_at, e.started_at, e.cancel_requested_at IS NOT NULL,
    e.input, e."trigger", e.control, e.worked_ms, e.input_tokens + e.output_tokens, e.cost_nano,
    e.start_before, e.priority, e.concurrency_key"""

LIMITED_BOTS = f"""SELECT DISTINCT e.bot_id FROM executions e JOIN bots b ON b.id = e.bot_id
WHERE e.id = ANY($1::uuid[]) AND e.status <> 'running' AND {_LIMITED}"""

# Who claims for one of these bots, or lets one of their executions go, does so alone. What is
# inserted for the bot meanwhile only needs its key.
LOCK_BOTS = """SELECT id, max_running, max_running_per_key FROM bots WHERE id = ANY($1::uuid[])
ORDER BY id FOR NO KEY UPDATE"""

RUNNING_OF = """SELECT e.bot_id, e.concurrency_key, COUNT(*) FROM bots b
JOIN executions e ON e.workspace_id = b.workspace_id AND e.status = 'running' AND e.bot_id = b.id
WHERE b.id = ANY($1::uuid[]) GROUP BY e.bot_id, e.concurrency_key"""

FOR_PLACES = f"""SELECT id, workspace_id, bot_id, priority, concurrency_key FROM executions
WHERE id = ANY($1::uuid[]) AND bot_id = ANY($2::uuid[]) AND due_at <= now()
    AND status IN ('pending', 'waiting') AND ($3::bool OR losses <> {SUSPECT_LOSSES})
FOR UPDATE SKIP LOCKED"""

PARK = f"""UPDATE executions SET waiting_reason = 'queue', due_at = {NEVER}
WHERE id = ANY($1::uuid[])"""

LET_GO = """UPDATE executions SET waiting_reason = NULL, due_at = now(), dispatched_at = now()
WHERE id = ANY($1::uuid[])"""

PARKED_BOTS = f"SELECT DISTINCT bot_id FROM executions WHERE due_at = {NEVER}"


def parked(*, by_age: bool) -> str:
    return f"""SELECT id, workspace_id, bot_id, priority, concurrency_key FROM executions
    WHERE bot_id = $1 AND due_at = {NEVER} AND status IN ('pending', 'waiting')
        AND (concurrency_key IS NULL OR concurrency_key <> ALL($2::text[]))
    ORDER BY {"" if by_age else "priority DESC, "}id LIMIT $3 FOR UPDATE SKIP LOCKED"""


RENEW = f"""{_QUICK} UPDATE executions e SET due_at = {_seconds("$4::float8")},
    worked_ms = e.worked_ms + h.worked_ms
FROM unnest($2::uuid[], $3::int[], $5::bigint[]) AS h(id, attempt, worked_ms), quick
WHERE {_HELD} AND quick.done = 'off'
RETURNING e.id, e.cancel_requested_at IS NOT NULL"""

RELEASE = f"""UPDATE executions e SET
    status = 'pending', owner = NULL, due_at = now(), dispatched_at = NULL
FROM {_PAIRS} WHERE {_HELD} RETURNING e.id"""

RELEASE_OTHERS = """UPDATE executions SET
    status = 'pending', owner = NULL, due_at = now(), dispatched_at = NULL, losses = losses + 1
WHERE status = 'running' AND owner IS DISTINCT FROM $1 RETURNING id"""

DUE = f"""{_QUICK} UPDATE executions e SET dispatched_at = now() FROM (
    SELECT id FROM executions
    WHERE due_at BETWEEN {_seconds("$3::float8")} AND now() AND {_CLAIMABLE} AND (
        dispatched_at IS NULL OR dispatched_at < due_at
        OR dispatched_at < {_seconds("$1::float8")})
    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) f, quick
WHERE e.id = f.id AND quick.done = 'off'
RETURNING e.id, e.workspace_id, e.bot_id, e.priority,
    extract(epoch FROM now() - e.due_at)::float8"""

STEPS = """SELECT "key", status, attempt, output, error, type, name, parent_key, position,
    started_at FROM steps
WHERE execution_id = $1 AND status NOT IN ('pending', 'running')"""

EVENTS = """SELECT seq, type, at, step_key, attempt, data FROM events
WHERE execution_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"""
