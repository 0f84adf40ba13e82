"""The root component and the table of pages."""

from typing import Any

from reactpy import component, use_scope

from frontend.kit.messages import MessagesContext, use_new_messages
from frontend.kit.place import Route, Router
from frontend.kit.query import closed_in, state_of
from frontend.pages.account import AccountPage
from frontend.pages.approvals import ApprovalsPage
from frontend.pages.audit import AuditPage
from frontend.pages.bot import BotPage
from frontend.pages.bots import BotsPage
from frontend.pages.compare import ComparePage
from frontend.pages.connections import ConnectionsPage
from frontend.pages.costs import CostsPage
from frontend.pages.execution import ExecutionPage
from frontend.pages.executions import ExecutionsPage
from frontend.pages.explorer import ExplorerPage
from frontend.pages.import_bots import ImportPage
from frontend.pages.incidents import IncidentsPage
from frontend.pages.limits import LimitsPage
from frontend.pages.members import MembersPage
from frontend.pages.new_bot import NewBotPage
from frontend.pages.not_found import NotFoundPage
from frontend.pages.queue import QueuePage
from frontend.pages.sign_in import SignInPage
from frontend.pages.tokens import TokensPage
from frontend.pages.versions import VersionsPage
from frontend.pages.workspace import WorkspacePage
from frontend.shell import bare_frame, frame

PAGES: list[Route] = [
    (r"/|/bots", BotsPage),
    (r"/bots/new", NewBotPage),
    (r"/bots/import", ImportPage),
    (r"/bots/(?P<bot_id>[^/]+)/versions", VersionsPage),
    (r"/bots/(?P<bot_id>[^/]+)", BotPage),
    (r"/executions", ExecutionsPage),
    (r"/executions/(?P<execution_id>[^/]+)", ExecutionPage),
    (r"/executions/(?P<execution_id>[^/]+)/compare/(?P<other_id>[^/]+)", ComparePage),
    (r"/approvals", ApprovalsPage),
    (r"/queue", QueuePage),
    (r"/connections", ConnectionsPage),
    (r"/costs", CostsPage),
    (r"/settings|/settings/members", MembersPage),
    (r"/settings/tokens", TokensPage),
    (r"/settings/account", AccountPage),
    (r"/settings/audit", AuditPage),
    (r"/settings/limits", LimitsPage),
    (r"/settings/workspace", WorkspacePage),
    (r"/explorer", ExplorerPage),
    (r"/incidents", IncidentsPage),
]


def open_pages(closed: frozenset[str]) -> list[Route]:
    """Without those that the operator has switched off."""
    return [route for route in PAGES if route[0] not in closed]


@component
def App() -> Any:
    messages = use_new_messages()
    scope = use_scope()
    if state_of(scope).get("viewer") is None:
        pages = Router([], SignInPage, bare_frame)
    else:
        pages = Router(open_pages(closed_in(scope)), NotFoundPage, frame)
    return MessagesContext(pages, value=messages)
