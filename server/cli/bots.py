"""`bots list|show|push|pull|export|import`: bots as files, for people and for version control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from server.cli.bundles import export, import_
from server.cli.group import example
from server.cli.output import json_option, print_json, say, table
from server.cli.pushing import Pushed, push_all, read_files
from server.cli.remote import Remote, connected
from server.cli.whole_file import write_whole, writing
from server.core.errors import Invalid, NotFound
from server.core.filenames import stem_of

PAGE = 100
STATES = ("draft", "active", "paused", "archived")

LIST = """
query CliBots($first: Int!, $after: Cursor, $filter: BotFilter) {
  bots(first: $first, after: $after, filter: $filter, orderBy: [{ field: NAME }]) {
    nodes {
      id name state tags draftVersion draftIsLive executionCount updatedAt published { number }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SHOW = """
query CliBot($id: ID, $name: String) {
  bot(id: $id, name: $name) {
    id name description state tags draftVersion source executionCount createdAt updatedAt
    published { id number source } entities { name goal model }
  }
}
"""

LIMITS = """
query CliLimits($id: ID, $name: String) {
  bot(id: $id, name: $name) { id name concurrencyVersion concurrency { limit perKey } }
}
"""
LIMIT = """
mutation CliLimit($input: UpdateBotConcurrencyInput!) {
  updateBotConcurrency(input: $input) {
    bot { id name concurrencyVersion concurrency { limit perKey } } errors { code message path }
  }
}
"""


@click.group(epilog=example("baleybots bots list\nbaleybots bots push hello.bal --publish"))
def bots() -> None:
    """List, show, push, pull, export and import bots on a running server."""


bots.add_command(export)
bots.add_command(import_)


@bots.command(
    "list", epilog=example("baleybots bots list --json\nbaleybots bots list --tag nightly")
)
@click.option("--tag", help="Only those with this tag.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@json_option
def list_(tag: str | None, state: str | None, as_json: bool) -> None:
    """Every bot of the workspace, by name."""
    where: dict[str, Any] = {"tag": {"eq": tag}} if tag else {}
    if state:
        where["state"] = {"eq": state.upper()}

    async def work(remote: Remote) -> list[dict[str, Any]]:
        return await _all(remote, where)

    found = connected(work)
    if as_json:
        print_json(found)
        return
    table(
        ["NAME", "STATE", "PUBLISHED", "RUNS", "TAGS", "ID"],
        (
            [
                bot["name"],
                bot["state"].lower(),
                f"version {bot['published']['number']}" if bot["published"] else "-",
                bot["executionCount"],
                ", ".join(bot["tags"]),
                bot["id"],
            ]
            for bot in found
        ),
    )


async def _all(remote: Remote, where: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (await remote.ask(LIST, first=PAGE, after=after, filter=where))["bots"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@bots.command(epilog=example("baleybots bots show hello"))
@click.argument("bot", metavar="BOT")
@json_option
def show(bot: str, as_json: bool) -> None:
    """One bot with its program."""

    async def work(remote: Remote) -> dict[str, Any]:
        return await _found(remote, bot)

    found = connected(work)
    if as_json:
        print_json(found)
        return
    published = f"version {found['published']['number']}" if found["published"] else "none"
    say(f"{found['name']}  {found['state'].lower()}  {found['id']}")
    say(f"published: {published}, executions: {found['executionCount']}")
    say()
    say(found["source"].rstrip())


@bots.command(
    epilog=example(
        "baleybots bots push bots --dry-run\n"
        "baleybots bots push bots --publish --note 'Release 12'\n"
        "baleybots bots push hello.bal"
    )
)
@click.argument("files", nargs=-1, required=True, metavar="FILE|FOLDER...")
@click.option("--name", help="The bot's name, when it is not the file's.")
@click.option("--publish", is_flag=True, help="Make each draft the live version.")
@click.option("--note", help="What to note on the versions that are published.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
def push(
    files: tuple[str, ...],
    name: str | None,
    publish: bool,
    note: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send programs to the server: a new bot, or the draft of the bot with that name.

    All files are checked before the first one is sent; one with mistakes stops everything."""
    programs = read_files(files, name)

    async def work(remote: Remote) -> list[Pushed]:
        return await push_all(remote, programs, publish=publish, note=note, dry_run=dry_run)

    done: list[Pushed] = connected(work)
    if as_json:
        print_json([one.to_json() for one in done])
        return
    for one in done:
        say(one.words(dry_run))


@bots.command(epilog=example("baleybots bots pull hello\nbaleybots bots pull --all --into bots"))
@click.argument("bot", metavar="BOT", required=False)
@click.option("--all", "everything", is_flag=True, help="Every bot that is not archived.")
@click.option("--tag", help="Every bot with this tag.")
@click.option("--into", type=click.Path(file_okay=False), default=".", help="The folder.")
@click.option("--live", is_flag=True, help="The live version in place of the draft.")
@click.option("--force", is_flag=True, help="Overwrite files with another text.")
def pull(
    bot: str | None, everything: bool, tag: str | None, into: str, live: bool, force: bool
) -> None:
    """Write the programs of bots to NAME.bal files, just as `bots push` reads them."""
    if [bot is not None, everything, tag is not None].count(True) != 1:
        raise click.UsageError("Give one BOT, or --all, or --tag.")

    async def work(remote: Remote) -> list[dict[str, Any]]:
        if bot is not None:
            return [await _found(remote, bot)]
        where: dict[str, Any] = {"state": {"in": ["DRAFT", "ACTIVE", "PAUSED"]}}
        if tag is not None:
            where["tag"] = {"eq": tag}
        return [await _found(remote, row["id"]) for row in await _all(remote, where)]

    for found in connected(work):
        if live and found["published"] is None:
            say(f"{found['name']} has no live version; left out", err=True)
            continue
        _write(Path(into), found, found["published"]["source"] if live else found["source"], force)


def _write(folder: Path, bot: dict[str, Any], source: str, force: bool) -> None:
    """The very bytes: a line ending of another system would be a change in version control."""
    path = folder / f"{stem_of(bot['name']) or bot['id']}.bal"
    data = source.encode("utf-8", "replace")
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        there = path.read_bytes() if path.exists() else None
    if there == data:
        say(f"{path} unchanged")
        return
    if there is not None and not force:
        raise Invalid(f"{path} holds another text.", hint="Give --force to overwrite it.")
    write_whole(path, data)
    say(f"{path} written")


@bots.command(
    epilog=example(
        "baleybots bots limit hello --at-once 3 --per-key 1\nbaleybots bots limit hello --none"
    )
)
@click.argument("bot", metavar="BOT")
@click.option("--at-once", type=click.IntRange(1, 10_000), help="So many of its executions.")
@click.option("--per-key", type=click.IntRange(1, 10_000), help="So many with the same key.")
@click.option("--none", "no_limit", is_flag=True, help="Take both limits away.")
@json_option
def limit(
    bot: str, at_once: int | None, per_key: int | None, no_limit: bool, as_json: bool
) -> None:
    """Say how many executions of a bot run at once; the others wait in the queue.

    Without an option it says what is set. One limit given alone leaves the other as it is.
    """
    asked = at_once is not None or per_key is not None
    if no_limit and asked:
        raise click.UsageError("Give --none, or the limits.")

    async def work(remote: Remote) -> dict[str, Any]:
        found = await _limits(remote, bot)
        if not asked and not no_limit:
            return found
        now = found["concurrency"]
        given = {"limit": at_once or now["limit"], "perKey": per_key or now["perKey"]}
        changed = await remote.change(
            LIMIT,
            botId=found["id"],
            expectedVersion=found["concurrencyVersion"],
            **({} if no_limit else given),
        )
        return changed["bot"]

    found = connected(work)
    if as_json:
        print_json(found)
        return
    now = found["concurrency"]
    words = [
        f"{count} {what}"
        for count, what in ((now["limit"], "at once"), (now["perKey"], "at once per key"))
        if count is not None
    ]
    say(f"{found['name']}: {', '.join(words) or 'no limit'}")


async def _limits(remote: Remote, named: str) -> dict[str, Any]:
    by_id = named.startswith("bot_") and len(named) == 30
    found = (await remote.ask(LIMITS, **({"id": named} if by_id else {"name": named})))["bot"]
    if found is None:
        raise NotFound(f"There is no bot {named!r} here.", hint="See `baleybots bots list`.")
    return found


async def _found(remote: Remote, named: str) -> dict[str, Any]:
    by_id = named.startswith("bot_") and len(named) == 30
    found = (await remote.ask(SHOW, **({"id": named} if by_id else {"name": named})))["bot"]
    if found is None:
        raise NotFound(f"There is no bot {named!r} here.", hint="See `baleybots bots list`.")
    return found
