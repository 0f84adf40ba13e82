"""An installation that dies in the middle of its work. It runs in a process of its own, with tools
and models that write down each call in a file, and kills itself the first time it comes to a given
line. Whoever starts it again with the same folder sees what is left, and what is called again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.bal.types import AnyType, ObjectType, OptionalType, StringType, TypeField
from server.core.jsontext import dumps, loads
from server.llm.messages import ChatRequest
from server.models.enums import ExecutionStatus
from server.tools.base import Tool, ToolContext, ToolFailed
from tests.support.rooms import open_home
from tests.support.scripted_gateway import Answer, ScriptedGateway, asks

# The line that is written when the execution waits.
WAITS = "waits"
INPUT = ObjectType((TypeField("text", StringType()), TypeField("more", OptionalType(AnyType()))))


@dataclass
class Diary:
    """`die_at`: the process ends with the writing of this line."""

    path: Path
    die_at: str | None = None

    def note(self, line: str) -> None:
        with self.path.open("a") as file:
            file.write(f"{line}\n")
        if line == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def lines(self, start: str) -> list[str]:
        return [line for line in self.path.read_text().splitlines() if line.startswith(start)]

    def count(self, line: str) -> int:
        return self.lines(line).count(line)


def tools(diary: Diary) -> list[Tool]:
    """`safe` may be repeated, `unsafe` must not be, `failing` fails the first time."""

    def tool(name: str, *, idempotent: bool) -> Tool:
        async def run(arguments: dict[str, Any], context: ToolContext) -> Any:
            diary.note(f"key {context.idempotency_key}")
            diary.note(f"{name} {arguments['text']}")
            return f"did {arguments['text']}"

        return Tool(name, f"Does something {name}.", run, input=INPUT, idempotent=idempotent)

    async def fail(arguments: dict[str, Any], context: ToolContext) -> Any:
        diary.note(f"failing {arguments['text']}")
        if len(diary.lines("failing")) == 1:
            raise ToolFailed("Not yet.")
        return f"did {arguments['text']}"

    return [
        tool("safe", idempotent=True),
        tool("unsafe", idempotent=False),
        Tool("failing", "Fails once.", fail, input=INPUT, idempotent=False),
    ]


def gateway(diary: Diary, script: dict[str, list[Any]]) -> ScriptedGateway:
    """A script says for each model what it answers in each turn: a text, or a list of calls. Turns
    are counted by what the model is shown, not by how often it was asked."""

    def answer(model: str, turns: list[Any]) -> Answer:
        def say(request: ChatRequest) -> Any:
            turn = sum(message.role == "assistant" for message in request.messages)
            diary.note(f"model {model} {turn + 1}")
            said = turns[min(turn, len(turns) - 1)]
            return said if isinstance(said, str) else asks(*[(one[0], one[1]) for one in said])

        return say

    return ScriptedGateway(answers={model: [answer(model, t)] for model, t in script.items()})


async def live(work: dict[str, Any]) -> None:
    folder = Path(work["folder"])
    diary = Diary(folder / "diary", work["die_at"])
    models = gateway(diary, work["script"])
    url = work["url"]
    async with open_home(folder, gateway=models, database_url=url, tools=tools(diary)) as home:
        for name, source in work.get("others", {}).items():
            await home.bot(source, name)
        started = await home.start(await home.bot(work["source"]), work["input"])
        if diary.die_at == WAITS:
            await home.until(started, ExecutionStatus.WAITING)
            diary.note(WAITS)
        await home.events(started)


async def dies(work: dict[str, Any]) -> None:
    """Lets it live and die. It must not come to an end by itself."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "tests.support.dying", dumps(work)],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == -signal.SIGKILL, output.decode()


if __name__ == "__main__":
    asyncio.run(live(loads(sys.argv[1])))
