"""Connections: what is outside, and how to reach it. Secrets go in and never come out."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import strawberry
from strawberry.scalars import JSON

from server.api.access import mutation, query
from server.api.comparators import KindComparator
from server.api.context import Info
from server.api.errors import UserError, payload_errors, user_errors
from server.api.kinds import ConnectionStatus
from server.api.relay import Connection as Page
from server.api.relay import Node, connection_of
from server.api.scalars import Cursor
from server.connections import registry, service
from server.connections.base import FieldSpec as FieldSpecRow
from server.connections.base import Kind, Tested
from server.connections.service import Given
from server.connections.uses import Use
from server.core.errors import Invalid, NotFound
from server.core.ids import public_id, read_id
from server.models import tables
from server.workspaces.listing import PageAsk


@strawberry.type(description="One line of the form of a kind of connection.")
class ConnectionField:
    name: str = strawberry.field(description="Its name in `settings` or `secrets`.")
    label: str = strawberry.field(description="What stands before it.")
    type: str = strawberry.field(description="`text`, `number`, `url` or `secret`.")
    required: bool = strawberry.field(description="It must be filled in.")
    help: str = strawberry.field(description="A few words below it; may be empty.")

    @classmethod
    def of(cls, spec: FieldSpecRow) -> ConnectionField:
        return cls(
            name=spec.name,
            label=spec.label,
            type=spec.type,
            required=spec.required,
            help=spec.help,
        )


@strawberry.type(description="A kind of connection that can be made.")
class ConnectionKind:
    name: str = strawberry.field(description="What `createConnection` takes as `kind`.")
    label: str = strawberry.field(description="How it is called.")
    family: str = strawberry.field(description="What a default is chosen among, such as `ai`.")
    help: str = strawberry.field(description="What it is for.")
    fields: list[ConnectionField] = strawberry.field(description="Its form.")

    @classmethod
    def of(cls, kind: Kind) -> ConnectionKind:
        fields = [ConnectionField.of(spec) for spec in kind.fields]
        return cls(
            name=kind.name, label=kind.label, family=kind.family, help=kind.help, fields=fields
        )


@strawberry.type(description="A bot that uses a connection.")
class ConnectionUse:
    bot_id: strawberry.ID = strawberry.field(description="The bot.")
    bot_name: str = strawberry.field(description="Its name.")
    why: str = strawberry.field(
        description="How: which model or name stands in its text, or that none does."
    )
    published: bool = strawberry.field(description="In its live version, not only in the draft.")

    @classmethod
    def of(cls, use: Use) -> ConnectionUse:
        return cls(
            bot_id=strawberry.ID(public_id("bot", use.bot_id)),
            bot_name=use.bot_name,
            why=use.why,
            published=use.published,
        )


@strawberry.type(description="What the viewer may do with a connection.")
class ConnectionPermissions:
    edit: bool = strawberry.field(description="Change it.")
    test: bool = strawberry.field(description="Make a real call with it.")
    delete: bool = strawberry.field(description="Delete it with its secrets.")


@strawberry.type(description="The outcome of one real call.")
class ConnectionTest:
    ok: bool = strawberry.field(description="It works.")
    message: str = strawberry.field(description="What happened, and what to do when it failed.")
    models: list[str] | None = strawberry.field(
        description="The models that are offered; null where they are not listed."
    )
    duration_ms: int = strawberry.field(description="How long it took.")

    @classmethod
    def of(cls, tested: Tested) -> ConnectionTest:
        models = None if tested.models is None else list(tested.models)
        return cls(
            ok=tested.ok, message=tested.message, models=models, duration_ms=tested.duration_ms
        )


@strawberry.type(description="Credentials and settings of something outside.")
class Connection(Node):
    row: strawberry.Private[tables.Connection]
    kind: str = strawberry.field(description="Which kind, such as `openai`.")
    name: str = strawberry.field(description="How it is called; unique in the workspace.")
    settings: JSON = strawberry.field(description="What is no secret, by the names of its form.")
    secrets: JSON = strawberry.field(
        description="The last four characters of each stored secret, by the names of its form."
    )
    status: ConnectionStatus = strawberry.field(description="What its last test said.")
    status_message: str = strawberry.field(description="Why it does not work; else empty.")
    models: list[str] | None = strawberry.field(
        description="What it offered when it was last tested; null where it lists none."
    )
    is_default: bool = strawberry.field(description="It answers where no model is named.")
    last_checked_at: datetime | None = strawberry.field(description="When it was last tested.")
    version: int = strawberry.field(
        description="Counts its changes; send it back as `expectedVersion`."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, row: tables.Connection) -> Connection:
        return cls(
            row=row,
            id=strawberry.ID(public_id("connection", row.id)),
            kind=row.kind,
            name=row.name,
            settings=row.settings,
            secrets=row.shown,
            status=row.status,
            status_message=row.status_message,
            models=row.models,
            is_default=row.is_default,
            last_checked_at=row.last_checked_at,
            version=row.version,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @strawberry.field(description="The bots that use it.")
    async def used_by(self, info: Info) -> list[ConnectionUse]:
        desk = info.context.rooms.connections
        uses = await service.where_used(info.context.asker, desk, self.row)
        return [ConnectionUse.of(use) for use in uses]

    @strawberry.field(description="The models of the workspace's fallbacks that go through it.")
    async def in_fallbacks(self, info: Info) -> list[str]:
        desk = info.context.rooms.connections
        return await service.in_fallbacks(info.context.asker, desk, self.row)

    @strawberry.field(description="What the viewer may do with it.")
    def viewer_can(self, info: Info) -> ConnectionPermissions:
        return ConnectionPermissions(**info.context.asker.can("connection"))


@strawberry.input(description="Which connections. Every field that is given must hold.")
class ConnectionFilter:
    kind: KindComparator | None = strawberry.field(default=None, description="By kind.")


def _kinds(given: ConnectionFilter | None) -> tuple[str, ...]:
    kind = None if given is None else given.kind
    if kind is None:
        return ()
    chosen = kind.in_ if kind.eq is None else [kind.eq]
    if chosen == []:
        raise Invalid("Name at least one kind, or leave the filter out.", path=["filter", "kind"])
    return tuple(chosen or ())


@strawberry.type
class ConnectionQueries:
    @query("connections:read", "The connections of the workspace, the newest first.")
    async def connections(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        filter: ConnectionFilter | None = None,
    ) -> Page[Connection]:
        ask = PageAsk(first, after, last, before)
        page = await service.list_connections(info.context.asker, ask, _kinds(filter))
        return connection_of(page, Page[Connection], Connection.of)

    @query("connections:read", "One connection; null when there is none.")
    async def connection(self, info: Info, id: strawberry.ID) -> Connection | None:
        try:
            row = await service.get(info.context.asker, read_id("connection", id))
        except NotFound:
            return None
        return Connection.of(row)

    @query("connections:read", "The kinds of connection that can be made, each with its form.")
    async def connection_kinds(self, info: Info) -> list[ConnectionKind]:
        return [ConnectionKind.of(kind) for kind in registry.KINDS.values()]


@strawberry.input(description="Input of `createConnection`.")
class CreateConnectionInput:
    kind: str = strawberry.field(description="One of `connectionKinds`.")
    name: str | None = strawberry.field(
        default=None, description="1 to 200 characters; the kind's name when absent."
    )
    settings: JSON | None = strawberry.field(
        default=None, description="An object of what is no secret."
    )
    secrets: JSON | None = strawberry.field(
        default=None, description="An object of secrets. They are encrypted and never shown again."
    )
    is_default: bool | None = strawberry.field(
        default=None, description="Answer where no model is named; the first one does anyway."
    )
    force: bool = strawberry.field(default=False, description="Keep it though its test fails.")


@strawberry.input(description="Input of `updateConnection`; what is absent stays as it is.")
class UpdateConnectionInput:
    connection_id: strawberry.ID = strawberry.field(description="The connection.")
    name: str | None = strawberry.field(default=None, description="Another name.")
    settings: JSON | None = strawberry.field(
        default=None, description="Fields to change; null in a field empties it."
    )
    secrets: JSON | None = strawberry.field(
        default=None,
        description="Secrets to replace. A new host in the address needs its secrets anew.",
    )
    is_default: bool | None = strawberry.field(
        default=None, description="Whether it answers where no model is named."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="The `version` that the change was made on."
    )
    force: bool = strawberry.field(default=False, description="Keep it though its test fails.")


@strawberry.input(
    description="Input of `testConnection`: a stored connection, or a filled-in form."
)
class TestConnectionInput:
    connection_id: strawberry.ID | None = strawberry.field(
        default=None, description="A stored connection, tested as it is stored."
    )
    kind: str | None = strawberry.field(
        default=None, description="Of one that is not stored yet; with its settings and secrets."
    )
    settings: JSON | None = strawberry.field(
        default=None, description="An object of what is no secret."
    )
    secrets: JSON | None = strawberry.field(default=None, description="An object of secrets.")


@strawberry.input(description="Input of `deleteConnection`.")
class DeleteConnectionInput:
    connection_id: strawberry.ID = strawberry.field(description="The connection.")
    force: bool = strawberry.field(default=False, description="Delete it though it is in use.")
    reason: str | None = strawberry.field(
        default=None, description="Why, when it is deleted though it is in use; kept."
    )


@strawberry.type
class ConnectionPayload:
    connection: Connection | None = strawberry.field(
        default=None, description="What is stored now; null when nothing was."
    )
    test: ConnectionTest | None = strawberry.field(
        default=None, description="The outcome of the test before it was stored."
    )
    errors: list[UserError] = payload_errors()


Payload = TypeVar("Payload", bound=ConnectionPayload)


@strawberry.type(description="Answer of `createConnection`.")
class CreateConnectionPayload(ConnectionPayload):
    pass


@strawberry.type(description="Answer of `updateConnection`.")
class UpdateConnectionPayload(ConnectionPayload):
    pass


@strawberry.type(description="Answer of `testConnection`.")
class TestConnectionPayload:
    connection: Connection | None = strawberry.field(
        default=None, description="The stored connection with its new status."
    )
    test: ConnectionTest | None = strawberry.field(
        default=None, description="The outcome; a failed test is no error of the request."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type(description="Answer of `deleteConnection`.")
class DeleteConnectionPayload:
    connection: Connection | None = strawberry.field(
        default=None, description="What was deleted; its secrets are gone."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type
class ConnectionMutations:
    @mutation(
        "connections:write",
        CreateConnectionPayload,
        "Tests a connection by a real call and stores it. Errors: INVALID_INPUT, CONFLICT for the "
        "name, UPSTREAM_FAILED when its test failed.",
    )
    async def create_connection(
        self, info: Info, input: CreateConnectionInput
    ) -> CreateConnectionPayload:
        given = Given(
            input.name,
            _object(input.settings, "settings"),
            _object(input.secrets, "secrets"),
            input.is_default,
            input.force,
        )
        desk = info.context.rooms.connections
        try:
            row, tested = await service.create(info.context.asker, desk, input.kind, given)
        except service.TrialFailed as failed:
            return _failed(CreateConnectionPayload, failed)
        return CreateConnectionPayload(
            connection=Connection.of(row), test=ConnectionTest.of(tested)
        )

    @mutation(
        "connections:write",
        UpdateConnectionPayload,
        "Changes a connection after a test; bots go on with it. Errors: NOT_FOUND, CONFLICT, "
        "INVALID_INPUT, UPSTREAM_FAILED when its test failed.",
    )
    async def update_connection(
        self, info: Info, input: UpdateConnectionInput
    ) -> UpdateConnectionPayload:
        secrets = None if input.secrets is None else _object(input.secrets, "secrets")
        settings = None if input.settings is None else _object(input.settings, "settings")
        given = Given(input.name, settings, secrets, input.is_default, input.force)
        connection_id = read_id("connection", input.connection_id)
        desk = info.context.rooms.connections
        try:
            row, tested = await service.update(
                info.context.asker, desk, connection_id, given, input.expected_version
            )
        except service.TrialFailed as failed:
            return _failed(UpdateConnectionPayload, failed)
        return UpdateConnectionPayload(
            connection=Connection.of(row), test=ConnectionTest.of(tested)
        )

    @mutation(
        "connections:write",
        TestConnectionPayload,
        "Makes one real call: lists the models, or asks one short question. Errors: NOT_FOUND, "
        "INVALID_INPUT.",
    )
    async def test_connection(
        self, info: Info, input: TestConnectionInput
    ) -> TestConnectionPayload:
        asker, desk = info.context.asker, info.context.rooms.connections
        if input.connection_id is None:
            settings, secrets = (
                _object(input.settings, "settings"),
                _object(input.secrets, "secrets"),
            )
            tested = await service.try_out(
                asker, desk, input.kind or "", Given(None, settings, secrets)
            )
            return TestConnectionPayload(test=ConnectionTest.of(tested))
        if input.kind or input.settings or input.secrets:
            raise Invalid(
                "A stored connection is tested as it is stored.",
                hint="Give connectionId alone, or kind, settings and secrets.",
                path=["connectionId"],
            )
        row, tested = await service.test(asker, desk, read_id("connection", input.connection_id))
        return TestConnectionPayload(connection=Connection.of(row), test=ConnectionTest.of(tested))

    @mutation(
        "connections:write",
        DeleteConnectionPayload,
        "Deletes a connection and its secrets. Errors: NOT_FOUND, INVALID_STATE while bots or the "
        "fallbacks of the workspace use it, "
        "INVALID_INPUT for force without a reason.",
    )
    async def delete_connection(
        self, info: Info, input: DeleteConnectionInput
    ) -> DeleteConnectionPayload:
        row = await service.delete(
            info.context.asker,
            info.context.rooms.connections,
            read_id("connection", input.connection_id),
            force=input.force,
            reason=input.reason or "",
        )
        return DeleteConnectionPayload(connection=Connection.of(row))


def _failed(made: type[Payload], failed: service.TrialFailed) -> Payload:
    return made(test=ConnectionTest.of(failed.test), errors=user_errors(failed))


def _object(given: JSON | None, path: str) -> dict[str, object]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Invalid("This is an object of fields.", path=[path])
    return given
