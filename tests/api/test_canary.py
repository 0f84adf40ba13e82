"""Canaries: a secret of each kind is planted, everything is run and made to fail, and then looked
for in the bytes of the database, the log, the events, every answer, and the exports."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.api.executor import Executor
from server.api.schema import schema
from server.approvals import service as approvals
from server.approvals.service import Answer
from server.connections.sealing import seal, unseal
from server.core.ids import new_uuid, public_id
from server.core.jsontext import dumps
from server.core.logs import get_logger, setup_logs
from server.executions import chats, happenings, recordings
from server.executions.chat_feed import Place as ChatPlace
from server.executions.chat_feed import follow
from server.executions.happenings import Emitting
from server.llm.errors import ModelError, ModelErrorKind
from server.models.enums import ConnectionStatus, ExecutionStatus, Role
from server.models.tables import (
    ApiToken,
    Approval,
    Blob,
    Connection,
    EmittedEvent,
    Execution,
    Invitation,
    KeptAnswer,
    Memory,
    ModelCall,
    Notification,
    Session,
    SharedValue,
    SigninLink,
    User,
)
from server.tools.base import ToolFailed
from server.workspaces import accounts, invitations, keys
from server.workspaces.audit import AuditFilter
from server.workspaces.audit_export import exported
from server.workspaces.passwords import Passwords
from server.workspaces.sessions import Visitor
from tests.api.samples import EVERYTHING, Place
from tests.support.logs import plain_logs
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.support.tools import Counted
from tests.workspaces.people import CHEAP

KEY = 'ck-canary"0123456789\\abcdef'  # with what JSON writes in another way
ENVIRON = {
    "OPENAI_API_KEY": "canary-environment-0123456789",
    "BALEYBOTS_METRICS_TOKEN": "canary-metrics-0123456789",
    "BALEYBOTS_TICK_SECRET": "canary-tick-0123456789",
    "BALEYBOTS_SMTP_URL": "smtp://mailer:canary-mail-0123456789@127.0.0.1:9",
}
PASSWORD = "canary of a password"
PLANTED = [KEY, *[text for name, text in ENVIRON.items() if name != "BALEYBOTS_SMTP_URL"]]

LONG = f"{'word ' * 230_000} {KEY} {'word ' * 9}"  # kept apart, as a blob
GIVES = 'chain { use echo with { text: "x" } }'
LEAKS = 'chain { use leaking with { text: "x" } }'
ASKS = 'a { "goal": "Say it", "model": "leaky" }'
KEEPS = 'a { "goal": "Say it", "model": "leaky", "cache": 60 }'
# What a model gave away is handed on: remembered, shared, told and asked about.
HANDED_ON = """
a { "goal": "Say it", "model": "leaky" }
chain {
  a => $said
  use store_memory with { action: "set", key: "k", value: "{{$said}}" }
  use shared_storage with { action: "write", key: "k", value: { "it": ["{{$said}}"] } }
  use send_notification with { title: "It is {{$said}}", message: "{{$said}}" }
  use asking with { text: "{{$said}}" }
}
"""
WAITS = 'use wait with { event: "told", seconds: 600 }'
LARGE = 'a { "goal": "Say it", "model": "long" }'
FAILS = 'a { "goal": "Say it", "model": "refusing" }'


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    setup_logs("debug", "json", stream=stream)
    yield stream
    plain_logs()


@pytest_asyncio.fixture
async def home(tmp_path: Path, log: io.StringIO) -> AsyncIterator[Home]:
    tool = Counted(answer={"headers": {"x": f"Bearer {KEY}"}, KEY: [f"before {KEY} after"]})
    refusal = ModelError(ModelErrorKind.PROVIDER_AUTH, f"Incorrect API key provided: {KEY}.")
    gateway = ScriptedGateway(
        answers={"leaky": [f"The key is {KEY}."], "refusing": [refusal], "long": [LONG]}
    )
    leaking = Counted("leaking", failures=[ToolFailed(f"401: the key {KEY} is refused")])
    asking = Counted("asking", needs_approval=True)
    tools = [tool.tool, leaking.tool, asking.tool]
    async with open_home(tmp_path, gateway=gateway, tools=tools, environ=ENVIRON) as home:
        home.rooms.reception.passwords._hasher = CHEAP
        yield home


async def planted(home: Home) -> list[str]:
    """Everything that must not be found anywhere, as it is known outside."""
    owner = home.owner
    row = Connection(
        id=new_uuid(),
        workspace_id=owner.workspace_id,
        kind="openai",
        name="Planted",
        name_key="planted",
        status=ConnectionStatus.CONNECTED,
        shown={"apiKey": "…cdef"},
    )
    row.sealed = seal(home.rooms.connections.box, row, {"apiKey": KEY})
    await row.save(force_create=True)
    token = (await keys.create(owner, "canary")).text
    invitation = (await invitations.invite(owner, "eve@example.org", Role.VIEWER)).token
    await accounts.add_user("ada@example.org")
    reset = await accounts.make_reset_link("ada@example.org")
    session = await home.rooms.reception.reset(reset, PASSWORD, Visitor("Firefox", "10.0.0.9"))
    assert session is not None
    assert unseal(home.rooms.connections.box, row) == {"apiKey": KEY}
    link = await accounts.make_link()
    return [*PLANTED, PASSWORD, token, invitation, reset, session.token, link]


async def everything(home: Home) -> list[str]:
    """Runs what leaks, and asks every query of the schema."""
    executions = [await home.run(source) for source in (GIVES, ASKS, KEEPS, KEEPS, FAILS, LEAKS)]
    assert executions[-1].error is not None
    assert "[hidden]" in dumps(executions[-1].error)
    executions += await handed_on(home)
    executions += await talked(home)
    for execution in executions:
        if execution.status is ExecutionStatus.COMPLETED:
            await recordings.keep(home.owner, home.rooms.clock, execution.id)
    assert await KeptAnswer.all().count() == 1
    assert await ModelCall.all().count() >= 3
    said = [repr(await home.events(execution)) for execution in executions]
    get_logger("test").error("refused", error=f"401 for {KEY}", authorization=f"Bearer {KEY}")
    get_logger("test").info("started", settings=repr(home.rooms.settings))
    for execution in executions:
        said.append(await _answers(home, execution))
    async for text in exported(home.owner.workspace_id, "jsonl", AuditFilter()):
        said.append(text)
    return said


async def handed_on(home: Home) -> list[Execution]:
    """Everything that a run writes beside its own rows."""
    asked = await home.start(await home.bot(HANDED_ON))
    await home.until(asked, ExecutionStatus.WAITING)
    waits = await home.start(await home.bot(WAITS))
    await home.until(waits, ExecutionStatus.WAITING)
    emitting = Emitting("told", {"it": f"a key: {KEY}"}, dedupe_key=f"once {KEY}")
    await happenings.emit(home.owner, home.rooms.engine, emitting)
    large = await home.run(LARGE)
    (fact,) = await Approval.all()
    answer = Answer("approve", note=f"Not with {KEY}.")
    await approvals.decide(home.owner, home.rooms.engine, fact.id, answer)
    asked = await home.ended(asked)
    assert asked.status is ExecutionStatus.COMPLETED, asked.error  # what was asked is what is done
    for table in (Approval, Blob, EmittedEvent, Memory, Notification, SharedValue):
        assert await table.all().count(), table
    return [asked, await home.ended(waits), large]


async def talked(home: Home) -> list[Execution]:
    """A key in a title, and in a message that gives one."""
    bot = await home.bot(ASKS)
    clock, engine = home.rooms.clock, home.rooms.engine
    found: list[Execution] = []
    for title in (f"About {KEY}", None):
        session = await chats.start(home.owner, clock, bot.id, title)
        for _ in range(2):
            row = await chats.get(home.owner, session.id)
            message = chats.Message(f"Is {KEY} yours?")
            found.append(await home.ended(await chats.send(home.owner, engine, row, message)))
        async with aclosing(follow(engine, row, ChatPlace(found[-1].id))) as frames:
            told = repr(await anext(frames))
        assert "[hidden]" in told
        assert KEY not in told
    return found


async def _answers(home: Home, execution: Any) -> str:
    rows = {"execution": execution.id, "version": execution.version_id, "bot": execution.bot_id}
    connection = await Connection.get(name="Planted")
    user = await User.get(email="ada@example.org")
    more = {"connection": connection.id, "user": user.id, "workspace": home.owner.workspace_id}
    place = Place(home.owner, {**rows, **more})
    ids = {kind: public_id(kind, new_uuid()) for kind in ("approval", "incident", "budget", "token",
           "notice", "price", "member", "invitation", "session", "audit", "recording", "bundle",
           "notification", "emitted", "chat")}  # type: ignore[arg-type]  # fmt: skip
    found: list[Any] = []
    executor = Executor(schema, home.rooms)
    for asked in EVERYTHING:
        if asked.root == "Query":
            values = asked.values({**ids, **place.ids})
            found.append(await executor.execute(asked.document(values), values, home.owner))
    return dumps(found)


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("baleybots.db*")))


async def test_no_canary_gets_out(home: Home, log: io.StringIO) -> None:  # S63, S69
    canaries = await planted(home)
    said = await everything(home)
    folder = home.rooms.settings.data_dir
    places = {
        "the database": stored(folder).decode("utf-8", "replace"),
        "the log": log.getvalue(),
        "events, answers and exports": "\n".join(said),
        "settings": repr(home.rooms.settings) + dumps(home.rooms.settings.shown()),
    }
    for name, text in places.items():
        assert text
        for canary in canaries:
            for form in {canary, dumps(canary)[1:-1], repr(canary)[1:-1]}:
                assert form not in text, f"{canary[:12]}… is in {name}"
    assert "[hidden]" in places["events, answers and exports"]
    assert "[hidden]" in places["the log"]
    for kept in await hashes():
        assert kept not in places["events, answers and exports"] + places["the log"]


async def hashes() -> list[str]:
    """What we keep of passwords, tokens, links and sessions: it is for nobody either."""
    found = [
        str(one) for one in await User.exclude(password=None).values_list("password", flat=True)
    ]
    for table in (ApiToken, Invitation, Session, SigninLink):
        found += [str(one) for one in await table.all().values_list("token_hash", flat=True)]
    assert len(found) >= 6
    return found


async def test_a_tool_that_fails_with_a_secret_fails_without_it(home: Home) -> None:  # S69
    await planted(home)
    execution = await home.run(LEAKS)
    assert execution.error is not None
    assert KEY not in dumps(execution.error)


async def test_what_only_looks_like_a_secret_is_kept_in_results(home: Home) -> None:
    """Somebody's own text is not ours to change."""
    echoed = await home.run('processor ("same") { "result" }', "sk-notours-0123456789")
    assert echoed.output == "sk-notours-0123456789"


async def test_a_password_is_never_kept_as_it_is(home: Home) -> None:
    await planted(home)
    stored_hash = (await User.get(email="ada@example.org")).password
    assert stored_hash is not None
    assert await Passwords(CHEAP).fits(PASSWORD, stored_hash)
