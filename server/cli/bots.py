"""`bots list|show|push|pull`: programs as files, for people and for version control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from server.cli.bal import STDIN, read_source
from server.cli.group import example
from server.cli.output import json_option, print_json, say, table
from server.cli.remote import Remote, connected
from server.core.errors import Invalid, NotFound

PAGE = 100

LIST = """
query CliBots($first: Int!, $after: String) {
  bots(first: $first, after: $after) {
    nodes { id name state draftVersion executionCount updatedAt published { number } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SHOW = """
query CliBot($id: ID, $name: String) {
  bot(id: $id, name: $name) {
    id name description state draftVersion source executionCount createdAt updatedAt
    published { id number } entities { name goal model }
  }
}
"""
CREATE = """
mutation CliCreateBot($input: CreateBotInput!) {
  createBot(input: $input) {
    bot { id name source draftVersion }
    errors { code message path ... on BalError { line column hint } }
  }
}
"""
SAVE = """
mutation CliSaveDraft($input: SaveBotDraftInput!) {
  saveBotDraft(input: $input) {
    bot { id name source draftVersion }
    errors { code message path ... on BalError { line column hint } }
  }
}
"""
PUBLISH = """
mutation CliPublish($input: PublishBotInput!) {
  publishBot(input: $input) {
    bot { id name source draftVersion published { number } }
    errors { code message path ... on BalError { line column hint } }
  }
}
"""


@click.group(epilog=example("baleybots bots list\nbaleybots bots push hello.bal --publish"))
def bots() -> None:
    """List, show, push and pull bots on a running server."""


@bots.command("list", epilog=example("baleybots bots list --json"))
@json_option
def list_(as_json: bool) -> None:
    """Every bot of the workspace."""
    found = connected(_all)
    if as_json:
        print_json(found)
        return
    table(
        ["NAME", "STATE", "PUBLISHED", "RUNS", "ID"],
        (
            [
                bot["name"],
                bot["state"].lower(),
                f"version {bot['published']['number']}" if bot["published"] else "-",
                bot["executionCount"],
                bot["id"],
            ]
            for bot in found
        ),
    )


async def _all(remote: Remote) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (await remote.ask(LIST, first=PAGE, after=after))["bots"]
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
    epilog=example("baleybots bots push hello.bal --publish\nbaleybots bots push bots/*.bal")
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--name", help="The bot's name, when it is not the file's.")
@click.option("--publish", is_flag=True, help="Publish the draft as a new version.")
@json_option
def push(files: tuple[str, ...], name: str | None, publish: bool, as_json: bool) -> None:
    """Send programs to the server: a new bot, or the draft of the bot with that name."""
    if name and len(files) > 1:
        raise click.UsageError("--name fits one FILE only.")
    if STDIN in files and not name:
        raise click.UsageError("Give --name with standard input.")

    async def work(remote: Remote) -> list[dict[str, Any]]:
        return [await _pushed(remote, file, name, publish) for file in files]

    done = connected(work)
    if as_json:
        print_json(done)
        return
    for bot in done:
        state = f"published as version {bot['published']['number']}" if publish else "draft saved"
        say(f"{bot['name']}: {state} ({bot['id']})")


async def _pushed(remote: Remote, file: str, name: str | None, publish: bool) -> dict[str, Any]:
    try:
        bot = await push_source(remote, name or Path(file).stem, read_source(file))
        if publish:
            bot = (await remote.change(PUBLISH, botId=bot["id"]))["bot"]
    except Invalid as error:
        raise Invalid(f"{file}: {error.message}") from None
    return bot


async def push_source(remote: Remote, name: str, source: str) -> dict[str, Any]:
    """Creates the bot, or replaces its draft where the text differs."""
    found = (await remote.ask(SHOW, name=name))["bot"]
    if found is None:
        return (await remote.change(CREATE, name=name, source=source))["bot"]
    if found["source"] == source:
        return found
    version = found["draftVersion"]
    saved = await remote.change(SAVE, botId=found["id"], source=source, expectedVersion=version)
    return saved["bot"]


@bots.command(epilog=example("baleybots bots pull hello\nbaleybots bots pull --all --into bots"))
@click.argument("bot", metavar="BOT", required=False)
@click.option("--all", "everything", is_flag=True, help="Every bot.")
@click.option("--into", type=click.Path(file_okay=False), default=".", help="The folder.")
@click.option("--force", is_flag=True, help="Overwrite files with another text.")
def pull(bot: str | None, everything: bool, into: str, force: bool) -> None:
    """Write drafts to NAME.bal files.."""
    if (bot is None) == (not everything):
        raise click.UsageError("Give one BOT, or --all.")

    async def work(remote: Remote) -> list[dict[str, Any]]:
        if bot is not None:
            return [await _found(remote, bot)]
        return [await _found(remote, row["id"]) for row in await _all(remote)]

    for found in connected(work):
        _write(Path(into), found, force)


def _write(folder: Path, bot: dict[str, Any], force: bool) -> None:
    name = "".join(c if c.isalnum() or c in "-_. " else "-" for c in bot["name"]).strip(". ")
    path = folder / f"{name or bot['id']}.bal"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") != bot["source"] and not force:
            raise Invalid(f"{path} holds another text.", hint="Give --force to overwrite it.")
        path.write_text(bot["source"], encoding="utf-8")
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror or error}.") from None
    say(f"{path} written")


async def _found(remote: Remote, named: str) -> dict[str, Any]:
    by_id = named.startswith("bot_") and len(named) == 30
    found = (await remote.ask(SHOW, **({"id": named} if by_id else {"name": named})))["bot"]
    if found is None:
        raise NotFound(f"There is no bot {named!r} here.", hint="See `baleybots bots list`.")
    return found
