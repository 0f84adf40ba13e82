"""Who is asking, what they may (the table is in `permissions`), and the one filter by workspace."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from tortoise.models import Model
from tortoise.queryset import QuerySet

from server.core.errors import Denied, NotFound
from server.models.enums import Role
from server.models.tables import Bot
from server.workspaces.permissions import ROLE_SCOPES, SCOPES, allowed

__all__ = [
    "ROLE_SCOPES",
    "SCOPES",
    "Viewer",
    "mine",
    "one_of_mine",
    "require",
    "require_all_bots",
    "scopes_of",
]

Table = TypeVar("Table", bound=Model)


@dataclass(frozen=True, slots=True)
class Viewer:
    """One person or program in one workspace. `scopes` is what is left of the role's rights after
    the token's own; `bot_ids` narrows it to some bots. `session_id` or `token_id` is what let them
    in, `address` where they are."""

    user_id: UUID
    workspace_id: UUID
    role: Role
    name: str
    email: str
    workspace_name: str = ""
    scopes: frozenset[str] = frozenset()
    bot_ids: frozenset[UUID] | None = None
    via_token: bool = False
    session_id: UUID | None = None
    token_id: UUID | None = None
    address: str = ""

    def seen_from(self, address: str) -> Viewer:
        return replace(self, address=address) if address else self

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    @property
    def narrowed(self) -> bool:
        """A token that was made for some scopes or some bots."""
        less = self.bot_ids is not None or self.scopes != ROLE_SCOPES[self.role]
        return self.via_token and less

    def can(self, thing: str) -> dict[str, bool]:
        """Each action of the table on a thing: what `viewerCan` begins with."""
        return allowed(self.scopes, thing)


def scopes_of(role: Role, narrowed: Iterable[str] | None = None) -> frozenset[str]:
    rights = ROLE_SCOPES[role]
    return rights if narrowed is None else rights & frozenset(narrowed)


def require(viewer: Viewer, scope: str) -> None:
    if not viewer.may(scope):
        raise Denied(f"This needs the scope {scope}, which you do not have here.")


def require_all_bots(viewer: Viewer) -> None:
    """For what makes new bots: they would belong to nobody's narrow token."""
    if viewer.bot_ids is not None:
        raise Denied("This token is for some bots only, so it cannot make others.")


def mine(viewer: Viewer, table: type[Table]) -> QuerySet[Table]:
    """Every read and write of a workspace's rows starts here."""
    rows = table.filter(workspace_id=viewer.workspace_id)
    if viewer.bot_ids is None:
        return rows
    if issubclass(table, Bot):
        return rows.filter(id__in=list(viewer.bot_ids))
    if "bot_id" in table._meta.fields_map:
        return rows.filter(bot_id__in=list(viewer.bot_ids))
    return rows


async def one_of_mine(viewer: Viewer, table: type[Table], row_id: UUID, what: str) -> Table:
    """A row of another workspace and one that never was look the same."""
    row = await mine(viewer, table).get_or_none(id=row_id)
    if row is None:
        raise NotFound.of(what)
    return row
