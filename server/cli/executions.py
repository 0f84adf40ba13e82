"""`executions list|show|follow`."""

from __future__ import annotations

from typing import Any

import click

from server.cli.group import example
from server.cli.output import json_option, print_json, say, status_text, table, value_text
from server.cli.remote import Remote, connected, with_addresses
from server.cli.run import RESULT, cost_words, finish, usage_line, watch
from server.core.errors import NotFound

LIST = """
query CliExecutions($first: Int!, $filter: ExecutionFilter) {
  executions(first: $first, filter: $filter) {
    nodes { id status createdAt durationMs bot { name } version { number } triggerKind
            usage { totalTokens cost estimated unpriced } }
  }
}
"""
SHOW = """
query CliExecution($id: ID!) {
  execution(id: $id) {
    id status waitingReason priority mode triggerKind input output createdAt startedAt finishedAt
    durationMs queuedMs lastSeq bot { id name } version { id number }
    error { kind message hint stepKey }
    usage { inputTokens outputTokens totalTokens cost estimated unpriced }
    steps { key name type status attempt reused source story output model provider
            issues { message } error { kind message hint } durationMs
            usage { totalTokens cost estimated unpriced } }
  }
}
"""
STATUSES = [
    "pending", "running", "waiting", "paused", "completed", "failed", "cancelled", "timed_out",
]  # fmt: skip


@click.group(
    epilog=example("baleybots executions list --status failed\nbaleybots executions show exe_…")
)
def executions() -> None:
    """List, show, follow and steer executions on a running server."""


@executions.command("list", epilog=example("baleybots executions list --status failed --first 10"))
@click.option("--status", type=click.Choice(STATUSES), multiple=True, help="Only these.")
@click.option("--first", type=click.IntRange(1, 100), default=25, show_default=True)
@json_option
def list_(status: tuple[str, ...], first: int, as_json: bool) -> None:
    """The latest executions, newest first."""
    chosen = {"status": {"in": [word.upper() for word in status]}} if status else None

    async def work(remote: Remote) -> Any:
        data = await remote.ask(LIST, first=first, filter=chosen)
        return data["executions"]["nodes"]

    found = [{**row, "status": row["status"].lower()} for row in connected(work)]
    if as_json:
        print_json(found)
        return
    table(["ID", "BOT", "STATUS", "STARTED", "SECONDS", "TOKENS", "COST"], map(_row, found))


def _row(execution: dict[str, Any]) -> list[Any]:
    duration = execution["durationMs"]
    return [
        execution["id"],
        execution["bot"]["name"] if execution["bot"] else "",
        execution["status"],
        execution["createdAt"][:19].replace("T", " "),
        f"{duration / 1000:.2f}" if duration is not None else "",
        execution["usage"]["totalTokens"],
        cost_words(execution["usage"]),
    ]


@executions.command(epilog=example("baleybots executions show exe_… --json"))
@click.argument("execution_id", metavar="EXECUTION")
@json_option
def show(execution_id: str, as_json: bool) -> None:
    """One execution with its steps, result, tokens and cost."""

    async def work(remote: Remote) -> Any:
        return await fetched(remote, SHOW, execution_id)

    found = connected(work)
    if as_json:
        print_json({**found, "status": found["status"].lower()})
        return
    say(f"{found['bot']['name'] if found['bot'] else ''}  {status_text(found['status'])}".strip())
    say(usage_line(found))
    say()
    heads = ["STEP", "TYPE", "STATUS", "MODEL", "SECONDS", "COST"]
    table(heads, map(_step_row, found["steps"]))
    for step in found["steps"]:
        if step["story"]:
            say(f"{step['key']}: {step['story']}")
        for issue in step["issues"]:
            say(f"{step['key']}: {issue['message']}")
    say()
    if found["error"]:
        say(f"{found['error']['kind']}: {found['error']['message']}")
        say(with_addresses(found["error"]["hint"] or ""))
    else:
        say(value_text(found["output"]))


def _step_row(step: dict[str, Any]) -> list[Any]:
    duration = step["durationMs"]
    seconds = f"{duration / 1000:.2f}" if duration is not None else ""
    cost = cost_words(step["usage"])
    return [step["key"], step["type"], step["status"].lower(), step["model"], seconds, cost]


@executions.command(epilog=example("baleybots executions follow exe_…"))
@click.argument("execution_id", metavar="EXECUTION")
@click.option("--after", type=click.IntRange(0), default=0, help="Skip events up to this number.")
@json_option
def follow(execution_id: str, after: int, as_json: bool) -> None:
    """Follow an execution live from its first event to its end. With --json a line per event."""

    async def work(remote: Remote) -> Any:
        if as_json:
            import json

            async for event in remote.follow(execution_id, after):
                say(json.dumps(event, ensure_ascii=False))
        else:
            printer = await watch(remote, execution_id, live=True, after=after)
            return {**await fetched(remote, RESULT, execution_id), "shown": printer.latest}
        return await fetched(remote, RESULT, execution_id)

    found = connected(work)
    if not as_json:
        finish(found, as_json=False)
    raise SystemExit(0 if found["status"] == "COMPLETED" else 1)


async def fetched(remote: Remote, document: str, execution_id: str) -> dict[str, Any]:
    found = (await remote.ask(document, id=execution_id))["execution"]
    if found is None:
        raise NotFound(f"There is no execution {execution_id} here.")
    return found
