"""The closed sets of the API. The names are those of the tables, in upper case."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Any, TypeVar

import strawberry

from server.bots.bulk import BotAction
from server.bots.importing import ItemStatus, Resolution
from server.core.errors import ErrorCode
from server.models.enums import (
    ApprovalKind,
    ApprovalStatus,
    AuditVia,
    BotState,
    BudgetAction,
    BudgetPeriod,
    BudgetScope,
    ConnectionStatus,
    DraftCause,
    ExecutionMode,
    ExecutionStatus,
    FailureClass,
    Priority,
    Role,
    StepStatus,
    TriggerKind,
    WaitingReason,
)
from server.tools.base import Danger as ToolDanger
from server.tools.base import Layer as ToolLayer

__all__ = [
    "ApprovalKind",
    "ApprovalStatus",
    "AuditVia",
    "BotAction",
    "BotState",
    "BudgetAction",
    "BudgetPeriod",
    "BudgetScope",
    "ConnectionStatus",
    "ControlAction",
    "DraftCause",
    "ErrorCode",
    "ExecutionMode",
    "ExecutionStatus",
    "FailureClass",
    "ImportResolution",
    "ImportStatus",
    "OrderDirection",
    "Period",
    "Priority",
    "RerunVersion",
    "Role",
    "Severity",
    "StepStatus",
    "ToolDanger",
    "ToolLayer",
    "TriggerKind",
    "WaitingReason",
]

EnumType = TypeVar("EnumType", bound=type[Enum])


def described(kind: EnumType, name: str, description: str, **values: str) -> EnumType:
    """An enum of the rooms below, with a sentence for each of its values."""
    told = strawberry.enum(kind, name=name, description=description)
    definition: Any = told.__strawberry_definition__  # pyright: ignore[reportAttributeAccessIssue]
    for value in definition.values:
        value.description = values[value.name]
    return told


described(
    AuditVia,
    "AuditVia",
    "How whoever changed something came in.",
    SESSION="A browser.",
    TOKEN="An API token.",
    COMMAND_LINE="The command line on the machine that holds the data.",
    SYSTEM="The server by itself.",
)
described(
    ErrorCode,
    "ErrorCode",
    "What kind of thing went wrong. The list grows; treat an unknown code as INTERNAL.",
    UNAUTHENTICATED="Nobody is signed in, or the token is unknown, expired or revoked.",
    FORBIDDEN="The viewer's role or the token's scopes do not allow it.",
    NOT_FOUND="No such thing in this workspace.",
    INVALID_INPUT="The input cannot be used; `path` says where.",
    BAL_INVALID="The program has mistakes.",
    CONFLICT="Somebody else changed it in the meantime.",
    ALREADY_DECIDED="A decision was already made.",
    INVALID_STATE="Not possible in the present state.",
    IDEMPOTENCY_MISMATCH="The same idempotency key came with another body.",
    LIMIT_REACHED="A limit of the request or of the workspace is reached.",
    RATE_LIMITED="Too many requests; wait.",
    BUDGET_EXCEEDED="The budget is spent.",
    TOO_LARGE="Too many bytes.",
    UNAVAILABLE="Not available for the moment; nothing was stored.",
    UPSTREAM_FAILED="Another service failed.",
    INTERNAL="A bug of ours; the request id finds it in the log.",
)
described(
    BotState,
    "BotState",
    "Where a bot stands in its life.",
    DRAFT="Never published.",
    ACTIVE="Published; its triggers are live.",
    PAUSED="Its triggers are off; it can be started by hand.",
    ARCHIVED="Put away; it cannot be started.",
)
described(
    ExecutionStatus,
    "ExecutionStatus",
    "Where an execution stands. COMPLETED, FAILED, CANCELLED and TIMED_OUT are final.",
    PENDING="Accepted, not yet taken by a worker.",
    RUNNING="A worker has it.",
    WAITING="Waits for something and holds no worker; see `waitingReason`.",
    PAUSED="Somebody paused it.",
    COMPLETED="Finished with an output.",
    FAILED="Finished with an error.",
    CANCELLED="Somebody stopped it.",
    TIMED_OUT="Its time was up.",
)
described(
    WaitingReason,
    "WaitingReason",
    "What a waiting execution waits for.",
    APPROVAL="A person's decision.",
    RETRY="The time of the next attempt.",
    CHILD="An execution that it started.",
    BUDGET="Money: the budget is spent.",
    QUEUE="A place: only so many executions of its bot run at once.",
    OUTCOME_UNKNOWN="A person who says whether an interrupted effect happened.",
    WAIT="A time that the program named.",
)
described(
    ExecutionMode,
    "ExecutionMode",
    "How models and tools are reached.",
    LIVE="For real.",
    DEMO="The offline demo model answers; nothing outside is touched.",
    RECORDED="Answers of an earlier execution are used again.",
)
described(
    ToolDanger,
    "ToolDanger",
    "What a tool may do to the world.",
    SAFE="Changes nothing outside of this server.",
    MODERATE="Changes what can be changed back, or tells somebody something.",
    DANGEROUS="May do what cannot be taken back.",
)
described(
    ToolLayer,
    "ToolLayer",
    "Where a tool comes from.",
    BUILT_IN="Shipped.",
    CONNECTION="A connection of the workspace.",
    WORKSPACE="Made by the people of the workspace, and kept.",
    EPHEMERAL="Made in an execution, for the rest of it.",
)
described(
    TriggerKind,
    "TriggerKind",
    "What started an execution.",
    MANUAL="A person in the web app.",
    API="A program with a token, or the command line.",
    SCHEDULE="A schedule.",
    WEBHOOK="A webhook call.",
    COMPLETION="The end of another bot's execution.",
    EVENT="An event that was emitted.",
    DATABASE="A change in a connected database.",
    CHAT="A conversation.",
    MCP="An MCP client.",
    PARENT="Another bot that spawned it.",
    RERUN="A repeat of an earlier execution.",
)
described(
    StepStatus,
    "StepStatus",
    "Where a step stands.",
    PENDING="Not started.",
    RUNNING="At work.",
    WAITING="Waits for something.",
    COMPLETED="Finished with an output.",
    FAILED="Finished with an error.",
    SKIPPED="Not taken: a condition said so.",
    CANCELLED="Stopped before its end.",
)
described(
    ConnectionStatus,
    "ConnectionStatus",
    "Whether a connection works.",
    CONNECTED="Its last test was good.",
    ERROR="Its last test failed.",
    UNCONFIGURED="Something is missing.",
)
described(
    BudgetScope,
    "BudgetScope",
    "Whose spending a budget counts.",
    WORKSPACE="That of everybody.",
    BOT="That of one bot.",
    EXECUTION="That of each single execution, with those it starts.",
    USER="That of what one person starts.",
)
described(
    BudgetPeriod,
    "BudgetPeriod",
    "When a budget begins anew, in the workspace's time zone.",
    DAY="At midnight.",
    WEEK="On Monday.",
    MONTH="On the first.",
    YEAR="On the first of January.",
    TOTAL="Never.",
)
described(
    BudgetAction,
    "BudgetAction",
    "What happens at the limit of a budget.",
    WARN="A notice, and the work goes on.",
    ASK="Executions wait until somebody raises it, or it begins anew.",
    STOP="The step fails with `budget_exceeded`.",
)
described(
    Role,
    "Role",
    "What a member may do, from the most to the least rights.",
    OWNER="Everything, also deleting the workspace.",
    ADMIN="Everything but deleting the workspace.",
    EDITOR="Builds, publishes and runs bots.",
    OPERATOR="Runs bots and decides approvals.",
    VIEWER="Reads.",
)


class OrderDirection(StrEnum):
    ASC = "asc"
    DESC = "desc"


class ControlAction(StrEnum):
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    STEP = "step"


class Period(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class RerunVersion(StrEnum):
    SAME = "same"
    DRAFT = "draft"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


described(
    OrderDirection,
    "OrderDirection",
    "Which way a list is sorted.",
    ASC="Smallest or oldest first.",
    DESC="Largest or newest first.",
)
described(
    Priority,
    "Priority",
    "How much a notification matters.",
    LOW="Good to know.",
    NORMAL="To be read.",
    HIGH="To be read soon.",
)

described(
    ApprovalKind,
    "ApprovalKind",
    "What is asked of a person.",
    TOOL="May this tool be used?",
    REMEDY="A step failed: what is to be done about it?",
    OUTCOME="A call was interrupted: did it happen?",
    QUESTION="What a bot wants to know: answer it.",
)
described(
    ApprovalStatus,
    "ApprovalStatus",
    "Where an approval stands. All but PENDING are final.",
    PENDING="It waits for a decision.",
    APPROVED="Somebody agreed, or chose what to do.",
    REJECTED="Somebody refused.",
    MODIFIED="Somebody agreed with other arguments.",
    EXPIRED="Nobody decided in time.",
    WITHDRAWN="Its execution, or the step that asked, ended before anybody decided.",
)
described(
    FailureClass,
    "FailureClass",
    "What kind of thing failed, which decides what helps.",
    TRANSIENT="An answer broke off, or something was away for a moment.",
    NETWORK="A provider could not be reached, or the connection to it broke.",
    SERVER="A provider was reached, and failed itself.",
    RATE_LIMIT="Too many calls for a provider.",
    AUTH="A key was refused.",
    AI="A model did not do what was asked of it.",
    TOOL="A tool or the service behind it failed.",
    DATA="Values did not have the form they need.",
    POLICY="A rule or a person said no.",
    BUDGET="A limit is used up.",
    TIMEOUT="Time was up.",
    WORKER="Workers were lost.",
    PROGRAM="The program itself is wrong.",
    UNKNOWN="For a reason that is not known.",
)
described(
    ControlAction,
    "ControlAction",
    "What to do with an execution.",
    CANCEL="Stop it for good.",
    PAUSE="Hold it before its next step.",
    RESUME="Go on after a pause.",
    STEP="Take one step, then hold again.",
)
described(
    Period,
    "Period",
    "How times are gathered.",
    HOUR="By hour.",
    DAY="By day, in UTC.",
    WEEK="By week, which begins on Monday.",
    MONTH="By month, in UTC.",
)
described(
    RerunVersion,
    "RerunVersion",
    "Which program a repeat runs.",
    SAME="The version of the earlier execution.",
    DRAFT="The bot's draft as it is now.",
)
described(
    Severity,
    "Severity",
    "How serious a remark about a program is.",
    ERROR="The program cannot run.",
    WARNING="The program runs; look at it.",
)
described(
    DraftCause,
    "DraftCause",
    "Where a change of a draft came from.",
    TYPED="Written by somebody, in the editor or over the API.",
    RESTORED="An earlier version became the draft.",
    IMPORTED="A bundle brought it.",
)
described(
    BotAction,
    "BotAction",
    "What to do with a bot.",
    PAUSE="Its triggers rest; it can still be started by hand.",
    RESUME="Its triggers are live again.",
    ARCHIVE="Put it away: it cannot be started and leaves the usual list.",
    UNARCHIVE="Take it back; paused when a version is live.",
    UNPUBLISH="No version is live any more; every version stays.",
    DELETE="Delete it. Its executions stay to be looked at, its name is free again.",
    TAG="Put the given tags on it.",
    UNTAG="Take the given tags away.",
)
described(
    ItemStatus,
    "ImportStatus",
    "What applying a bundle does with one of its bots.",
    CREATE="It is not here yet and will be made, as a draft.",
    UPDATE="Its draft here is replaced; nobody changed it here since the last import.",
    UNCHANGED="It is here just so; nothing happens.",
    CONFLICT="A bot of this name was changed here; say what shall happen.",
)
described(
    Resolution,
    "ImportResolution",
    "What happens to a conflict.",
    SKIP="The bot here stays as it is.",
    OVERWRITE="Its draft is replaced; undo brings the old one back.",
    COPY="The bundle's bot is made beside it, with a number behind its name.",
)
ImportStatus = ItemStatus
ImportResolution = Resolution
