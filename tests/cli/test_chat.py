"""A conversation in the terminal, against a real server."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from server.cli import run
from server.cli.chat import Talk
from server.cli.group import cli
from server.models.tables import Execution
from tests.support.front import PURE, Api, on_a_port, open_front
from tests.support.model_server import ModelServer, Reply

TALKER = 'talker { "goal": "Talk", "model": "openai:gpt-4" }'
Chat = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(scope="module")
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("Hello Ada.")) as server:
        yield server


@pytest_asyncio.fixture(scope="module")
async def chat(
    tmp_path_factory: pytest.TempPathFactory, models: ModelServer
) -> AsyncIterator[Chat]:
    """Lines in, conversation out."""
    environ = {"OPENAI_API_KEY": "sk-chat", "OPENAI_BASE_URL": models.url}
    folder: Path = tmp_path_factory.mktemp("data")
    async with open_front(folder, environ) as front, on_a_port(front.app) as url:
        api: Api = await front.caller()
        await api.bot(TALKER, "talker")
        await api.bot(PURE, "same")
        await api.bot(PURE, "it's two words")

        async def command(*words: str, lines: str) -> Result:
            runner = CliRunner(env={"BALEYBOTS_URL": url, "BALEYBOTS_TOKEN": api.token})
            return await asyncio.to_thread(runner.invoke, cli, ["chat", *words], input=lines)

        yield command


async def test_a_conversation_goes_on_and_is_taken_up_again(
    chat: Chat, models: ModelServer
) -> None:
    first = await chat("talker", lines="I am Ada.\n\nWho am I?\n")
    assert first.exit_code == 0, first.output
    assert first.stdout.count("Hello Ada.") == 2
    (session,) = re.findall(r"--session (cht_\w{26})", first.stderr)
    again = await chat("talker", "--session", session, lines="Still there?\n")
    assert again.exit_code == 0, again.output
    assert "I am Ada." in again.stderr
    told = [one["content"] for one in models.requests[-1].body["messages"] if one["role"] == "user"]
    assert told == ["I am Ada.", "Who am I?", "Still there?"]


async def test_a_message_goes_as_was_said_and_what_no_model_says_is_printed(chat: Chat) -> None:
    result = await chat("same", "--priority", "8", "--key", "ann", lines="echo\n")
    assert result.stdout.strip() == "echo"
    sent = await Execution.all().order_by("-id").first()
    assert sent is not None
    assert (sent.input, sent.priority, sent.concurrency_key) == ("echo", 8, "ann")


async def test_what_it_prints_steers_no_terminal_and_can_be_pasted(chat: Chat) -> None:
    made = await chat("it's two words", "--title", "Bell\x07s", lines="")
    command = made.stderr.split("Go on later: ")[1]
    program, verb, *words = shlex.split(command)
    assert (program, verb, words[0]) == ("baleybots", "chat", "it's two words")
    again = await chat(*words, lines="echo\n")
    assert again.exit_code == 0, again.output
    assert again.stdout.strip() == "echo"
    assert "Bells" in again.stderr


async def test_what_is_deleted_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    class Gone:
        """A server on which the execution is not there any more."""

        async def listen(self, *_: Any) -> AsyncIterator[dict[str, Any]]:
            yield {"executionId": None, "pieces": [], "waitingReason": None, "done": False}
            raise AssertionError("it goes on listening")

        async def ask(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {"execution": None}

    server: Any = Gone()
    await Talk(server, {})._hear("exe_" + "0" * 26)
    assert capsys.readouterr().out.strip() == ""


async def test_who_waits_for_a_place_of_the_bot_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        """A server on which the message does not begin before somebody asks why."""

        def __init__(self) -> None:
            self.asked = asyncio.Event()

        async def listen(self, *_: Any) -> AsyncIterator[dict[str, Any]]:
            frame = {"executionId": "exe_1", "pieces": [], "waitingReason": None, "done": False}
            yield frame
            await self.asked.wait()
            yield {**frame, "done": True}

        async def ask(self, document: str, **_: Any) -> dict[str, Any]:
            self.asked.set()
            execution = {"status": "PENDING", "waitingReason": "QUEUE"}
            if document != run.WORKERS:
                return {"execution": {"status": "COMPLETED", "output": "Hello."}}
            return {"health": {"workers": 1, "workersShortOfMemory": 0}, "execution": execution}

    monkeypatch.setattr(run, "IDLE_SECONDS", 0)
    server: Any = Full()
    async with asyncio.timeout(15):
        await Talk(server, {})._hear("exe_1")
    shown = capsys.readouterr()
    assert "as many at once as it may" in shown.err
    assert shown.out.strip() == "Hello."


async def test_what_goes_wrong_is_said_and_the_conversation_goes_on(chat: Chat) -> None:
    missing = await chat("talker", "--session", "cht_" + "0" * 26, lines="x\n")
    assert missing.exit_code == 1
    assert "There is no conversation" in missing.output
    made = await chat("same", lines="")
    (session,) = re.findall(r"--session (cht_\w{26})", made.stderr)
    other = await chat("talker", "--session", session, lines="x\n")
    assert "another bot" in other.output
    nobody = await chat("nobody", lines="x\n")
    assert nobody.exit_code == 1
