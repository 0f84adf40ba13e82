"""Bundles: what an import would do, doing it, and where to fetch an export. The bytes themselves
travel over HTTP, `POST /bundles` and `GET /bundles/bots.zip`."""

from __future__ import annotations

import asyncio
import hashlib
from urllib.parse import urlencode

import strawberry

from server.api.access import mutation, query
from server.api.bots import Bot
from server.api.context import Info
from server.api.errors import UserError, payload_errors
from server.api.kinds import ImportResolution, ImportStatus
from server.api.scalars import BalSource
from server.api.versions import BotComparison
from server.bots import exporting, importing, tags
from server.bots.bundle import pack
from server.bots.comparing import compare
from server.bots.importing import Applied, Decisions, Item, Preview
from server.core.errors import Invalid
from server.core.ids import public_id, read_id
from server.tools.catalogue import catalogue

DOWNLOAD = "/bundles/bots.zip"


@strawberry.type(description="A connection that a bundle speaks of; never its settings.")
class ConnectionStub:
    kind: str = strawberry.field(description="Its kind, such as `openai`.")
    name: str = strawberry.field(description="What it was called where the bundle comes from.")


@strawberry.type(description="A bundle that is ready to be fetched.")
class BundleExport:
    url: str = strawberry.field(
        description="Path of the zip; fetch it with the same session or token."
    )
    file_name: str = strawberry.field(description="What to call the file.")
    size: int = strawberry.field(description="How large it is, in bytes.")
    sha256: str = strawberry.field(description="SHA-256 of it; the same bots give the same.")
    bot_count: int = strawberry.field(description="How many bots are in it.")
    connections: list[ConnectionStub] = strawberry.field(
        description="What must be set up where the bundle arrives."
    )


@strawberry.type(description="One bot of a bundle and what applying it would do.")
class ImportItem:
    item: strawberry.Private[Item]
    name: str = strawberry.field(description="Its name in the bundle.")
    status: ImportStatus = strawberry.field(description="What applying the bundle would do.")
    source: BalSource = strawberry.field(description="Its text in the bundle.")
    tags: list[str] = strawberry.field(description="Its tags in the bundle.")
    mistake_count: int = strawberry.field(
        description="Mistakes of its text; it arrives, and cannot run before they are mended."
    )
    missing_connections: list[str] = strawberry.field(
        description="Kinds of connection that its models need and that are not here."
    )
    missing_tools: list[str] = strawberry.field(
        description="Tools that its text names and that are not here."
    )

    @classmethod
    def of(cls, item: Item) -> ImportItem:
        return cls(
            item=item,
            name=item.bundled.name,
            status=item.status,
            source=BalSource(item.bundled.source),
            tags=list(item.bundled.tags),
            mistake_count=item.mistakes,
            missing_connections=list(item.missing_connections),
            missing_tools=list(item.missing_tools),
        )

    @strawberry.field(description="The bot of this name here; null when there is none.")
    def bot(self) -> Bot | None:
        return Bot.of(self.item.there) if self.item.there is not None else None

    @strawberry.field(
        description="From the draft here to the bundle's text; null when there is no bot here."
    )
    async def comparison(self) -> BotComparison | None:
        there = self.item.there
        if there is None:
            return None
        return BotComparison.of(
            await asyncio.to_thread(compare, there.source, self.item.bundled.source)
        )


@strawberry.type(description="What applying a bundle would do. Nothing was changed.")
class ImportPreview:
    items: list[ImportItem] = strawberry.field(description="Every bot of the bundle, by name.")
    create_count: int = strawberry.field(description="How many would be made.")
    update_count: int = strawberry.field(description="How many would get another draft.")
    unchanged_count: int = strawberry.field(description="How many are here just so.")
    conflict_count: int = strawberry.field(description="How many need a decision.")
    missing_connections: list[ConnectionStub] = strawberry.field(
        description="Connections of the bundle whose kind is not set up here."
    )

    @classmethod
    def of(cls, found: Preview) -> ImportPreview:
        return cls(
            items=[ImportItem.of(item) for item in found.items],
            create_count=found.count(ImportStatus.CREATE),
            update_count=found.count(ImportStatus.UPDATE),
            unchanged_count=found.count(ImportStatus.UNCHANGED),
            conflict_count=found.count(ImportStatus.CONFLICT),
            missing_connections=[
                ConnectionStub(kind=stub.kind, name=stub.name) for stub in found.missing_connections
            ],
        )


@strawberry.type(description="A tag and how many bots have it.")
class BotTag:
    name: str = strawberry.field(description="The word.")
    bot_count: int = strawberry.field(description="How many bots have it.")


@strawberry.type
class BundleQueries:
    @query("bots:read", "Every tag that is on a bot, by name, at most 200.")
    async def bot_tags(self, info: Info) -> list[BotTag]:
        found = await tags.all_tags(info.context.asker)
        return [BotTag(name=name, bot_count=count) for name, count in found]

    @query(
        "bots:read",
        "A bundle of these bots, or of all: a zip of text files without any secret. Errors: "
        "NOT_FOUND, LIMIT_REACHED above 500, INVALID_STATE when a text holds what looks like a "
        "key.",
    )
    async def bundle_export(
        self, info: Info, bot_ids: list[strawberry.ID] | None = None
    ) -> BundleExport:
        ids = None if bot_ids is None else [read_id("bot", one) for one in bot_ids]
        contents = await exporting.contents(info.context.asker, ids)
        data = await asyncio.to_thread(pack, contents)
        named = "" if ids is None else "?" + urlencode([("bot", public_id("bot", i)) for i in ids])
        return BundleExport(
            url=DOWNLOAD + named,
            file_name="bots.zip",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            bot_count=len(contents.bots),
            connections=[ConnectionStub(kind=s.kind, name=s.name) for s in contents.connections],
        )

    @query(
        "bots:write",
        "What applying an uploaded bundle would do now: made, changed, unchanged, in conflict, and "
        "what is missing here. Changes nothing. Errors: NOT_FOUND, INVALID_INPUT.",
    )
    async def preview_import(self, info: Info, bundle_id: strawberry.ID) -> ImportPreview:
        asker = info.context.asker
        tools = await catalogue(asker.workspace_id)
        found = await importing.preview(asker, read_id("bundle", bundle_id), tools.names)
        return ImportPreview.of(found)


@strawberry.input(description="What happens to one conflict.")
class ImportDecision:
    name: str = strawberry.field(description="The bot's name in the bundle.")
    resolution: ImportResolution = strawberry.field(description="What happens.")


@strawberry.input(description="Input of `applyImport`.")
class ApplyImportInput:
    bundle_id: strawberry.ID = strawberry.field(description="What `POST /bundles` answered.")
    on_conflict: ImportResolution | None = strawberry.field(
        default=None, description="For every conflict without a word of its own."
    )
    decisions: list[ImportDecision] = strawberry.field(
        default_factory=list, description="For single conflicts."
    )


@strawberry.type(description="What became of one bot of a bundle.")
class ImportedBot:
    name: str = strawberry.field(description="Its name in the bundle.")
    status: ImportStatus = strawberry.field(description="What it was before.")
    bot: Bot | None = strawberry.field(description="The bot here; null when it was left out.")

    @classmethod
    def of(cls, one: Applied) -> ImportedBot:
        made = Bot.of(one.bot) if one.bot is not None else None
        return cls(name=one.item.bundled.name, status=one.item.status, bot=made)


@strawberry.type(description="Answer of `applyImport`.")
class ApplyImportPayload:
    results: list[ImportedBot] = strawberry.field(
        default_factory=list, description="Every bot of the bundle; empty when it was refused."
    )
    errors: list[UserError] = payload_errors()


@strawberry.type
class BundleMutations:
    @mutation(
        "bots:write",
        ApplyImportPayload,
        "Applies a bundle, all of it or nothing. What arrives is a draft and never live; to apply "
        "it again changes nothing. Errors: NOT_FOUND, CONFLICT with the names that need a "
        "decision, INVALID_INPUT.",
    )
    async def apply_import(self, info: Info, input: ApplyImportInput) -> ApplyImportPayload:
        by_name = {one.name: one.resolution for one in input.decisions}
        if len(by_name) != len(input.decisions):
            raise Invalid("There are two decisions for one bot.", path=["decisions"])
        done = await importing.apply(
            info.context.asker,
            read_id("bundle", input.bundle_id),
            Decisions(input.on_conflict, by_name),
        )
        return ApplyImportPayload(results=[ImportedBot.of(one) for one in done])
