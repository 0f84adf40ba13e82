"""The whole schema, joined from the rooms, and the one way an answer's errors are tidied."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from server.api.answering import AnsweringMutations, AnsweringQueries
from server.api.approvals import ApprovalMutations, ApprovalQueries
from server.api.audit import AuditQueries
from server.api.bal import BalQueries
from server.api.bot_changes import BotChangeMutations
from server.api.bots import BotMutations, BotQueries
from server.api.budgets import BudgetMutations, BudgetQueries
from server.api.bundles import BundleMutations, BundleQueries
from server.api.changes import ChangeSubscriptions
from server.api.chat_tokens import ChatSubscriptions
from server.api.chats import ChatMutations, ChatQueries
from server.api.concurrency import ConcurrencyMutations
from server.api.connections import ConnectionMutations, ConnectionQueries
from server.api.context import Context
from server.api.costs import CostMutations, CostQueries
from server.api.errors import (
    BalError,
    BudgetError,
    ConflictError,
    InputError,
    is_unavailable,
    tidy,
)
from server.api.estimates import EstimateQueries
from server.api.events import EVENT_KINDS, OtherEvent
from server.api.executions import ExecutionMutations, ExecutionQueries
from server.api.gated import GatedSchema
from server.api.health import HealthQueries
from server.api.incidents import IncidentMutations, IncidentQueries
from server.api.limits import Gate
from server.api.live import ExecutionSubscriptions
from server.api.many_executions import ManyExecutionMutations
from server.api.marks import MarkMutations
from server.api.members import MemberMutations, MemberQueries
from server.api.nodes import NodeQueries
from server.api.notifications import NotificationMutations, NotificationQueries
from server.api.pricing import PricingQueries
from server.api.projecting import ProjectingExecutor
from server.api.queue import QueueQueries
from server.api.recordings import RecordingMutations, RecordingQueries
from server.api.rerun_estimate import RerunQueries
from server.api.run_limits import RunLimitMutations, RunLimitQueries
from server.api.scalars import SCALARS
from server.api.sessions import SessionMutations, SessionQueries
from server.api.templates import TemplateQueries
from server.api.tokens import TokenMutations, TokenQueries
from server.api.tools import ToolQueries
from server.api.versions import VersionQueries
from server.api.viewer import ViewerQueries
from server.api.vitals import VitalSubscriptions
from server.api.watching import may_watch, recognised, watched
from server.api.words import describe
from server.api.workspaces import WorkspaceMutations, WorkspaceQueries


@strawberry.type(description="Everything that can be asked. All of it is about one workspace.")
class Query(
    ViewerQueries,
    NodeQueries,
    BotQueries,
    VersionQueries,
    BundleQueries,
    ExecutionQueries,
    RerunQueries,
    ApprovalQueries,
    NotificationQueries,
    RunLimitQueries,
    IncidentQueries,
    BalQueries,
    TemplateQueries,
    ToolQueries,
    TokenQueries,
    MemberQueries,
    SessionQueries,
    WorkspaceQueries,
    AuditQueries,
    HealthQueries,
    ConnectionQueries,
    CostQueries,
    EstimateQueries,
    BudgetQueries,
    PricingQueries,
    AnsweringQueries,
    RecordingQueries,
    ChatQueries,
    QueueQueries,
):
    pass


@strawberry.type(
    description="Everything that can be changed. What a caller can mend stands in the payload's "
    "`errors`; nothing was stored then."
)
class Mutation(
    BotMutations,
    BotChangeMutations,
    BundleMutations,
    ExecutionMutations,
    ManyExecutionMutations,
    MarkMutations,
    ApprovalMutations,
    NotificationMutations,
    RunLimitMutations,
    IncidentMutations,
    TokenMutations,
    MemberMutations,
    SessionMutations,
    WorkspaceMutations,
    ConnectionMutations,
    CostMutations,
    BudgetMutations,
    AnsweringMutations,
    RecordingMutations,
    ChatMutations,
    ConcurrencyMutations,
):
    pass


@strawberry.type(
    description="What happens while you listen, over `graphql-transport-ws` or `graphql-sse`."
)
class Subscription(
    ExecutionSubscriptions, ChangeSubscriptions, VitalSubscriptions, ChatSubscriptions
):
    pass


class Schema(GatedSchema):
    async def stream(self, query: str | None, *args: Any, **kwargs: Any) -> Any:
        """What many look at is answered once for all of them."""
        context: Context = kwargs["context_value"]
        context.streaming = True
        name = kwargs.get("operation_name")
        watch = recognised(self._schema, query, kwargs.get("variable_values"), name)
        if watch is not None and await may_watch(watch, context):
            return watched(self._schema, watch, context)
        return await super().stream(query, *args, **kwargs)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Strawberry would print a traceback for each; expected ones are not crashes."""
        context: Any = execution_context.context if execution_context else None
        tidy(errors, context.request_id if context is not None else "-")
        if context is not None and any(map(is_unavailable, errors)):
            context.rooms.database.writes.refused()


schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[InputError, BalError, BudgetError, ConflictError, OtherEvent, *EVENT_KINDS.values()],
    extensions=[Gate],
    execution_context_class=ProjectingExecutor,
    config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
)
describe(schema._schema)


def sdl() -> str:
    """The text of graphql-schema/schema.graphql."""
    return schema.as_str() + "\n"
