"""`bots export|import`: bundles between servers, with a look before anything changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from server.cli.group import example
from server.cli.output import json_option, note, print_json, say
from server.cli.remote import Remote, connected
from server.cli.whole_file import write_whole
from server.core.errors import Conflict, Invalid, NotFound

BOT_ID = """
query CliBotId($id: ID, $name: String) { bot(id: $id, name: $name) { id name } }
"""
EXPORT = """
query CliExport($botIds: [ID!]) {
  bundleExport(botIds: $botIds) { url size sha256 botCount connections { kind name } }
}
"""
PREVIEW = """
query CliPreviewImport($bundleId: ID!) {
  previewImport(bundleId: $bundleId) {
    createCount updateCount unchangedCount conflictCount missingConnections { kind name }
    items {
      name status mistakeCount missingConnections missingTools
      comparison { summary linesAdded linesRemoved }
    }
  }
}
"""
APPLY = """
mutation CliApplyImport($input: ApplyImportInput!) {
  applyImport(input: $input) {
    results { name status bot { id name } }
    errors { code message path }
  }
}
"""
RESOLUTIONS = ("skip", "overwrite", "copy")


@click.command(
    epilog=example(
        "baleybots bots export --out bots.zip\nbaleybots bots export news weather --out two.zip"
    )
)
@click.argument("bots", nargs=-1, metavar="[BOT...]")
@click.option(
    "--out", "--output", default="bots.zip", type=click.Path(dir_okay=False), help="The file."
)
@json_option
def export(bots: tuple[str, ...], out: str, as_json: bool) -> None:
    """Write bots to a bundle: a zip of text files, without any secret. All bots without BOT."""

    async def work(remote: Remote) -> tuple[dict[str, Any], bytes]:
        ids = [await _id(remote, named) for named in bots] or None
        offered = (await remote.ask(EXPORT, botIds=ids))["bundleExport"]
        return offered, await remote.fetch(offered["url"])

    offered, data = connected(work)
    write_whole(out, data)
    if as_json:
        print_json({"file": out, **offered})
        return
    count = offered["botCount"]
    say(f"{out} written: {count} {'bot' if count == 1 else 'bots'}, {len(data)} bytes")
    for stub in offered["connections"]:
        note(f"needs a connection where it arrives: {stub['kind']} ({stub['name']})")


@click.command(
    "import",
    epilog=example(
        "baleybots bots import bots.zip --dry-run\n"
        "baleybots bots import bots.zip --on-conflict skip"
    ),
)
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--on-conflict",
    type=click.Choice(RESOLUTIONS),
    help="What happens to bots that were changed on the server too.",
)
@json_option
def import_(file: str, dry_run: bool, on_conflict: str | None, as_json: bool) -> None:
    """Bring a bundle to the server: all of it or nothing. What arrives is a draft, never live.

    Ends with 1 when bots were changed on the server too and --on-conflict does not say what then.
    """
    data = _bytes(file)

    async def work(remote: Remote) -> tuple[dict[str, Any], list[dict[str, Any]] | None]:
        sent = await remote.send(f"/bundles?name={quote(Path(file).name)}", data, "application/zip")
        found = (await remote.ask(PREVIEW, bundleId=sent["bundleId"]))["previewImport"]
        if dry_run or (found["conflictCount"] and on_conflict is None):
            return found, None
        chosen = {"onConflict": on_conflict.upper()} if on_conflict else {}
        done = await remote.change(APPLY, bundleId=sent["bundleId"], **chosen)
        return found, done["results"]

    found, done = connected(work)
    if as_json:
        print_json({"preview": found, "results": done})
    else:
        _show(found, done)
    if done is None and found["conflictCount"] and on_conflict is None:
        raise Conflict(
            "Some bots were changed on the server too; nothing was imported.",
            hint="Say --on-conflict skip, overwrite or copy.",
        )


def _show(found: dict[str, Any], done: list[dict[str, Any]] | None) -> None:
    for item in found["items"]:
        say(f"{item['status'].lower():<10} {item['name']}{_remarks(item)}")
    for stub in found["missingConnections"]:
        note(f"not here: a connection to {stub['kind']} ({stub['name']})")
    if done is None:
        say("Nothing was changed.")
        return
    kept = sum(one["bot"] is None for one in done)
    left = f", {kept} left out" if kept else ""
    say(f"Imported: {found['createCount']} new, {found['updateCount']} changed{left}.")


def _remarks(item: dict[str, Any]) -> str:
    words: list[str] = []
    if item["comparison"] and item["comparison"]["summary"]:
        words.append(item["comparison"]["summary"])
    if item["mistakeCount"]:
        words.append(f"its text has mistakes: {item['mistakeCount']}")
    words += [f"no {kind} connection here" for kind in item["missingConnections"]]
    words += [f"no tool {tool} here" for tool in item["missingTools"]]
    return f"  ({'; '.join(words)})" if words else ""


async def _id(remote: Remote, named: str) -> str:
    by_id = named.startswith("bot_") and len(named) == 30
    found = (await remote.ask(BOT_ID, **({"id": named} if by_id else {"name": named})))["bot"]
    if found is None:
        raise NotFound(f"There is no bot {named!r} here.", hint="See `baleybots bots list`.")
    return found["id"]


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror or error}.") from None
