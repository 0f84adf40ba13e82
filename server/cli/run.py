"""`run`: start a bot or a program on a running server and show what happens."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from server.cli.bal import input_option, input_value, read_source
from server.cli.group import example
from server.cli.live import LivePrinter
from server.cli.output import json_option, note, print_json, say, value_text
from server.cli.remote import Remote, connected, with_addresses
from server.core.errors import AppError, NotFound
from server.core.tasks import end

FIND_BOT = """
query CliFindBot($id: ID, $name: String) {
  bot(id: $id, name: $name) { id name source draftVersion }
}
"""
WORKERS = """
query CliWorkers($id: ID!) {
  health { workers workersShortOfMemory } execution(id: $id) { status waitingReason }
}
"""
IDLE_SECONDS = 3.0
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
priority_option = click.option(
    "--priority",
    type=click.IntRange(1, 9),
    help="9 goes first, 1 last; 5 unless given. Counts while it waits for a worker.",
)
key_option = click.option(
    "--key",
    "concurrency_key",
    help="Of the executions with the same key the bot may run only so many at once.",
)


@click.command(
    epilog=example(
        """baleybots run hello --input '{"topic": "tea"}' --follow
baleybots run hello.bal --json
baleybots run hello --recorded newest"""
    )
)
@click.argument("bot", metavar="BOT|FILE.bal")
@input_option
@click.option("--follow", is_flag=True, help="Show steps and text live.")
@click.option("--demo", is_flag=True, help="Use the offline demo model for every call.")
@click.option(
    "--recorded",
    metavar="RECORDING",
    help="Replay a recording or an ended execution, by its id, at no cost; `newest` takes the "
    "bot's newest one.",
)
@click.option(
    "--continues",
    metavar="EXECUTION",
    help="Go on from a completed execution of the bot: what was asked and answered is told first.",
)
@priority_option
@key_option
@json_option
def run(
    bot: str,
    input_text: str | None,
    follow: bool,
    demo: bool,
    recorded: str | None,
    continues: str | None,
    priority: int | None,
    concurrency_key: str | None,
    as_json: bool,
) -> None:
    """Run a bot (by name or id), or a program in a file, on a running server.

    The server is BALEYBOTS_URL, the token BALEYBOTS_TOKEN. A file becomes the draft of a bot with
    the file's name. Exit code 0 when the execution completed, 1 otherwise.
    """
    given = {} if input_text is None else {"input": input_value(input_text)}

    async def work(remote: Remote) -> dict[str, Any]:
        found = await bot_for(remote, bot)
        how = {**given, **_mode(demo, recorded)}
        if continues:
            how["continues"] = continues
        how |= turn_values(priority, concurrency_key)
        started = await remote.change(START, botId=found["id"], **how)
        execution_id = started["execution"]["id"]
        printer = await watch(remote, execution_id, live=follow and not as_json)
        found = (await remote.ask(RESULT, id=execution_id))["execution"]
        return {**found, "shown": printer.latest}

    finish(connected(work), as_json)


def turn_values(priority: int | None, concurrency_key: str | None) -> dict[str, Any]:
    """What was given of when it has its turn."""
    given = {"priority": priority, "concurrencyKey": concurrency_key}
    return {name: value for name, value in given.items() if value is not None}


def _mode(demo: bool, recorded: str | None) -> dict[str, Any]:
    if demo and recorded:
        raise click.UsageError("Choose --demo or --recorded.")
    if recorded is None:
        return {"mode": "DEMO" if demo else "LIVE"}
    named = {} if recorded == "newest" else {"recordingId": recorded}
    return {"mode": "RECORDED", **named}


async def bot_for(remote: Remote, named: str) -> dict[str, Any]:
    from server.cli.pushing import push_source

    if named == "-" or named.endswith(".bal"):
        return await push_source(remote, Path(named).stem, read_source(named))
    key = {"id": named} if named.startswith("bot_") and len(named) == 30 else {"name": named}
    found = (await remote.ask(FIND_BOT, **key))["bot"]
    if found is None:
        raise NotFound(f"There is no bot {named!r} here.", hint="See `baleybots bots list`.")
    return found


async def watch(remote: Remote, execution_id: str, *, live: bool, after: int = 0) -> LivePrinter:
    """Stays until the end; prints along when asked to."""
    printer = LivePrinter()
    idle = asyncio.create_task(tell_idle(remote, execution_id))
    try:
        async for event in remote.follow(execution_id, after):
            if event["type"] != "execution.queued":
                idle.cancel()
            if live:
                printer.show(event)
    finally:
        await end(idle)
    if live:
        printer.end()
    return printer


async def tell_idle(remote: Remote, execution_id: str) -> None:
    """Who waits and sees nothing is to know why."""
    await asyncio.sleep(IDLE_SECONDS)
    try:
        found = await remote.ask(WORKERS, id=execution_id)
    except AppError:
        return
    health, execution = found["health"], found["execution"] or {}
    if execution.get("waitingReason") == "QUEUE":
        note("Its bot runs as many at once as it may: it waits for a place.")
    elif execution.get("status") != "PENDING":
        return
    elif health["workers"] == 0:
        note("No worker is running: it waits in the queue. Start one: baleybots worker")
    elif (health["workers"] or 0) <= (health["workersShortOfMemory"] or 0):
        note("Every worker is short of memory: it waits until there is room.")


def finish(execution: dict[str, Any], as_json: bool) -> NoReturn:
    """The result, unless it is what was just streamed."""
    status, shown = execution["status"].lower(), execution.pop("shown", None)
    if as_json:
        print_json({**execution, "status": status})
    elif status == "completed":
        if shown is not None:
            note("─ result")
        if shown is None or execution["output"] != shown:
            say(value_text(execution["output"]))
        else:
            note("as above")
    else:
        _show_failure(execution["error"] or {}, status)
    if not as_json:
        note(usage_line(execution))
    sys.exit(0 if status == "completed" else 1)


def _show_failure(error: dict[str, Any], status: str) -> None:
    kind = f" ({error['kind']})" if error.get("kind") else ""
    message = error.get("message") or status.replace("_", " ")
    say(click.style(f"{status}{kind}: {message}", fg="red"), err=True)
    if error.get("hint"):
        say(with_addresses(error["hint"]), err=True)


def usage_line(execution: dict[str, Any]) -> str:
    usage = execution["usage"] or {}
    parts = [execution["id"]]
    if execution.get("durationMs") is not None:
        parts.append(f"{execution['durationMs'] / 1000:.2f} s")
    if usage.get("totalTokens"):
        parts.append(f"{usage['totalTokens']} tokens")
    if usage:
        parts.append(cost_words(usage))
    return " · ".join(part for part in parts if part)


def cost_words(usage: dict[str, Any]) -> str:
    """A model without a known price is never shown as free."""
    cost = usage.get("cost")
    if usage.get("unpriced"):
        known = "" if cost is None or not float(cost) else f"{money(cost)} + "
        return f"{known}unpriced"
    return "" if cost is None else f"{'≈ ' if usage.get('estimated') else ''}{money(cost)}"


def money(amount: str) -> str:
    """Exact, without the zeros at the end that say nothing; at least cents."""
    whole, _, rest = amount.partition(".")
    return f"${whole}.{rest.rstrip('0').ljust(2, '0')}"
