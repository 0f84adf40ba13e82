"""`run`: start a bot or a program on a running server and show what happens."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from server.cli.bal import input_option, input_value, read_source
from server.cli.group import example
from server.cli.output import json_option, note, on_terminal, print_json, say, value_text
from server.cli.remote import Remote, connected
from server.core.errors import NotFound

FIND_BOT = """
query CliFindBot($id: ID, $name: String) {
  bot(id: $id, name: $name) { id name source draftVersion }
}
"""
START = """
mutation CliStart($input: StartExecutionInput!) {
  startExecution(input: $input) {
    execution { id } errors { code message path ... on BalError { line column hint } }
  }
}
"""
RESULT = """
query CliResult($id: ID!) {
  execution(id: $id) {
    id status output durationMs bot { name }
    error { kind message hint stepKey }
    usage { inputTokens outputTokens totalTokens cost estimated unpriced }
  }
}
"""


@click.command(
    epilog=example(
        """baleybots run hello --input '{"topic": "tea"}' --follow
baleybots run hello.bal --json"""
    )
)
@click.argument("bot", metavar="BOT|FILE.bal")
@input_option
@click.option("--follow", is_flag=True, help="Show steps and text live.")
@click.option("--demo", is_flag=True, help="Use the offline demo model for every call.")
@json_option
def run(bot: str, input_text: str | None, follow: bool, demo: bool, as_json: bool) -> None:
    """Run a bot (by name or id), or a program in a file, on a running server.

    The server is BALEYBOTS_URL, the token BALEYBOTS_TOKEN. A file becomes the draft of a bot with
    the file's name. Exit code 0 when the execution completed, 1 otherwise.
    """
    value = input_value(input_text)

    async def work(remote: Remote) -> dict[str, Any]:
        found = await bot_for(remote, bot)
        started = await remote.change(
            START, botId=found["id"], input=value, mode="DEMO" if demo else "LIVE"
        )
        execution_id = started["execution"]["id"]
        await watch(remote, execution_id, live=follow and not as_json)
        return (await remote.ask(RESULT, id=execution_id))["execution"]

    finish(connected(work), as_json, live=follow)


async def bot_for(remote: Remote, named: str) -> dict[str, Any]:
    from server.cli.bots import push_source

    if named == "-" or named.endswith(".bal"):
        return await push_source(remote, Path(named).stem, read_source(named))
    key = {"id": named} if named.startswith("bot_") and len(named) == 30 else {"name": named}
    found = (await remote.ask(FIND_BOT, **key))["bot"]
    if found is None:
        raise NotFound(f"There is no bot {named!r} here.", hint="See `baleybots bots list`.")
    return found


async def watch(remote: Remote, execution_id: str, *, live: bool, after: int = 0) -> None:
    """Stays until the end; prints along when asked to."""
    printer = LivePrinter() if live else None
    async for event in remote.follow(execution_id, after):
        if printer is not None:
            printer.show(event)
    if printer is not None:
        printer.end()


class LivePrinter:
    """Steps as lines, streamed text as it comes. One step streams on a line of its own at a time:
    text of a parallel neighbour waits until its turn, so no two mix."""

    def __init__(self) -> None:
        self.open_step: str | None = None
        self.waiting: dict[str, list[str]] = {}

    def show(self, event: dict[str, Any]) -> None:
        key, data = event.get("stepKey"), event.get("data") or {}
        match event["type"]:
            case "step.started":
                if data.get("type") in (None, "entity", "tool"):
                    self._line(f"▸ {key}")
            case "step.delta":
                self._text(key or "", str(data.get("text") or ""))
            case "step.completed":
                self._close(key)
            case "step.failed":
                self._close(key)
                error = data.get("error") or data
                self._line(click.style(f"✗ {key}: {error.get('message', 'failed')}", fg="red"))
            case _:
                pass

    def _text(self, key: str, text: str) -> None:
        if self.open_step in (None, key):
            self.open_step = key
            click.echo(text, nl=False)
            sys.stdout.flush()
        else:
            self.waiting.setdefault(key, []).append(text)

    def _close(self, key: str | None) -> None:
        if key is None or key != self.open_step:
            return
        say()
        self.open_step = None
        for waiting_key in list(self.waiting):
            self._text(waiting_key, "".join(self.waiting.pop(waiting_key)))
            break

    def _line(self, text: str) -> None:
        if self.open_step is not None:
            return
        say(text if on_terminal() else click.unstyle(text))

    def end(self) -> None:
        if self.open_step is not None:
            self._close(self.open_step)
        for parts in self.waiting.values():
            say("".join(parts))


def finish(execution: dict[str, Any], as_json: bool, *, live: bool) -> None:
    status = execution["status"].lower()
    if as_json:
        print_json({**execution, "status": status})
    else:
        _show_end(execution, status, live)
    sys.exit(0 if status == "completed" else 1)


def _show_end(execution: dict[str, Any], status: str, live: bool) -> None:
    if status == "completed":
        if live:
            note("─ result")
        say(value_text(execution["output"]))
    else:
        error = execution["error"] or {}
        kind = f" ({error['kind']})" if error.get("kind") else ""
        message = error.get("message") or status.replace("_", " ")
        say(click.style(f"{status}{kind}: {message}", fg="red"), err=True)
        if error.get("hint"):
            say(error["hint"], err=True)
    note(usage_line(execution))


def usage_line(execution: dict[str, Any]) -> str:
    usage = execution["usage"] or {}
    parts = [execution["id"]]
    if execution.get("durationMs") is not None:
        parts.append(f"{execution['durationMs'] / 1000:.2f} s")
    if usage.get("totalTokens"):
        parts.append(f"{usage['totalTokens']} tokens")
    if usage.get("cost") is not None:
        parts.append(f"${usage['cost']}")
    return " · ".join(parts)
