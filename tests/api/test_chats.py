"""Conversations over the API: what a bot says is told while it says it, to all who listen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio

from server.api import chat_tokens
from server.models.enums import Role
from tests.support.front import PURE, Api, Front, Wire, on_a_port, open_front, socket_to
from tests.support.model_server import ModelServer, Reply

TALKER = 'talker { "goal": "Talk", "model": "openai:gpt-4" }'
TOKENS = """subscription($id: ID!, $execution: ID, $after: Int! = 0) {
  chatTokens(sessionId: $id, executionId: $execution, after: $after) {
    executionId lastSeq caughtUp done status waitingReason
    pieces { stepKey entity attempt text again ended } } }"""
SESSION = """query($id: ID!) { chatSession(id: $id) { id title bot { name } latest { id status }
  executions { nodes { id input output triggerKind chatSession { id } } totalCount }
  viewerCan { send delete } } }"""
LIST = """query($bot: ID) { chatSessions(botId: $bot, first: 50) {
  nodes { id title bot { name } latest { status } } } }"""


def bearer(api: Api) -> dict[str, str]:
    return {"authorization": f"Bearer {api.token}"}


async def begun(api: Api, bot_id: str, **values: Any) -> str:
    made = await api.change("startChat", "session { id }", botId=bot_id, **values)
    assert made["errors"] == []
    return made["session"]["id"]


async def sent(api: Api, session: str, text: str, **values: Any) -> dict[str, Any]:
    wanted = "execution { id status }"
    return await api.change("sendChatMessage", wanted, sessionId=session, text=text, **values)


@dataclass
class Listener:
    """One who listens, and what they have heard."""

    wire: Wire
    frames: list[dict[str, Any]] = field(default_factory=list)

    async def next(self) -> dict[str, Any] | None:
        message = await self.wire.next()
        if message["type"] == "complete":
            return None
        assert message["type"] == "next", message
        self.frames.append(message["payload"]["data"]["chatTokens"])
        return self.frames[-1]

    async def until(self, held: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while (frame := await self.next()) is not None:
            if held(frame):
                return frame
        raise AssertionError("it ended")

    @property
    def text(self) -> str:
        pieces = [piece for frame in self.frames for piece in frame["pieces"]]
        return "".join(piece["text"] for piece in pieces)


@asynccontextmanager
async def listening(url: str, api: Api, session: str, **place: Any) -> AsyncIterator[Listener]:
    async with socket_to(url, bearer(api)) as wire:
        await wire.hello()
        payload = {"query": TOKENS, "variables": {"id": session, **place}}
        await wire.send(type="subscribe", id="1", payload=payload)
        yield Listener(wire)


@dataclass
class Talk:
    front: Front
    api: Api
    url: str
    models: ModelServer
    replies: dict[str, Reply]
    number: int = 0

    async def session(self, source: str = TALKER) -> str:
        self.number += 1
        return await begun(self.api, (await self.api.bot(source, f"Bot {self.number}"))["id"])

    def held(self, text: str, answer: str) -> asyncio.Event:
        """Half of the answer to this text is said, the rest when this is set."""
        gate = asyncio.Event()
        self.replies[text] = Reply(answer, gate=gate)
        return gate


@pytest_asyncio.fixture(scope="module")
async def talk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    replies: dict[str, Reply] = {}

    def reply(body: dict[str, Any]) -> Reply:
        return replies.get(body["messages"][-1]["content"], Reply("one two three"))

    async with ModelServer(reply) as models:
        environ = {"OPENAI_API_KEY": "sk-chat", "OPENAI_BASE_URL": models.url}
        folder = tmp_path_factory.mktemp("chat")
        async with open_front(folder, environ) as front, on_a_port(front.app) as url:
            yield Talk(front, await front.caller(), url, models, replies)


def done(frame: dict[str, Any]) -> bool:
    return frame["done"]


def speaking(frame: dict[str, Any]) -> bool:
    return any(piece["text"] for piece in frame["pieces"])


async def test_a_conversation_is_told_live_message_after_message(talk: Talk) -> None:
    session = await talk.session()
    gate = talk.held("Say alpha", "alpha beta gamma delta")
    async with listening(talk.url, talk.api, session) as listener:
        first = await listener.next()
        assert first is not None
        assert (first["executionId"], first["caughtUp"], first["done"]) == (None, True, False)
        started = (await sent(talk.api, session, "Say alpha"))["execution"]
        half = await listener.until(speaking)
        assert half["executionId"] == started["id"]
        assert half["pieces"][0]["entity"] == "talker"
        assert not half["done"]
        refused = await sent(talk.api, session, "Too early")
        assert [one["code"] for one in refused["errors"]] == ["INVALID_STATE"]
        assert refused["errors"][0]["path"] == ["sessionId"]
        gate.set()
        last = await listener.until(done)
        assert (listener.text, last["status"]) == ("alpha beta gamma delta", "COMPLETED")
        assert [piece["ended"] for piece in last["pieces"]] in ([True], [])
        again = (await sent(talk.api, session, "And now?"))["execution"]
        last = await listener.until(done)
        assert (last["executionId"], listener.text) == (
            again["id"],
            "alpha beta gamma deltaone two three",
        )
    told = [(one["role"], one["content"]) for one in talk.models.requests[-1].body["messages"]]
    assert told == [
        ("system", "Talk"),
        ("user", "Say alpha"),
        ("assistant", "alpha beta gamma delta"),
        ("user", "And now?"),
    ]
    found = (await talk.api.data(SESSION, id=session))["chatSession"]
    assert (found["title"], found["latest"]["id"]) == ("Say alpha", again["id"])
    nodes = found["executions"]["nodes"]
    assert [one["id"] for one in nodes] == [again["id"], started["id"]]
    assert {one["triggerKind"] for one in nodes} == {"CHAT"}
    assert {one["chatSession"]["id"] for one in nodes} == {session}
    assert found["executions"]["totalCount"] == 2


async def test_two_hear_the_same_and_who_comes_late_hears_what_was_said(talk: Talk) -> None:
    session = await talk.session()
    gate = talk.held("Two of us", "red green blue black")
    await sent(talk.api, session, "Two of us")
    async with listening(talk.url, talk.api, session) as early:
        await early.until(speaking)
        async with listening(talk.url, talk.api, session) as late:
            await late.until(speaking)
            assert late.text == early.text != ""
            gate.set()
            await early.until(done)
            await late.until(done)
            assert early.text == late.text == "red green blue black"
        async with listening(talk.url, talk.api, session) as after:
            first = await after.next()
            assert first is not None
            assert first["executionId"] is None


async def test_after_a_lost_connection_nothing_is_missing_and_nothing_comes_twice(
    talk: Talk,
) -> None:
    session = await talk.session()
    gate = talk.held("Break off", "north east south west")
    started = (await sent(talk.api, session, "Break off"))["execution"]
    async with listening(talk.url, talk.api, session) as before:
        frame = await before.until(speaking)
    gate.set()
    place = {"execution": frame["executionId"], "after": frame["lastSeq"]}
    async with listening(talk.url, talk.api, session, **place) as again:
        last = await again.until(done)
        assert before.text + again.text == "north east south west"
        assert all(one["entity"] == "talker" for f in again.frames for one in f["pieces"])
    # What was missed meanwhile is told too: the whole of the next message.
    await sent(talk.api, session, "Something else")
    place = {"execution": started["id"], "after": last["lastSeq"]}
    async with listening(talk.url, talk.api, session, **place) as missed:
        await missed.until(done)
        assert missed.text == "one two three"
        assert missed.frames[0]["executionId"] != started["id"]


async def test_a_deleted_conversation_ends_the_feed_also_while_it_is_silent(talk: Talk) -> None:
    session, busy = await talk.session(), await talk.session()
    gate = talk.held("Hold on", "yes no")
    await sent(talk.api, busy, "Hold on")
    for one in (session, busy):
        async with listening(talk.url, talk.api, one) as listener:
            await listener.next()
            gone = await talk.api.change("deleteChat", "session { id }", sessionId=one)
            assert gone["session"] == {"id": one}
            while await listener.next() is not None:
                pass
        assert (await talk.api.data(SESSION, id=one))["chatSession"] is None
    gate.set()
    refused = await sent(talk.api, session, "Still there?")
    assert [(e["code"], e["path"]) for e in refused["errors"]] == [("NOT_FOUND", ["sessionId"])]


async def test_a_question_to_a_person_is_told(talk: Talk) -> None:
    session = await talk.session('use ask with { message: "Ready?" }')
    async with listening(talk.url, talk.api, session) as listener:
        await listener.next()
        started = (await sent(talk.api, session, "Go"))["execution"]
        frame = await listener.until(lambda one: one["waitingReason"] is not None)
        assert (frame["waitingReason"], frame["executionId"]) == ("APPROVAL", started["id"])
        await talk.api.change(
            "controlExecution", "execution { id }", executionId=started["id"], action="CANCEL"
        )
        last = await listener.until(done)
    assert (last["status"], last["waitingReason"]) == ("CANCELLED", None)


async def test_nobody_hears_or_says_what_is_not_theirs(talk: Talk) -> None:  # S11, S15
    session = await talk.session()
    stranger = await talk.front.caller(workspace="other")
    own = await begun(stranger, (await stranger.bot(PURE))["id"])
    theirs = (await sent(stranger, own, "secret"))["execution"]
    place = {"execution": theirs["id"], "after": 0}
    async with listening(talk.url, talk.api, session, **place) as listener:
        first = await listener.next()
        assert first is not None
        assert (first["executionId"], first["pieces"]) == (None, [])
    for caller, what in ((stranger, session), (talk.api, own), (talk.api, "junk")):
        async with listening(talk.url, caller, what) as listener:
            message = await listener.wire.next()
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == "NOT_FOUND"
    refused = await sent(stranger, session, "Hello?")
    assert [one["code"] for one in refused["errors"]] == ["NOT_FOUND"]


async def test_a_token_that_is_narrowed_stays_within_its_bots_and_scopes(talk: Talk) -> None:
    session, other = await talk.session(), await talk.session()
    bot = await talk.api.data("query($id: ID!) { chatSession(id: $id) { bot { id } } }", id=other)
    named = {
        "name": "Narrow",
        "scopes": ["executions:run"],
        "botIds": [bot["chatSession"]["bot"]["id"]],
    }
    made = await talk.api.change("createApiToken", "token", **named)
    narrow = Api(talk.front.http, made["token"])
    assert (await sent(narrow, other, "Hello"))["errors"] == []
    refused = await sent(narrow, session, "Hello")
    assert [one["code"] for one in refused["errors"]] == ["NOT_FOUND"]
    for part in ("conversation", "events(first: 1) { nodes { seq } }"):
        looked = await narrow.answer(
            "mutation($i: StartExecutionInput!) { startExecution(input: $i) { execution "
            f"{{ {part} }} }} }}",
            i={"botId": bot["chatSession"]["bot"]["id"], "input": "x"},
        )
        assert looked["errors"][0]["extensions"]["code"] == "FORBIDDEN", part
    async with listening(talk.url, narrow, other) as listener:
        message = await listener.wire.next()
    assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"
    reader = await talk.front.caller(Role.VIEWER)
    denied = await reader.answer(
        "mutation($i: SendChatMessageInput!) { sendChatMessage(input: $i) { errors { code } } }",
        i={"sessionId": other, "text": "x"},
    )
    assert denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_message_has_its_turn_like_any_start(talk: Talk) -> None:
    session, other = await talk.session(PURE), await talk.session(PURE)
    wanted = "execution { id priority concurrencyKey }"

    async def say(to: str, **values: Any) -> dict[str, Any]:
        return await talk.api.change("sendChatMessage", wanted, sessionId=to, text="x", **values)

    for values in ({"priority": 10}, {"concurrencyKey": " "}):
        (error,) = (await say(session, **values))["errors"]
        assert (error["code"], error["path"]) == ("INVALID_INPUT", list(values))
    urgent = {"priority": 9, "concurrencyKey": "customer 7", "idempotencyKey": "urgent"}
    made = (await say(session, **urgent))["execution"]
    assert (made["priority"], made["concurrencyKey"]) == (9, "customer 7")
    assert (await say(session, **urgent))["execution"] == made
    (error,) = (await say(session, **urgent | {"priority": 8}))["errors"]
    assert error["code"] == "IDEMPOTENCY_MISMATCH"
    plain = (await say(other))["execution"]
    assert (plain["priority"], plain["concurrencyKey"]) == (5, None)


async def test_nobody_may_send_to_an_archived_bot(talk: Talk) -> None:
    bot = (await talk.api.bot(PURE, "Put away"))["id"]
    session = await begun(talk.api, bot)
    narrow = {"name": "Runs", "scopes": ["executions:run"]}
    runs = Api(
        talk.front.http, (await talk.api.change("createApiToken", "token", **narrow))["token"]
    )
    other = (await runs.change("startChat", "session { viewerCan { send } }", botId=bot))["session"]
    assert other["viewerCan"] == {"send": True}
    ask = "query($id: ID!) { chatSession(id: $id) { viewerCan { send delete } } }"
    for action, send in (("ARCHIVE", False), ("UNARCHIVE", True)):
        await talk.api.change("changeBots", "results { botId }", botIds=[bot], action=action)
        found = await talk.api.data(ask, id=session)
        assert found["chatSession"]["viewerCan"] == {"send": send, "delete": True}


async def test_a_list_of_conversations_is_read_at_once(talk: Talk) -> None:
    bot = (await talk.api.bot(PURE, "Listed"))["id"]
    ids = [await begun(talk.api, bot, title=f"Number {n}") for n in range(3)]
    for one in ids:
        assert (await sent(talk.api, one, "x"))["errors"] == []
    found = (await talk.api.data(LIST, bot=bot))["chatSessions"]["nodes"]
    assert [one["id"] for one in found] == ids[::-1]
    assert {one["title"] for one in found} == {"Number 0", "Number 1", "Number 2"}


async def test_a_stream_ends_when_the_token_is_taken_back(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket is closed by its guard; server-sent events have none."""

    async def taken_back(credential: str) -> bool:
        return False

    monkeypatch.setattr(chat_tokens, "RECHECK_SECONDS", -1.0)
    monkeypatch.setattr(talk.front.rooms.recogniser, "still_valid", taken_back)
    session = await talk.session()
    headers = {**bearer(talk.api), "accept": "text/event-stream"}
    body = {"query": TOKENS, "variables": {"id": session}}
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.post(f"{talk.url}/graphql", json=body, headers=headers)
    assert "UNAUTHENTICATED" in answer.text
    assert "caughtUp" not in answer.text
