"""Conversations with a bot. Each message starts an execution that is told what was said up to the
last answer; while one of them runs, the next is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tortoise.transactions import in_transaction

from server.bots import service as bots
from server.bots.startable import startable
from server.bus.notices import Notices
from server.bus.turns import NORMAL
from server.core.clock import Clock
from server.core.errors import AppError, Invalid, InvalidState, Unavailable
from server.core.ids import new_uuid, public_id
from server.core.logs import REDACTION
from server.engine.conversation import CONVERSATION
from server.engine.engine import Engine
from server.engine.store import AlreadyAccepted
from server.executions import conversation, service
from server.executions.service import StartRequest
from server.models.enums import BotState, ExecutionMode, ExecutionStatus, TriggerKind
from server.models.tables import ChatSession, Execution
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, one_of_mine, require
from server.workspaces.listing import Page, PageAsk, read_page

TITLE_LIMIT = 200
TITLE_SHOWN = 80
CHATS_AT_ONCE = 500
# How long a message may take from its turn to its row; then its sender is taken for dead.
ACCEPTED_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Message:
    input: Any
    idempotency_key: str | None = None
    mode: ExecutionMode = ExecutionMode.LIVE
    priority: int = NORMAL
    concurrency_key: str | None = None


def topic(session_id: UUID) -> str:
    return f"chat:{session_id}"


async def start(viewer: Viewer, clock: Clock, bot_id: UUID, title: str | None) -> ChatSession:
    """Without a title its first message gives it one."""
    require(viewer, "executions:run")
    called = REDACTION.kept((title or "").strip())
    if len(called) > TITLE_LIMIT:
        raise Invalid(f"A title has at most {TITLE_LIMIT} characters.", path=["title"])
    bot = await startable(viewer, bot_id)
    if bot.state is BotState.ARCHIVED:
        raise InvalidState(f"{bot.name} is archived.", hint="Bring it back to talk to it.")
    row = ChatSession(
        id=new_uuid(),
        workspace_id=viewer.workspace_id,
        bot_id=bot.id,
        title=called,
        created_by_id=viewer.user_id,
        created_at=clock.now(),
        used_at=clock.now(),
    )
    async with in_transaction():
        await row.save(force_create=True)
        subject = audit.Subject("chat", row.id, called or bot.name)
        await audit.record(viewer, "chat.started", subject, clock=clock)
    return row


async def get(viewer: Viewer, session_id: UUID) -> ChatSession:
    require(viewer, "executions:read")
    return await one_of_mine(viewer, ChatSession, session_id, "chat")


async def to_send_to(viewer: Viewer, session_id: UUID) -> ChatSession:
    """Whoever may talk need not be allowed to read all executions."""
    require(viewer, "executions:run")
    return await one_of_mine(viewer, ChatSession, session_id, "chat")


async def many(viewer: Viewer, ids: Sequence[UUID]) -> Mapping[UUID, ChatSession]:
    require(viewer, "executions:read")
    rows = await mine(viewer, ChatSession).filter(id__in=list(ids))
    return {row.id: row for row in rows}


async def list_chats(
    viewer: Viewer, ask: PageAsk | None = None, bot_id: UUID | None = None
) -> Page[ChatSession]:
    """The latest begun first."""
    require(viewer, "executions:read")
    rows = mine(viewer, ChatSession)
    if bot_id is not None:
        rows = rows.filter(bot_id=(await bots.one(viewer, bot_id)).id)
    return await read_page(rows, ask or PageAsk())


async def executions(
    viewer: Viewer, session_id: UUID, ask: PageAsk, columns: Sequence[str] | None = None
) -> Page[Execution]:
    """Its messages, the latest first. With `columns`, rows have only these."""
    require(viewer, "executions:read")
    rows = mine(viewer, Execution).filter(session_id=session_id)
    return await read_page(rows if columns is None else rows.only(*columns), ask)


async def send(viewer: Viewer, engine: Engine, session: ChatSession, message: Message) -> Execution:
    request = StartRequest(
        bot_id=session.bot_id,
        input=message.input,
        idempotency_key=service.checked_key(message.idempotency_key),
        mode=message.mode,
        trigger_kind=TriggerKind.CHAT,
        session_id=session.id,
        priority=message.priority,
        concurrency_key=message.concurrency_key,
    )
    if message.mode is ExecutionMode.RECORDED:
        raise Invalid("A conversation is live, or with the demo model.", path=["mode"])
    if (earlier := await _sent_before(viewer, request)) is not None:
        return earlier
    try:
        return await _sent_anew(viewer, engine, session, message, request)
    except InvalidState:  # perhaps it is this very message that is at work
        if (earlier := await _sent_before(viewer, request)) is None:
            raise
        return earlier


async def _sent_anew(
    viewer: Viewer, engine: Engine, session: ChatSession, message: Message, request: StartRequest
) -> Execution:
    await _refuse_while_busy(session, engine.clock.now())
    said = await _said(session)  # not sooner: what ended in between would be forgotten for good
    trigger = {CONVERSATION: said, "session": public_id("chat", session.id)}
    request = replace(request, trigger=trigger)
    new, plan = await service.prepared(viewer, engine, request)
    mine_now = await _take_turn(session, message, engine.clock.now())
    try:
        row = await service.accept(viewer, engine, replace(new, id=mine_now), plan)
    except AppError as error:
        if not isinstance(error, Unavailable):  # then it may be stored nevertheless
            await _give_turn_back(session, mine_now)
        raise
    if row.id != mine_now:
        await _give_turn_back(session, mine_now)
    engine.bus.notices.publish(topic(session.id), {"executionId": str(row.id)})
    return row


async def delete(viewer: Viewer, notices: Notices, session_id: UUID, clock: Clock) -> ChatSession:
    """The executions stay, as long as their bot keeps them; one that runs goes on to its end."""
    require(viewer, "executions:run")
    row = await one_of_mine(viewer, ChatSession, session_id, "chat")
    async with in_transaction():
        await mine(viewer, ChatSession).filter(id=row.id).delete()
        subject = audit.Subject("chat", row.id, row.title or "A conversation")
        await audit.record(viewer, "chat.deleted", subject, clock=clock)
    notices.publish(topic(row.id), {"deleted": True})
    return row


async def forget_unused(bot_id: UUID, before: datetime) -> None:
    """Those that nobody used since then and of whose last message nothing is left."""
    floor = UUID(int=0)
    while (
        rows := await ChatSession.filter(bot_id=bot_id, used_at__lt=before, id__gt=floor)
        .order_by("id")
        .limit(CHATS_AT_ONCE)
        .only("id", "last_execution_id")
    ):
        floor = rows[-1].id
        named = [row.last_execution_id for row in rows if row.last_execution_id is not None]
        found: Any = Execution.filter(id__in=named).values_list("id", flat=True)
        kept = set(await found) if named else set[UUID]()
        lost = [row.id for row in rows if row.last_execution_id not in kept]
        if lost:
            # A message may have been sent meanwhile.
            await ChatSession.filter(id__in=lost, used_at__lt=before).delete()


# --- whose turn it is -----------------------------------------------------------------------


async def _sent_before(viewer: Viewer, request: StartRequest) -> Execution | None:
    """The same message once more: the one that it became, also while that runs."""
    if request.idempotency_key is None:
        return None
    rows = Execution.filter(
        workspace_id=viewer.workspace_id, idempotency_key=request.idempotency_key
    )
    row = await rows.first().only("id", "request_hash")
    if row is None:
        return None
    earlier = AlreadyAccepted(row.id, row.request_hash)
    return await service.earlier_one(viewer, earlier, service.hash_of(request))


async def _said(session: ChatSession) -> list[dict[str, str]]:
    """Up to the last answer; a message that got none is not told again."""
    rows = Execution.filter(
        workspace_id=session.workspace_id, session_id=session.id, status=ExecutionStatus.COMPLETED
    )
    last = await rows.order_by("-id").first()
    return [] if last is None else await conversation.up_to(last)


async def _refuse_while_busy(session: ChatSession, now: datetime) -> None:
    if session.last_execution_id is None:
        return
    found = await Execution.get_or_none(id=session.last_execution_id).only("id", "status")
    if found is None and now - session.used_at > ACCEPTED_WITHIN:
        return  # the retention has deleted it, or its sender died before it was stored
    if found is None or not found.status.final:
        raise _busy(session, "pending" if found is None else found.status.value)


def _busy(session: ChatSession, status: str) -> InvalidState:
    named = public_id("execution", session.last_execution_id or session.id)
    return InvalidState(
        f"The bot is still at work on the message before ({status}).",
        hint=f"Wait for its answer, or cancel the execution {named}.",
        path=["sessionId"],
    )


async def _take_turn(session: ChatSession, message: Message, now: datetime) -> UUID:
    """Of those who have seen the same last message one gets it. Ids of one conversation rise, also
    when they were made on machines whose clocks differ."""
    before = session.last_execution_id
    own = new_uuid() if before is None else max(new_uuid(), UUID(int=before.int + 1))
    seen = {"last_execution_id__isnull": True} if before is None else {"last_execution_id": before}
    title = session.title or _title_of(message.input)
    rows = ChatSession.filter(id=session.id, **seen)
    if not await rows.update(last_execution_id=own, used_at=now, title=title):
        raise InvalidState(
            "Another message was sent at the same moment.",
            hint="Wait for its answer, then send this one again.",
            path=["sessionId"],
        )
    return own


async def _give_turn_back(session: ChatSession, taken: UUID) -> None:
    """Nothing was stored under that id."""
    rows = ChatSession.filter(id=session.id, last_execution_id=taken)
    await rows.update(last_execution_id=session.last_execution_id)


def _title_of(given: Any) -> str:
    """Half of a surrogate pair can be said in JSON and stored in no column of text."""
    words = " ".join(given.split()) if isinstance(given, str) else ""
    text = REDACTION.kept(words).encode(errors="replace").decode()
    return text if len(text) <= TITLE_SHOWN else text[: TITLE_SHOWN - 1] + "…"
