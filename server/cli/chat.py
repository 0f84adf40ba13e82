"""`chat`: a conversation with a bot in the terminal."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Any

import click

from server.cli.group import example
from server.cli.live import LivePrinter
from server.cli.output import note, say, value_text
from server.cli.remote import Remote, connected, with_addresses
from server.cli.run import bot_for, key_option, priority_option, tell_idle, turn_values
from server.core.errors import Invalid, NotFound
from server.core.tasks import end

START = """
mutation CliChat($input: StartChatInput!) {
  startChat(input: $input) { session { id } errors { code message path } }
}
"""
SESSION = """
query CliChatSession($id: ID!) {
  chatSession(id: $id) { id title bot { id name } latest { id status } }
}
"""
SEND = """
mutation CliSend($input: SendChatMessageInput!) {
  sendChatMessage(input: $input) {
    execution { id } errors { code message path ... on BalError { line column hint } }
  }
}
"""
TOKENS = """
subscription CliTokens($id: ID!, $execution: ID!, $after: Int!) {
  chatTokens(sessionId: $id, executionId: $execution, after: $after) {
    executionId lastSeq done waitingReason pieces { stepKey entity text again ended }
  }
}
"""
RESULT = """
query CliChatResult($id: ID!) {
  execution(id: $id) { status output error { kind message hint } }
}
"""
FINAL = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")
WAITS = {
    "APPROVAL": "Waits for a person: decide it in the web app (/approvals), or with "
    "`baleybots approvals list` in another terminal.",
    "OUTCOME_UNKNOWN": "Waits for a person, who says whether an interrupted step happened: "
    "(/approvals), or `baleybots approvals list`.",
    "BUDGET": "Waits for money: a budget is spent (/costs).",
    "RETRY": "Waits, then tries again.",
}


@click.command(
    epilog=example(
        "baleybots chat hello\nbaleybots chat hello --session cht_…\n"
        "baleybots chat a.bal --priority 8"
    )
)
@click.argument("bot", metavar="BOT|FILE.bal")
@click.option("--session", metavar="ID", help="Go on with this conversation.")
@click.option("--title", help="What a new conversation is called; its first message when absent.")
@click.option("--demo", is_flag=True, help="Use the offline demo model for every call.")
@priority_option
@key_option
def chat(
    bot: str,
    session: str | None,
    title: str | None,
    demo: bool,
    priority: int | None,
    concurrency_key: str | None,
) -> None:
    """Talk to a bot (by name or id) on a running server; each line is a message.

    The bot knows what was said before. Ctrl-D ends; the conversation stays, and goes on with
    --session. The server is BALEYBOTS_URL, the token BALEYBOTS_TOKEN.
    """
    if session and title:
        raise click.UsageError("A conversation that goes on has its title already.")

    async def work(remote: Remote) -> None:
        how = {"mode": "DEMO" if demo else "LIVE"} | turn_values(priority, concurrency_key)
        talk = Talk(remote, how)
        await talk.begin(bot, session, title)
        await talk.go_on()

    connected(work)


class Talk:
    def __init__(self, remote: Remote, how: dict[str, Any]) -> None:
        """`how` each of its messages is sent."""
        self._remote = remote
        self._how = how
        self._id = ""
        self._bot = ""
        self._asks = sys.stdin.isatty()

    async def begin(self, bot: str, session: str | None, title: str | None) -> None:
        found = await bot_for(self._remote, bot)
        self._bot = found["name"]
        if session is None:
            made = await self._remote.change(START, botId=found["id"], title=title)
            self._id = made["session"]["id"]
            return
        known = (await self._remote.ask(SESSION, id=session))["chatSession"]
        if known is None:
            raise NotFound(f"There is no conversation {session} here.")
        if (known["bot"] or {}).get("id") != found["id"]:
            raise Invalid(f"This conversation is with another bot than {self._bot}.")
        self._id, latest = known["id"], known["latest"]
        note(_plain(known["title"]) or "Nothing was said yet")
        if latest and latest["status"] not in FINAL:
            await self._hear(latest["id"])

    async def go_on(self) -> None:
        if self._asks:
            note(f"Talk to {self._bot}; Ctrl-D ends.")
        while (line := self._read()) is not None:
            if line.strip():
                await self._say(line)
        if self._asks:
            say()
        note(f"Go on later: baleybots chat {shlex.quote(self._bot)} --session {self._id}")

    def _read(self) -> str | None:
        """A line of the person; None at the end. Nothing else goes on meanwhile."""
        if not self._asks:
            line = sys.stdin.readline()
            return line.rstrip("\n") if line else None
        with _interruptible():
            try:
                return input("> ")
            except EOFError:
                return None

    async def _say(self, text: str) -> None:
        """What is refused ends no conversation."""
        try:
            sent = await self._remote.change(SEND, sessionId=self._id, text=text, **self._how)
        except Invalid as error:
            say(click.style(with_addresses(error.message), fg="red"), err=True)
            return
        await self._hear(sent["execution"]["id"])

    async def _hear(self, execution_id: str) -> None:
        heard = _Heard()
        place = {"id": self._id, "execution": execution_id}
        idle = asyncio.create_task(tell_idle(self._remote, execution_id))
        try:
            async with aclosing(self._remote.listen(TOKENS, place)) as frames:
                async for frame in frames:
                    if frame["executionId"] is None:  # deleted: nothing of it is left to be heard
                        break
                    if frame["pieces"]:
                        idle.cancel()
                    heard.take(frame)
        finally:
            await end(idle)
        heard.end()
        result = (await self._remote.ask(RESULT, id=execution_id))["execution"]
        if result is not None:
            _show(result, heard.texts)


class _Heard:
    """Words as they come; by turns where several speak."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self._printer = LivePrinter()
        self._waiting: str | None = None

    def take(self, frame: dict[str, Any]) -> None:
        for piece in frame["pieces"]:
            self._piece(piece)
        waiting = frame["waitingReason"]
        if waiting != self._waiting and waiting in WAITS:
            note(with_addresses(WAITS[waiting]))
        self._waiting = waiting

    def end(self) -> None:
        self._printer.end()

    def _piece(self, piece: dict[str, Any]) -> None:
        key, text = piece["stepKey"], piece["text"]
        if key not in self.texts:
            self._tell("step.started", key, type="entity", name=piece["entity"])
        if piece["again"] and self.texts.get(key):
            self._tell("step.delta", key, text="\n[The model broke off and begins again.]\n")
        self.texts[key] = text if piece["again"] else self.texts.get(key, "") + text
        if text:
            self._tell("step.delta", key, text=text)
        if piece["ended"]:
            self._tell("step.completed", key, output=None)

    def _tell(self, kind: str, key: str, **data: Any) -> None:
        self._printer.show({"type": kind, "stepKey": key, "data": data})


def _plain(title: str) -> str:
    """What steers a terminal may stand in a title, as in any text that somebody wrote."""
    return "".join(one for one in title if one.isprintable())


@contextmanager
def _interruptible() -> Iterator[None]:
    """asyncio would hear the first Ctrl-C only after the line."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _show(result: dict[str, Any], texts: dict[str, str]) -> None:
    """The result, unless it is what was just said; or why there is none."""
    if result["status"] == "COMPLETED":
        said = value_text(result["output"]).strip()
        if said not in [text.strip() for text in texts.values()]:
            say(said)
        return
    error = result["error"] or {}
    message = error.get("message") or f"The message was not answered: {result['status'].lower()}."
    say(click.style(message, fg="red"), err=True)
    if error.get("hint"):
        say(with_addresses(error["hint"]), err=True)
