"""The one table of rights: each scope, what it lets one do, and from which role up; and which scope
an action on a thing needs. The checks of the API, `viewerCan`, docs/access.md and the tests are
made from it."""

from __future__ import annotations

from dataclasses import dataclass

from server.models.enums import Role

# From the one who may most to the one who may least: each may all that those after it may.
RANKED: tuple[Role, ...] = (Role.OWNER, Role.ADMIN, Role.EDITOR, Role.OPERATOR, Role.VIEWER)

ROLE_WORDS: dict[Role, str] = {
    Role.OWNER: "everything, and alone decides who else is an owner",
    Role.ADMIN: "everything but what concerns owners",
    Role.EDITOR: "builds: bots, connections, triggers, tools",
    Role.OPERATOR: "runs: starts and steers executions, decides approvals",
    Role.VIEWER: "looks, and changes nothing",
}


@dataclass(frozen=True, slots=True)
class Right:
    """`lowest` is the role that may least of those who have it. `of_bots`: each thing it opens
    belongs to a bot, so that it can be given for some of them."""

    scope: str
    lowest: Role
    words: str
    of_bots: bool = False

    def belongs_to(self, role: Role) -> bool:
        return RANKED.index(role) <= RANKED.index(self.lowest)


RIGHTS: tuple[Right, ...] = (
    Right("bots:read", Role.VIEWER, "see bots, their versions and programs", True),
    Right(
        "executions:read", Role.VIEWER, "see executions, their events, approvals, incidents", True
    ),
    Right("connections:read", Role.VIEWER, "see connections, never their secrets"),
    Right("executions:run", Role.OPERATOR, "start executions and do ended ones again", True),
    Right("executions:control", Role.OPERATOR, "cancel, pause, resume and change executions", True),
    Right("approvals:decide", Role.OPERATOR, "decide for a step that waits", True),
    Right("bots:write", Role.EDITOR, "make, change and delete bots, delete their executions", True),
    Right("bots:publish", Role.EDITOR, "make a draft the live version", True),
    Right("connections:write", Role.EDITOR, "make, test, change and delete connections"),
    Right("triggers:write", Role.EDITOR, "make, pause and change triggers"),
    Right("tools:write", Role.EDITOR, "make and change tools"),
    Right("costs:read", Role.EDITOR, "see costs, prices and budgets"),
    Right("costs:write", Role.ADMIN, "set prices and budgets"),
    Right("members:write", Role.ADMIN, "invite and remove people, change roles, end their tokens"),
    Right("audit:read", Role.ADMIN, "read and export the audit log"),
)

SCOPES: tuple[str, ...] = tuple(sorted(right.scope for right in RIGHTS))
ROLE_SCOPES: dict[Role, frozenset[str]] = {
    role: frozenset(right.scope for right in RIGHTS if right.belongs_to(role)) for role in Role
}
# All that a token for some bots can have: the rest concerns the workspace as a whole.
BOT_SCOPES: frozenset[str] = frozenset(right.scope for right in RIGHTS if right.of_bots)

# What `viewerCan` of each thing says, and the scope behind it. What a thing's state forbids comes
# on top, in the API.
ACTIONS: dict[str, dict[str, str]] = {
    "workspace": {
        "create_bots": "bots:write",
        "create_connections": "connections:write",
        "create_triggers": "triggers:write",
        "create_budgets": "costs:write",
        "see_costs": "costs:read",
        "manage_members": "members:write",
        "read_audit": "audit:read",
    },
    "bot": {
        "edit": "bots:write",
        "run": "executions:run",
        "publish": "bots:publish",
        "delete": "bots:write",
    },
    "version": {"restore": "bots:write", "run": "executions:run"},
    "execution": {
        "cancel": "executions:control",
        "pause": "executions:control",
        "resume": "executions:control",
        "modify": "executions:control",
        "retry": "executions:run",
        "delete": "bots:write",
    },
    "recording": {"replay": "executions:run", "delete": "executions:run"},
    "chat": {"send": "executions:run", "delete": "executions:run"},
    "approval": {"decide": "approvals:decide"},
    "incident": {"resolve": "executions:control"},
    "connection": {
        "edit": "connections:write",
        "test": "connections:write",
        "delete": "connections:write",
    },
    "budget": {"edit": "costs:write", "adjust": "costs:write", "delete": "costs:write"},
    "price": {"edit": "costs:write", "delete": "costs:write"},
    "costs": {"set_prices": "costs:write", "set_budgets": "costs:write"},
}


def allowed(scopes: frozenset[str], thing: str) -> dict[str, bool]:
    """Each action on a thing, and whether these scopes allow it."""
    return {action: scope in scopes for action, scope in ACTIONS[thing].items()}
