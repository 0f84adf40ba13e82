"""An execution with its steps, as the outside sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, cast
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from server.api.access import part
from server.api.context import Info
from server.api.diagnosis import Diagnosis
from server.api.events import Event, event_of
from server.api.execution_entities import AwaitedEvent, ExecutionEntity
from server.api.kinds import ExecutionMode, ExecutionStatus, StepStatus, TriggerKind, WaitingReason
from server.api.model_calls import ModelCall
from server.api.relay import Connection, Node, PageInfo, connection_of
from server.api.row_fields import made_of_row, of_row, reads_all
from server.api.scalars import BigInt, Cursor, dollars, whole
from server.api.written import written_state
from server.bots.service import many as many_bots
from server.bots.service import many_versions, versions_and_bots
from server.core.errors import NotFound
from server.core.ids import public_id
from server.core.paging import page_size
from server.engine.blobs import Blobs
from server.engine.conversation import CONVERSATION
from server.executions import calls, happenings, kinship, marks, modifying, recordings, service
from server.executions.calls import story_of
from server.executions.replaying import recording_of
from server.models import tables
from server.models.large import Large
from server.workspaces.listing import PageAsk

if TYPE_CHECKING:
    from server.api.bots import Bot, BotVersion
    from server.api.chats import ChatSession
    from server.api.marks import Snapshot
    from server.api.recordings import Recording


@strawberry.type(description="Tokens and money. Money is in US dollars, as exact decimal text.")
class Usage:
    row: strawberry.Private[tables.Execution | tables.Step]
    input_tokens: BigInt = of_row("input_tokens", "Tokens sent to models.")
    output_tokens: BigInt = of_row("output_tokens", "Tokens that models wrote.")
    total_tokens: BigInt = of_row("total_tokens", "Both together.")
    cost: Decimal | None = made_of_row(
        lambda row: None if row.cost_nano is None else dollars(row.cost_nano),
        "What it cost; null when no price is known for the model.",
    )
    estimated: bool = of_row(
        "estimated", "The provider reported no tokens, so they were counted here."
    )
    unpriced: bool = of_row("unpriced", "A model without a known price took part.")


@strawberry.type(
    description="A value of more than 1 MiB (64 KiB once a run has stored 10 MiB). In its place "
    'stands `{"$large": {blob, url, bytes, preview}}`.'
)
class Blob:
    id: strawberry.ID = strawberry.field(description="Names it for as long as its execution lives.")
    url: str = strawberry.field(description="Where the whole JSON is read, with the same rights.")
    bytes: BigInt = strawberry.field(description="Its size as JSON.")
    sha256: str = strawberry.field(description="Of its JSON, in hexadecimal.")
    preview: str = strawberry.field(description="How it begins.")

    @classmethod
    def of(cls, value: Any) -> Blob | None:
        if not isinstance(value, Large):
            return None
        name = public_id("blob", value.id)
        return cls(
            id=strawberry.ID(name),
            url=f"/blobs/{name}",
            bytes=BigInt(value.size),
            sha256=value.sha256,
            preview=value.preview,
        )


def shown(value: Any) -> Any:
    return value.to_json() if isinstance(value, Large) else value


@strawberry.type(description="Why an execution or a step did not finish well.")
class ExecutionError:
    kind: str = strawberry.field(description="The run error's word, such as `model_unknown`.")
    message: str = strawberry.field(description="What happened.")
    hint: str | None = strawberry.field(description="What to do about it, when known.")
    step_key: str | None = strawberry.field(description="The step in which it happened.")
    diagnosis: Diagnosis | None = strawberry.field(description="What it means and what helps.")

    @classmethod
    def of(cls, error: dict[str, Any] | None) -> ExecutionError | None:
        if not error:
            return None
        return cls(
            kind=str(error.get("kind") or "failed"),
            message=str(error.get("message") or "It failed without a message."),
            hint=error.get("hint"),
            step_key=error.get("step_key") or error.get("stepKey"),
            diagnosis=Diagnosis.of(error.get("diagnosis")),
        )


@strawberry.type(description="Where an answer does not fit what was asked for.")
class StepIssue:
    path: JSON | None = strawberry.field(description="The way to it, as names and numbers.")
    code: str = strawberry.field(description="What is wrong, in one word.")
    message: str = strawberry.field(description="What is wrong.")

    @classmethod
    def many(cls, issues: Any) -> list[StepIssue]:
        return [
            cls(path=one.get("path"), code=one.get("code") or "other", message=one["message"])
            for one in issues or []
        ]


@strawberry.type(description="One step of an execution, with what it was given and answered.")
class Step:
    execution_id: strawberry.Private[UUID]
    key: str = strawberry.field(description="Names the step inside its execution, for ever.")
    parent_key: str | None = strawberry.field(description="The block around it.")
    name: str = strawberry.field(description="What a person calls it.")
    type: str = strawberry.field(description="Its kind: entity, tool, parallel, loop, …")
    status: StepStatus = strawberry.field(description="Where it stands.")
    position: int = strawberry.field(description="Its place in the order of starting.")
    attempt: int = strawberry.field(description="Which try this was, from 1.")
    reused: bool = strawberry.field(description="The result was taken over, not made again.")
    input: JSON | None = strawberry.field(description="What it was given.")
    output: JSON | None = strawberry.field(description="What it answered.")
    input_blob: Blob | None = strawberry.field(description="Its input, when that is large.")
    output_blob: Blob | None = strawberry.field(description="Its output, when that is large.")
    error: ExecutionError | None = strawberry.field(description="Why it failed.")
    requested_model: str | None = strawberry.field(description="The model the program names.")
    model: str | None = strawberry.field(description="The model that answered.")
    provider: str | None = strawberry.field(description="Who runs that model.")
    source: str | None = strawberry.field(
        description="`cache` or `recorded` when no model was asked, which costs nothing."
    )
    usage: Usage = strawberry.field(description="Tokens and money.")
    cached_tokens: BigInt = strawberry.field(
        description="Of the tokens sent: those that the provider had in its cache."
    )
    cache_write_tokens: BigInt = strawberry.field(
        description="Of the tokens sent: those that the provider put into its cache."
    )
    reasoning_tokens: BigInt = strawberry.field(
        description="Of the tokens written: those that the model thought with."
    )
    issues: list[StepIssue] = strawberry.field(
        description="Where its answer does not fit the output block, and whether it was cut off."
    )
    ttft_ms: BigInt | None = strawberry.field(description="Milliseconds to the first text.")
    started_at: datetime | None = strawberry.field(description="When it started.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    duration_ms: BigInt | None = strawberry.field(description="Milliseconds of work.")

    @classmethod
    def of(cls, row: tables.Step) -> Step:
        return cls(
            execution_id=row.execution_id,
            key=row.key,
            parent_key=row.parent_key,
            name=row.name,
            type=row.type,
            status=row.status,
            position=row.position,
            attempt=row.attempt,
            reused=row.reused,
            input=shown(row.input),
            output=shown(row.output),
            input_blob=Blob.of(row.input),
            output_blob=Blob.of(row.output),
            error=ExecutionError.of(row.error),
            requested_model=row.requested_model,
            model=row.model,
            provider=row.provider,
            source=row.source,
            usage=Usage(row=row),
            cached_tokens=BigInt(row.cached_tokens),
            cache_write_tokens=BigInt(row.cache_write_tokens),
            reasoning_tokens=BigInt(row.reasoning_tokens),
            issues=StepIssue.many(row.issues),
            ttft_ms=whole(row.ttft_ms),
            started_at=row.started_at,
            finished_at=row.finished_at,
            duration_ms=whole(row.duration_ms),
        )

    @strawberry.field(
        description="How often its model was asked again because an answer did not fit the output "
        "block."
    )
    async def repairs(self, info: Info) -> int:
        return sum(row.repair for row in await self._calls(info))

    @strawberry.field(
        description="Tokens that its models wrote in a second, from the first one on; null when "
        "none was asked."
    )
    async def tokens_per_second(self, info: Info) -> float | None:
        return calls.tokens_per_second(await self._calls(info))

    @strawberry.field(
        description="Its questions to models in the order in which they ended, failed ones too; "
        "of one execution the first thousand."
    )
    async def model_calls(self, info: Info) -> list[ModelCall]:
        return [ModelCall.of(row) for row in await self._calls(info)]

    @strawberry.field(
        description="What became of its attempts in a line, such as `anthropic 429, waited 7 s; "
        "openai answered`; null when the first one was answered."
    )
    async def story(self, info: Info) -> str | None:
        return story_of(await self._calls(info))

    @strawberry.field(
        description="The execution of another bot that it started; of several tries the last one. "
        "Its own steps stand in there, and so on. Of a step that was taken over: the one that it "
        "had started then."
    )
    async def child(self, info: Info) -> Execution | None:
        loaders = info.context.loaders
        started = loaders.children_taken_over if self.reused else loaders.children
        found = await started.load(self.execution_id)
        row = found.get(self.key)
        return None if row is None else Execution.of(row)

    async def _calls(self, info: Info) -> list[tables.ModelCall]:
        found = await info.context.loaders.calls.load(self.execution_id)
        return found.get(self.key, [])


@strawberry.type(description="What the viewer may do with an execution now.")
class ExecutionPermissions:
    cancel: bool = strawberry.field(description="Stop it.")
    pause: bool = strawberry.field(description="Hold it before its next step.")
    resume: bool = strawberry.field(description="Let it go on after a pause, or take one step.")
    modify: bool = strawberry.field(description="Change an entity for the rest of it.")
    retry: bool = strawberry.field(description="Do it again, as a whole or from a step.")
    delete: bool = strawberry.field(description="Delete it for good; only what has ended.")


# Beyond these, texts of one bot that came once for each of its versions would cost more than a
# second statement.
MANY_VERSIONS = 10


@dataclass(frozen=True, slots=True)
class Beside:
    """The bots and versions of a page, read at once: fifty rows need no fifty coroutines."""

    bots: Mapping[UUID, Bot]
    versions: Mapping[UUID, BotVersion]


async def beside(info: Info, rows: Sequence[tables.Execution]) -> Beside:
    """Reads only what the document names."""
    from server.api.bots import Bot, BotVersion

    asker, fields = info.context.asker, info.context.fields
    bot_ids = list({row.bot_id for row in rows}) if "bot" in fields else []
    version_ids = list({row.version_id for row in rows}) if "version" in fields else []
    if bot_ids and version_ids and len(version_ids) <= MANY_VERSIONS:
        versions, bots = await versions_and_bots(asker, version_ids)
    else:
        bots = await many_bots(asker, bot_ids) if bot_ids else {}
        versions = await many_versions(asker, version_ids) if version_ids else {}
    return Beside(
        {key: Bot.of(row) for key, row in bots.items()},
        {key: BotVersion.of(row) for key, row in versions.items()},
    )


async def _bot(info: Info, bot_id: UUID) -> Bot | None:
    from server.api.bots import Bot

    row = await info.context.loaders.bot.load(bot_id)
    return Bot.of(row) if row is not None else None


async def _version(info: Info, version_id: UUID) -> BotVersion | None:
    from server.api.bots import BotVersion

    row = await info.context.loaders.version.load(version_id)
    return BotVersion.of(row) if row is not None else None


@strawberry.type(description="One run of one version of a bot.")
class Execution(Node):
    row: strawberry.Private[tables.Execution]
    beside: strawberry.Private[Beside | None]
    id: strawberry.ID = made_of_row(
        lambda row: public_id("execution", row.id),
        "Type prefix and a UUIDv7 in base32, e.g. `bot_…`; the same everywhere.",
    )
    status: ExecutionStatus = of_row("status", "Where it stands.")
    waiting_reason: WaitingReason | None = of_row(
        "waiting_reason",
        "What it waits for, while it is WAITING; QUEUE also of a PENDING one that finds no place "
        "among the running executions of its bot.",
    )
    mode: ExecutionMode = of_row("mode", "How models and tools are reached.")
    trigger_kind: TriggerKind = of_row("trigger_kind", "What started it.")
    input: JSON | None = made_of_row(lambda row: shown(row.input), "What it was given.")
    output: JSON | None = made_of_row(lambda row: shown(row.output), "What it answered.")
    input_blob: Blob | None = made_of_row(
        lambda row: Blob.of(row.input), "Its input, when that is large."
    )
    output_blob: Blob | None = made_of_row(
        lambda row: Blob.of(row.output), "Its output, when that is large."
    )
    error: ExecutionError | None = made_of_row(
        lambda row: ExecutionError.of(row.error), "Why it did not finish well."
    )
    usage: Usage = made_of_row(lambda row: Usage(row=row), "Tokens and money of all its steps.")
    created_at: datetime = of_row("created_at", "When it was accepted.")
    started_at: datetime | None = of_row("started_at", "When a worker first took it.")
    finished_at: datetime | None = of_row("finished_at", "When it ended.")
    duration_ms: BigInt | None = made_of_row(
        lambda row: _lasted(row), "Milliseconds from its start to its end."
    )
    queued_ms: BigInt | None = of_row("queued_ms", "Milliseconds from acceptance to its start.")
    last_seq: int = of_row("last_seq", "Number of its latest event.")
    concurrency_key: str | None = of_row(
        "concurrency_key", "Of those with the same key its bot runs only so many at once."
    )
    priority: int = of_row("priority", "1 to 9: in its workspace 9 goes first and 1 last.")

    @strawberry.field(description="The bot; null when it is gone.")
    @reads_all(lambda sources: _beside_of(sources, "bots", "bot_id"))
    def bot(self, info: Info) -> Annotated[Bot, strawberry.lazy("server.api.bots")] | None:
        if self.beside is not None:
            return self.beside.bots.get(self.row.bot_id)
        return _bot(info, self.row.bot_id)  # type: ignore[return-value]  # awaited by the executor

    @strawberry.field(description="The frozen version that it runs; null when the bot is gone.")
    @reads_all(lambda sources: _beside_of(sources, "versions", "version_id"))
    def version(
        self, info: Info
    ) -> Annotated[BotVersion, strawberry.lazy("server.api.bots")] | None:
        if self.beside is not None:
            return self.beside.versions.get(self.row.version_id)
        return _version(info, self.row.version_id)  # type: ignore[return-value]

    @strawberry.field(
        description="Its steps in the order in which they started, at most the first 1000; "
        "`stepPages` gives all of very many."
    )
    async def steps(self, info: Info) -> list[Step]:
        rows = await service.steps(info.context.asker, self.row.id)
        return [Step.of(row) for row in rows]

    @strawberry.field(description="Its steps in the order in which they were first written down.")
    async def step_pages(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Step]:
        ask = PageAsk(first, after, last, before)
        page = await service.step_page(info.context.asker, self.row.id, ask)
        return connection_of(page, Connection[Step], Step.of)

    @strawberry.field(description="The execution that started it, when one did.")
    async def parent(self, info: Info) -> Execution | None:
        return await _related(info, self.row.parent_id)

    @strawberry.field(
        description="The entities of its version, with what people changed for the rest of it; "
        "none when the version is gone."
    )
    async def entities(self, info: Info) -> list[ExecutionEntity]:
        context = info.context
        found = await modifying.entities(context.asker, context.rooms.engine, self.row)
        return [ExecutionEntity.of(entity) for entity in found]

    @strawberry.field(
        description="The events that its steps wait for, the earliest first; the first thousand."
    )
    async def awaited_events(self, info: Info) -> list[AwaitedEvent]:
        if self.row.status.final:
            return []
        rows = await happenings.awaited(info.context.asker, self.row.id)
        return [AwaitedEvent.of(row) for row in rows]

    @strawberry.field(description="The executions that it has started, the earliest first.")
    async def children(
        self,
        info: Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
    ) -> Connection[Execution]:
        ask = PageAsk(first, after, last, before)
        page = await kinship.children(info.context.asker, self.row.id, ask)
        return connection_of(page, Connection[Execution], Execution.of)

    @strawberry.field(
        description="Its questions to models, of one step or of all, in the order in which they "
        "ended; the first thousand."
    )
    async def model_calls(self, info: Info, step_key: str | None = None) -> list[ModelCall]:
        rows = await calls.of_execution(info.context.asker, self.row.id, step_key)
        return [ModelCall.of(row) for row in rows]

    @part(
        "executions:read",
        "What happened, from the event after number `after` on; `first` at most 100.",
    )
    async def events(
        self, info: Info, after: int | None = None, first: int | None = None
    ) -> Connection[Event]:
        return await _events_page(info, self.row, after or 0, first)

    @strawberry.field(
        description="How it stood after event number `seq`, from the stored events alone: status, "
        "input, output, error, steps by key, open approvals, changed entities, tokens, cost."
    )
    async def state_at(self, info: Info, seq: int) -> JSON:
        state = await service.state_at(
            info.context.asker, info.context.rooms.engine, self.row.id, seq
        )
        return cast("JSON", await asyncio.to_thread(written_state, state))

    @strawberry.field(
        description="Its named places in order: its start, finished calls, failures, waits, its "
        "end (at most the first 1000 of these), and what people have marked."
    )
    async def snapshots(
        self, info: Info
    ) -> list[Annotated[Snapshot, strawberry.lazy("server.api.marks")]]:
        from server.api.marks import Snapshot

        return [Snapshot.of(one) for one in await marks.snapshots(info.context.asker, self.row.id)]

    @strawberry.field(
        description="The recording that it replays, in mode RECORDED; null when that is deleted."
    )
    async def recording(
        self, info: Info
    ) -> Annotated[Recording, strawberry.lazy("server.api.recordings")] | None:
        from server.api.recordings import Recording

        found = recording_of(self.row.trigger) if self.row.mode is ExecutionMode.RECORDED else None
        if found is None:
            return None
        try:
            return Recording.of(await recordings.get(info.context.asker, found[0]))
        except NotFound:
            return None

    @part(
        "executions:read",
        "What was said before it, as a list of `{role, content}`; null for nothing.",
    )
    async def conversation(self) -> JSON | None:
        trigger: Any = await Blobs().whole(self.row.trigger)
        return cast("JSON", (trigger or {}).get(CONVERSATION))

    @strawberry.field(
        description="The conversation of which it is a message; null when that is deleted."
    )
    async def chat_session(
        self, info: Info
    ) -> Annotated[ChatSession, strawberry.lazy("server.api.chats")] | None:
        from server.api.chats import ChatSession

        known = self.row.session_id
        row = None if known is None else await info.context.loaders.chat.load(known)
        return None if row is None else ChatSession.of(row)

    @strawberry.field(description="The execution that it repeats, when it does.")
    async def forked_from(self, info: Info) -> Execution | None:
        return await _related(info, self.row.forked_from_id)

    @strawberry.field(description="The first step that was done anew.")
    def forked_from_step(self) -> str | None:
        return self.row.forked_from_step

    @strawberry.field(description="Its repeats, the latest first, at most 100.")
    async def forks(self, info: Info) -> list[Execution]:
        rows = await service.forks(info.context.asker, self.row.id)
        return [Execution.of(row) for row in rows]

    @strawberry.field(description="What the viewer may do with it now.")
    def viewer_can(self, info: Info) -> ExecutionPermissions:
        can, status = info.context.asker.can("execution"), self.row.status
        goes_on, paused = not status.final, status is ExecutionStatus.PAUSED
        return ExecutionPermissions(
            cancel=can["cancel"] and goes_on,
            pause=can["pause"] and goes_on and not paused,
            resume=can["resume"] and paused,
            modify=can["modify"] and goes_on,
            retry=can["retry"] and status.final,
            delete=can["delete"] and status.final,
        )

    @classmethod
    def of(cls, row: tables.Execution, *, beside: Beside | None = None) -> Execution:
        """The row may have been read without what the document does not name."""
        return cls(row=row, beside=beside)


def _beside_of(sources: Sequence[Execution], among: str, column: str) -> list[Any]:
    """Of pages, whose rows share the same few ids; executions by themselves have nothing beside
    them."""
    pages = {id(source.beside): source.beside for source in sources}
    known = {key: one for page in pages.values() for key, one in getattr(page, among).items()}
    ids = list(map(attrgetter(f"row.{column}"), sources))
    found = {key: known.get(one) for key, one in {id(one): one for one in ids}.items()}
    return [found[key] for key in map(id, ids)]


def _lasted(row: tables.Execution) -> int | None:
    """What ended while nobody held it, such as one cancelled while it waited, has no worker that
    measured it."""
    if row.duration_ms is not None or row.started_at is None or row.finished_at is None:
        return row.duration_ms
    return max(0, round((row.finished_at - row.started_at).total_seconds() * 1000))


async def _related(info: Info, execution_id: UUID | None) -> Execution | None:
    if execution_id is None:
        return None
    try:
        return Execution.of(await service.get(info.context.asker, execution_id))
    except NotFound:
        return None


async def _events_page(
    info: Info, row: tables.Execution, after: int, first: int | None
) -> Connection[Event]:
    size = page_size(first)
    store = info.context.rooms.engine.store
    found = await store.events(row.id, max(after, 0), size + 1)
    shown_ones = found[:size]
    page = PageInfo(
        has_next_page=len(found) > size,
        has_previous_page=after > 0,
        start_cursor=Cursor(str(shown_ones[0].seq)) if shown_ones else None,
        end_cursor=Cursor(str(shown_ones[-1].seq)) if shown_ones else None,
    )

    async def count() -> int:
        """Numbers have no holes, so the last one is the count."""
        return row.last_seq

    return Connection[Event](
        rows=[event_of(event) for event in shown_ones],
        cursors=lambda: [str(event.seq) for event in shown_ones],
        page_info=page,
        count=count,
    )
