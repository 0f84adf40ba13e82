"""`recordings list|keep|delete`: answers that are replayed at no cost."""

from __future__ import annotations

from typing import Any

import click

from server.cli.group import example
from server.cli.output import json_option, print_json, say, table
from server.cli.remote import Remote, connected
from server.cli.run import bot_for

LIST = """
query CliRecordings($botId: ID) {
  recordings(botId: $botId, first: 100) {
    nodes { id name answers executionId createdAt bot { id name } }
  }
}
"""
KEEP = """
mutation CliKeepRecording($input: KeepRecordingInput!) {
  keepRecording(input: $input) {
    recording { id name answers } errors { code message path }
  }
}
"""
DELETE = """
mutation CliDeleteRecording($input: DeleteRecordingInput!) {
  deleteRecording(input: $input) {
    recording { id name } errors { code message path }
  }
}
"""


@click.group(
    epilog=example(
        "baleybots recordings keep exe_… --name Tea\nbaleybots run report --recorded rec_…"
    )
)
def recordings() -> None:
    """Keep what models answered in an execution, and replay it at no cost."""


@recordings.command("list", epilog=example("baleybots recordings list --bot report"))
@click.option("--bot", "named", metavar="BOT", help="Only those of this bot (name or id).")
@json_option
def list_(named: str | None, as_json: bool) -> None:
    """What is kept, the newest first."""

    async def work(remote: Remote) -> Any:
        bot = (await bot_for(remote, named))["id"] if named else None
        return (await remote.ask(LIST, botId=bot))["recordings"]["nodes"]

    found = connected(work)
    if as_json:
        print_json(found)
        return
    table(["ID", "BOT", "NAME", "ANSWERS", "KEPT"], map(_row, found))


def _row(recording: dict[str, Any]) -> list[Any]:
    bot = recording["bot"]
    kept = recording["createdAt"][:19].replace("T", " ")
    name = bot["name"] if bot else ""
    return [recording["id"], name, recording["name"], recording["answers"], kept]


@recordings.command(epilog=example('baleybots recordings keep exe_… --name "Tea, all of it"'))
@click.argument("execution_id", metavar="EXECUTION")
@click.option("--name", help="How it is called; its date when absent.")
@json_option
def keep(execution_id: str, name: str | None, as_json: bool) -> None:
    """Keep what models answered and tools gave in an execution that has ended."""

    async def work(remote: Remote) -> Any:
        given = {"name": name} if name else {}
        return (await remote.change(KEEP, executionId=execution_id, **given))["recording"]

    kept = connected(work)
    if as_json:
        print_json(kept)
        return
    say(f"{kept['id']}  {kept['name']}: {kept['answers']} answers and results")


@recordings.command(epilog=example("baleybots recordings delete rec_…"))
@click.argument("recording_id", metavar="RECORDING")
@json_option
def delete(recording_id: str, as_json: bool) -> None:
    """Delete a recording. Executions that replayed it stay."""

    async def work(remote: Remote) -> Any:
        return (await remote.change(DELETE, recordingId=recording_id))["recording"]

    gone = connected(work)
    if as_json:
        print_json(gone)
        return
    say(f"Deleted {gone['name']}.")
