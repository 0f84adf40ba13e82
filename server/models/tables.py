"""The list of tables: what Tortoise is told, and a short way to import them."""

from __future__ import annotations

from server.models.api_token import ApiToken
from server.models.approval import Approval
from server.models.audit_entry import AuditEntry
from server.models.blob import Blob, BlobPart
from server.models.bookmark import Bookmark
from server.models.bot import Bot
from server.models.bot_tag import BotTag
from server.models.bot_version import BotVersion
from server.models.budget import Budget
from server.models.budget_counter import BudgetCounter
from server.models.budget_hold import BudgetHold
from server.models.budget_notice import BudgetNotice
from server.models.bundle import Bundle
from server.models.chat_session import ChatSession
from server.models.draft_edit import DraftEdit
from server.models.emitted_event import EmittedEvent
from server.models.event import Event
from server.models.event_wait import EventWait
from server.models.execution import Execution
from server.models.fact import Fact
from server.models.incident import Incident
from server.models.invitation import Invitation
from server.models.kept_answer import KeptAnswer
from server.models.member import Member
from server.models.memory import Memory
from server.models.model_call import ModelCall
from server.models.model_price import ModelPrice
from server.models.notification import Notification
from server.models.recording import RecordedAnswer, Recording
from server.models.service_connection import Connection
from server.models.session import Session
from server.models.shared_value import SharedValue
from server.models.signin_link import SigninLink
from server.models.step import Step
from server.models.usage import Usage
from server.models.user import User
from server.models.workspace import Workspace
from server.models.workspace_limits import WorkspaceLimits

__all__ = [
    "ApiToken",
    "Approval",
    "AuditEntry",
    "Blob",
    "BlobPart",
    "Bookmark",
    "Bot",
    "BotTag",
    "BotVersion",
    "Budget",
    "BudgetCounter",
    "BudgetHold",
    "BudgetNotice",
    "Bundle",
    "ChatSession",
    "Connection",
    "DraftEdit",
    "EmittedEvent",
    "Event",
    "EventWait",
    "Execution",
    "Fact",
    "Incident",
    "Invitation",
    "KeptAnswer",
    "Member",
    "Memory",
    "ModelCall",
    "ModelPrice",
    "Notification",
    "RecordedAnswer",
    "Recording",
    "Session",
    "SharedValue",
    "SigninLink",
    "Step",
    "Usage",
    "User",
    "Workspace",
    "WorkspaceLimits",
]

# The order in which rows may be inserted: whatever is pointed at comes first.
TABLES = (
    Workspace,
    User,
    Member,
    Session,
    SigninLink,
    Invitation,
    ApiToken,
    Bot,
    BotVersion,
    BotTag,
    DraftEdit,
    Bundle,
    ChatSession,
    Execution,
    Step,
    Event,
    ModelCall,
    Usage,
    Approval,
    Bookmark,
    EmittedEvent,
    EventWait,
    Notification,
    WorkspaceLimits,
    Incident,
    Memory,
    SharedValue,
    Blob,
    BlobPart,
    Fact,
    Connection,
    ModelPrice,
    Budget,
    BudgetCounter,
    BudgetHold,
    BudgetNotice,
    Recording,
    RecordedAnswer,
    KeptAnswer,
    AuditEntry,
)
