"""The closed sets that are stored. The value is what the tables and JSON hold, the name is what
GraphQL shows."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Ordered from the most to the least rights."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    OPERATOR = "operator"
    VIEWER = "viewer"


class AuditVia(StrEnum):
    """How whoever changed something came in."""

    SESSION = "session"
    TOKEN = "token"
    COMMAND_LINE = "command line"
    SYSTEM = "system"


class LinkPurpose(StrEnum):
    """What a one-time link is good for."""

    SIGN_IN = "sign_in"
    RESET = "reset"


class BotState(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class DraftCause(StrEnum):
    """Where a change of a draft came from. Only what was typed is merged into bursts."""

    TYPED = "typed"
    RESTORED = "restored"
    IMPORTED = "imported"


class ExecutionStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def final(self) -> bool:
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset(
    {
        ExecutionStatus.COMPLETED,
        ExecutionStatus.FAILED,
        ExecutionStatus.CANCELLED,
        ExecutionStatus.TIMED_OUT,
    }
)
# An index finds these by their names; "none of the others" would look at every row.
OPEN_STATUSES = frozenset(ExecutionStatus) - FINAL_STATUSES


class WaitingReason(StrEnum):
    APPROVAL = "approval"
    RETRY = "retry"
    CHILD = "child"
    BUDGET = "budget"
    QUEUE = "queue"
    OUTCOME_UNKNOWN = "outcome_unknown"
    WAIT = "wait"


class ExecutionMode(StrEnum):
    LIVE = "live"
    DEMO = "demo"
    RECORDED = "recorded"


class TriggerKind(StrEnum):
    MANUAL = "manual"
    API = "api"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    COMPLETION = "completion"
    EVENT = "event"
    DATABASE = "database"
    CHAT = "chat"
    MCP = "mcp"
    PARENT = "parent"
    RERUN = "rerun"


class StepStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class ControlAsked(StrEnum):
    """What a person asked of a running execution: to hold at the next step, or after one."""

    PAUSE = "pause"
    STEP = "step"


class ApprovalKind(StrEnum):
    """What is asked: may this tool be used, what to do about a failure, did an interrupted effect
    happen, or what a bot wants to know."""

    TOOL = "tool"
    REMEDY = "remedy"
    OUTCOME = "outcome"
    QUESTION = "question"


class ApprovalStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    MODIFIED = "modified"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class FailureClass(StrEnum):
    """What kind of thing failed, which decides what helps."""

    TRANSIENT = "transient"
    NETWORK = "network"
    SERVER = "server"
    RATE_LIMIT = "rate_limit"
    AUTH = "auth"
    AI = "ai"
    TOOL = "tool"
    DATA = "data"
    POLICY = "policy"
    BUDGET = "budget"
    TIMEOUT = "timeout"
    WORKER = "worker"
    PROGRAM = "program"
    UNKNOWN = "unknown"


class ConnectionStatus(StrEnum):
    CONNECTED = "connected"
    ERROR = "error"
    UNCONFIGURED = "unconfigured"


class BudgetScope(StrEnum):
    """Whose spending is counted. EXECUTION: that of each single one."""

    WORKSPACE = "workspace"
    BOT = "bot"
    EXECUTION = "execution"
    USER = "user"


class BudgetPeriod(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    TOTAL = "total"


class BudgetAction(StrEnum):
    """What happens at the limit."""

    WARN = "warn"
    ASK = "ask"
    STOP = "stop"
