"""A furnished workspace and a request for every field of the schema, made from the schema itself:
a field that is added tomorrow is asked with what its arguments are called, by their types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)
from tortoise import fields as columns
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.models import Model

from server.api.access import IN_PERSON, MANAGER_OR_IN_PERSON, ONESELF, Needs
from server.api.schema import schema as strawberry_schema
from server.bots import service as bots
from server.core.ids import IdKind, new_uuid, public_id
from server.executions import service as executions
from server.executions.service import StartRequest
from server.models import tables
from server.models.enums import ApprovalStatus, Role
from server.workspaces.access import ROLE_SCOPES, Viewer
from tests.support.rooms import Home

SCHEMA = strawberry_schema._schema
PURE = 'processor ("same") { "result" }'

ROOTS = ("Query", "Mutation", "Subscription")

# What each kind of id names. A kind that is not here cannot be asked for: add its table.
TABLES: dict[str, type[Model]] = {
    "bot": tables.Bot,
    "version": tables.BotVersion,
    "execution": tables.Execution,
    "approval": tables.Approval,
    "incident": tables.Incident,
    "connection": tables.Connection,
    "budget": tables.Budget,
    "notice": tables.BudgetNotice,
    "price": tables.ModelPrice,
    "token": tables.ApiToken,
    "member": tables.Member,
    "invitation": tables.Invitation,
    "session": tables.Session,
    "audit": tables.AuditEntry,
    "recording": tables.Recording,
    "chat": tables.ChatSession,
    "bundle": tables.Bundle,
    "notification": tables.Notification,
    "bookmark": tables.Bookmark,
    "user": tables.User,
    "workspace": tables.Workspace,
}
# Where an id's argument is not called after its kind.
KINDS: dict[str, str] = {
    "oldVersionId": "version",
    "newVersionId": "version",
    "actorId": "user",
    "subjectId": "bot",
    "continues": "execution",
    "ids": "bot",
    "readNotifications.ids": "notification",
    "dismissNotifications.ids": "notification",
    "node": "bot",
    "chatSession": "chat",
    "chatTokens.sessionId": "chat",
    "sendChatMessage.sessionId": "chat",
    "deleteChat.sessionId": "chat",
}
# What a value is, where its type alone does not say.
VALUES: dict[str, Any] = {
    "source": PURE,
    "old": PURE,
    "new": PURE,
    "query": "{ viewer { role } }",
    "edit": {"edit": "rename", "entity": "x", "name": "y"},
    "email": "new@example.org",
    "newPassword": "long and unlike any other 1",
    "role": "VIEWER",
    "model": "demo:echo",
    "models": ["demo:echo"],
    "kind": "openai",
    "secrets": {"apiKey": "x"},
    "settings": {"baseUrl": "http://127.0.0.1:9/"},
    "limit": "1",
    "offset": 0,
    "days": 1,
    "tags": ["one"],
    "entity": "x",
    "expectedVersion": 1,
    "expiresAt": "2099-01-01T00:00:00Z",
    "timezone": "Europe/Berlin",
    "approve": {},
}
PLAIN: dict[str, Any] = {
    "String": "x",
    "BalSource": PURE,
    "Int": 1,
    "BigInt": 1,
    "Float": 1.0,
    "Boolean": False,
    "JSON": {},
    "Decimal": "1",
    "DateTime": "2026-01-01T00:00:00Z",
    "Duration": "P1D",
    "Cursor": "x",
}


# --- a workspace with one of everything -----------------------------------------------------


@dataclass
class Place:
    """`ids` has one public id of each kind; `rows` the ids inside."""

    owner: Viewer
    rows: dict[str, UUID] = field(default_factory=dict[str, UUID])

    @property
    def ids(self) -> dict[str, str]:
        return {kind: public_id(_kind(kind), row) for kind, row in self.rows.items()}

    def viewer(self, role: Role, scopes: frozenset[str] | None = None, **more: Any) -> Viewer:
        known = ROLE_SCOPES[role] if scopes is None else scopes
        return Viewer(
            user_id=self.owner.user_id,
            workspace_id=self.owner.workspace_id,
            role=role,
            name=self.owner.name,
            email=self.owner.email,
            workspace_name=self.owner.workspace_name,
            scopes=known,
            **more,
        )


def _kind(kind: str) -> IdKind:
    return kind  # type: ignore[return-value]


async def furnish(home: Home, name: str) -> Place:
    """One row of each kind, in a workspace of its own."""
    place = await tables.Workspace.create(name=name)
    user = await tables.User.create(email=f"{name}@example.org", name=name)
    member = await tables.Member.create(workspace_id=place.id, user_id=user.id, role=Role.OWNER)
    owner = Viewer(
        user_id=user.id,
        workspace_id=place.id,
        role=Role.OWNER,
        name=name,
        email=user.email,
        workspace_name=name,
        scopes=ROLE_SCOPES[Role.OWNER],
    )
    found = Place(owner, {"workspace": place.id, "user": user.id, "member": member.id})
    bot = await bots.create(owner, PURE, f"Bot of {name}")
    run = await executions.start(owner, home.rooms.engine, StartRequest(bot.id, 1))
    found.rows |= {"bot": bot.id, "version": run.version_id, "execution": run.id}
    await tables.BotVersion.filter(id=run.version_id).update(name="first")
    for kind, table in TABLES.items():
        if kind not in found.rows:
            found.rows[kind] = await _row(table, found)
    found.owner = replace(owner, session_id=found.rows["session"])
    return found


async def _row(table: type[Model], place: Place) -> UUID:
    values: dict[str, Any] = {}
    for name, column in table._meta.fields_map.items():
        if name in values or not _needed(name, column):
            continue
        if isinstance(column, columns.relational.ForeignKeyFieldInstance):
            values[f"{name}_id"] = _related(name, place)
        elif isinstance(column, columns.UUIDField):
            values[name] = _related(name.removesuffix("_id"), place)
        else:
            values[name] = _value(name, column)
    return (await table.create(id=new_uuid(), **values)).pk


def _needed(name: str, column: Any) -> bool:
    source = isinstance(getattr(column, "reference", None), columns.relational.RelationalField)
    own = isinstance(column, columns.Field) and not isinstance(
        column, columns.relational.BackwardFKRelation | columns.relational.ManyToManyFieldInstance
    )
    if not own or source or name == "id" or column.null or column.generated:
        return False
    automatic = getattr(column, "auto_now", False) or getattr(column, "auto_now_add", False)
    return not automatic and column.default is None and not column.has_db_default()


def _related(name: str, place: Place) -> UUID:
    known = {"invited_by": "user", "author": "user", "created_by": "user"}
    return place.rows.get(known.get(name, name)) or new_uuid()


def _value(name: str, column: Any) -> Any:
    if name == "kind" and not isinstance(column, CharEnumFieldInstance):
        return "openai"
    if name == "via":
        return "token"
    if isinstance(column, CharEnumFieldInstance):
        if column.enum_type is ApprovalStatus:
            return ApprovalStatus.PENDING
        return next(iter(column.enum_type))
    if isinstance(column, columns.DatetimeField):
        return datetime(2099, 1, 1, tzinfo=UTC)
    if isinstance(column, columns.IntField | columns.BigIntField):
        return 1
    if isinstance(column, columns.JSONField) or "Json" in type(column).__name__:
        return {}
    if isinstance(column, columns.BinaryField):
        return b"x"
    if isinstance(column, columns.BooleanField):
        return False
    return new_uuid().hex[: getattr(column, "max_length", None) or 32]


# --- a request for each field ---------------------------------------------------------------


@dataclass(frozen=True)
class Slot:
    """A place for a value: `path` from the argument inwards."""

    path: tuple[str, ...]
    type: str
    listed: bool
    needed: bool

    @property
    def name(self) -> str:
        return self.path[-1]

    def kind(self, root: str) -> str:
        """Of an ID: what it names."""
        if self.name == "id":
            return KINDS.get(root, root)
        found = (
            KINDS.get(f"{root}.{self.name}")
            or KINDS.get(self.name)
            or self.name.removesuffix("s").removesuffix("Id")
        )
        assert found in TABLES, f"say in TABLES or KINDS of samples.py what {self.name} names"
        return found


@dataclass(frozen=True)
class Asked:
    """One field of Query, Mutation or Subscription, and how to ask for it."""

    root: str
    name: str
    field: GraphQLField = field(repr=False)

    @property
    def scope(self) -> str:
        """Empty where none is needed."""
        personal = (ONESELF, IN_PERSON, MANAGER_OR_IN_PERSON)
        return "" if self.declared in personal else self.declared

    @property
    def declared(self) -> str:
        found = self.field.extensions["strawberry-definition"].extensions
        (scope,) = [one.scope for one in found if isinstance(one, Needs)]
        return scope

    def slots(self) -> Iterator[Slot]:
        for name, argument in self.field.args.items():
            yield from _slots((name,), argument.type, is_required_argument(argument), ())

    def document(self, values: dict[str, Any]) -> str:
        declared = {name: argument.type for name, argument in self.field.args.items()}
        given = [name for name in declared if name in values]
        heads = ", ".join(f"${name}: {declared[name]}" for name in given)
        passed = ", ".join(f"{name}: ${name}" for name in given)
        return (
            f"{self.root.lower()} Asked{f'({heads})' if heads else ''} "
            f"{{ {self.name}{f'({passed})' if passed else ''}{selection(self.field.type)} }}"
        )

    def values(self, ids: dict[str, str], *also: Slot) -> dict[str, Any]:
        """What is needed, and what is wanted besides."""
        found: dict[str, Any] = {
            name: {} for name, argument in self.field.args.items() if is_required_argument(argument)
        }
        for slot in self.slots():
            wanted = any(slot.path == one.path for one in also)
            if slot.needed or wanted:
                put(found, slot, self.sample(slot, ids))
        if self.name == "decideApproval":
            found["input"].setdefault("approve", {})
        if self.name == "bot" and not found:
            found["id"] = ids["bot"]
        return found

    def sample(self, slot: Slot, ids: dict[str, str]) -> Any:
        value = self._plain(slot, ids)
        return [value] if slot.listed and not isinstance(value, list) else value

    def _plain(self, slot: Slot, ids: dict[str, str]) -> Any:
        if slot.type == "ID":
            return ids[slot.kind(self.name)]
        kind = SCHEMA.type_map[slot.type]
        if slot.name in VALUES and (slot.name != "kind" or slot.type == "String"):
            return VALUES[slot.name]
        if isinstance(kind, GraphQLEnumType):
            return next(iter(kind.values))
        return PLAIN[slot.type]


def put(values: dict[str, Any], slot: Slot, value: Any) -> None:
    for name in slot.path[:-1]:
        values = values.setdefault(name, {})
    values[slot.name] = value


def _slots(
    path: tuple[str, ...], kind: Any, needed: bool, above: tuple[str, ...]
) -> Iterator[Slot]:
    named = get_named_type(kind)
    if not isinstance(named, GraphQLInputObjectType):
        yield Slot(path, named.name, is_list_type(get_nullable_type(kind)), needed)
        return
    if named.name in above or is_list_type(get_nullable_type(kind)):
        return
    for name, given in named.fields.items():
        inner = needed and is_required_input_field(given)
        yield from _slots((*path, name), given.type, inner, (*above, named.name))


def selection(kind: Any, depth: int = 0) -> str:
    """All plain values two levels deep, and the errors of a payload."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if is_abstract_type(named):
        return " { __typename }" if named.name != "UserError" else " { code message path }"
    assert isinstance(named, GraphQLObjectType)
    chosen = ["__typename"]
    for name, one in named.fields.items():
        if any(is_required_argument(argument) for argument in one.args.values()):
            continue
        if is_leaf_type(get_named_type(one.type)):
            chosen.append(name)
        elif depth < 1 and name != "edges":
            chosen.append(name + selection(one.type, depth + 1))
    return " { " + " ".join(chosen) + " }"


def everything() -> list[Asked]:
    found: list[Asked] = []
    for root in ROOTS:
        kind = SCHEMA.type_map[root]
        assert isinstance(kind, GraphQLObjectType)
        found += [Asked(root, name, one) for name, one in kind.fields.items()]
    return found


def inner_fields() -> list[tuple[str, str]]:
    """Scope and name of each field below the roots that needs one of its own."""
    found: list[tuple[str, str]] = []
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType) and kind.name not in ROOTS:
            for name, field in kind.fields.items():
                known: Any = field.extensions.get("strawberry-definition")
                needs = [one for one in getattr(known, "extensions", ()) if isinstance(one, Needs)]
                found += [(one.scope, f"{kind.name}.{name}") for one in needs]
    return found


EVERYTHING = everything()
MISSING: dict[str, str] = {kind: public_id(_kind(kind), new_uuid()) for kind in TABLES}


def denied(answer: Any) -> bool:
    """The field itself was refused, not something below it."""
    top = [one for one in answer.get("errors") or () if len(one.get("path") or ()) < 2]
    return "FORBIDDEN" in codes_of({"errors": top, "data": answer.get("data")})


def codes_of(answer: Any) -> list[str]:
    """Every code of an answer: of the top level and of payloads."""
    found = [error["extensions"]["code"] for error in answer.get("errors") or ()]
    for value in (answer.get("data") or {}).values():
        if isinstance(value, dict) and isinstance(value.get("errors"), list):
            found += [error.get("code", "") for error in value["errors"]]
    return found
