"""`executions export`: one execution as a file, to keep, to send, or to read elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import click

from server.cli.executions import fetched
from server.cli.group import example
from server.cli.output import json_text, note, say, value_text
from server.cli.remote import Remote, connected
from server.cli.run import money
from server.cli.steering import executions
from server.cli.whole_file import write_whole

FORMAT, FORMAT_VERSION = "baleybots.execution", 1
HEAD = """
query CliExportedExecution($id: ID!) {
  execution(id: $id) {
    id status waitingReason mode triggerKind input output inputBlob { url }
    outputBlob { url } conversation createdAt startedAt finishedAt durationMs queuedMs lastSeq
    bot { id name } version { id number source } parent { id }
    forkedFrom { id } forkedFromStep error { kind message hint stepKey }
    usage { inputTokens outputTokens totalTokens cost estimated unpriced }
  }
}
"""
STEPS = """
query CliExportedSteps($id: ID!, $after: Cursor) {
  execution(id: $id) {
    stepPages(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        key parentKey name type status position attempt reused source story input output
        inputBlob { url } outputBlob { url } requestedModel model provider
        error { kind message hint } startedAt finishedAt durationMs ttftMs
        usage { inputTokens outputTokens totalTokens cost estimated unpriced }
      }
    }
  }
}
"""


@executions.command(
    epilog=example(
        "baleybots executions export exe_… --out run.json\n"
        "baleybots executions export exe_… --format markdown > run.md"
    )
)
@click.argument("execution_id", metavar="EXECUTION")
@click.option(
    "--format", "form", type=click.Choice(["json", "markdown"]), default="json", show_default=True
)
@click.option(
    "--out", "--output", type=click.Path(dir_okay=False), help="A file; else standard output."
)
def export(execution_id: str, form: str, out: str | None) -> None:
    """Write one execution: its program, input, steps, result and every event.

    One that still runs is written as it stands. Markdown is for reading and has no events."""

    async def work(remote: Remote) -> dict[str, Any]:
        head = await fetched(remote, HEAD, execution_id)
        steps = await _steps(remote, execution_id)
        for row in (head, *steps):
            await _whole(remote, row)
        events = await _events(remote, execution_id, head["lastSeq"]) if form == "json" else []
        return {**head, "steps": steps, "events": events}

    found = connected(work)
    text = _as_json(found) if form == "json" else "\n".join(_markdown(found))
    if out is None:
        say(text)
        return
    write_whole(out, f"{text}\n".encode())
    note(f"Written to {out}.")


async def _steps(remote: Remote, execution_id: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        data = await remote.ask(STEPS, id=execution_id, after=after)
        page = data["execution"]["stepPages"]
        steps += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return steps
        after = page["pageInfo"]["endCursor"]


async def _events(remote: Remote, execution_id: str, last: int) -> list[dict[str, Any]]:
    """Up to the number that the execution had when it was looked at: a running one has no end."""
    events: list[dict[str, Any]] = []
    if last:
        async with aclosing(remote.follow(execution_id)) as followed:
            async for event in followed:
                events.append(event)
                if event["seq"] >= last:
                    break
    return events


async def _whole(remote: Remote, row: dict[str, Any]) -> None:
    """A value too large for an answer of the API is fetched: a file is complete."""
    row["status"] = row["status"].lower()
    for side in ("input", "output"):
        kept = row.pop(f"{side}Blob")
        if kept:
            row[side] = json.loads(await remote.fetch(kept["url"]))


def _as_json(found: dict[str, Any]) -> str:
    return json_text({"format": FORMAT, "formatVersion": FORMAT_VERSION, "execution": found})


def _markdown(found: dict[str, Any]) -> Iterator[str]:
    name = found["bot"]["name"] if found["bot"] else "A deleted bot"
    version = f", version {found['version']['number']}" if found["version"] else ""
    yield f"# {name}: {found['status'].replace('_', ' ')}"
    yield f"\n{found['id']}{version}, {found['mode'].lower()}, begun {found['createdAt']}"
    yield f"\n- {_took(found)}"
    yield f"- {found['usage']['totalTokens']} tokens, {money(found['usage']['cost'])}"
    yield from _value("## Input", found["input"])
    for step in found["steps"]:
        yield f"\n## Step {step['key']}"
        yield f"\n{_step_line(step)}"
        yield from _value("### Given", step["input"])
        yield from _ending("###", step)
    yield from _ending("##", found)


def _took(row: dict[str, Any]) -> str:
    return f"{row['durationMs'] / 1000:.2f} s" if row["durationMs"] is not None else "not ended"


def _step_line(step: dict[str, Any]) -> str:
    usage = step["usage"]
    parts = [step["type"], step["status"], step["model"], _took(step)]
    if usage["totalTokens"]:
        parts += [f"{usage['totalTokens']} tokens", money(usage["cost"])]
    return " · ".join(part for part in [*parts, "reused" if step["reused"] else ""] if part)


def _ending(level: str, row: dict[str, Any]) -> Iterator[str]:
    if row["error"]:
        yield f"\n{level} Error"
        yield f"\n**{row['error']['kind']}**: {row['error']['message']}"
        return
    yield from _value(f"{level} Result", row["output"])


def _value(heading: str, value: Any) -> Iterator[str]:
    """Fenced, with a fence longer than any inside: what a model wrote stays text."""
    if value is None:
        return
    text = value_text(value)
    fence = "```"
    while fence in text:
        fence += "`"
    yield f"\n{heading}\n\n{fence}{'' if isinstance(value, str) else 'json'}\n{text}\n{fence}"
