"""`connections list|add|test|remove`: keys and addresses of providers, on a running server."""

from __future__ import annotations

import sys
from typing import Any

import click

from server.cli.group import example
from server.cli.output import json_option, print_json, say, table
from server.cli.remote import Remote, connected
from server.core.errors import Invalid, NotFound, Upstream

PAGE = 100

LIST = """
query CliConnections($first: Int!, $after: Cursor) {
  connections(first: $first, after: $after) {
    nodes { id kind name status statusMessage isDefault secrets lastCheckedAt usedBy { botName }
      inFallbacks }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CREATE = """
mutation CliCreateConnection($input: CreateConnectionInput!) {
  createConnection(input: $input) {
    connection { id kind name status isDefault } test { ok message models }
    errors { code message path }
  }
}
"""
TEST = """
mutation CliTestConnection($input: TestConnectionInput!) {
  testConnection(input: $input) {
    connection { id name status } test { ok message models }
    errors { code message path }
  }
}
"""
DELETE = """
mutation CliDeleteConnection($input: DeleteConnectionInput!) {
  deleteConnection(input: $input) { connection { id name } errors { code message path } }
}
"""


@click.group(
    epilog=example("baleybots connections list\nbaleybots connections add openai < key.txt")
)
def connections() -> None:
    """List, add, test and remove connections on a running server."""


@connections.command("list", epilog=example("baleybots connections list --json"))
@json_option
def list_(as_json: bool) -> None:
    """Every connection of the workspace; of its keys only the end."""
    found = connected(_all)
    if as_json:
        print_json(found)
        return
    table(
        ["NAME", "KIND", "STATUS", "DEFAULT", "KEY", "USED BY", "ID"],
        (
            [
                one["name"],
                one["kind"],
                one["status"].lower(),
                "yes" if one["isDefault"] else "",
                " ".join(one["secrets"].values()),
                f"{len(one['usedBy'])} bots{', fallbacks' if one['inFallbacks'] else ''}",
                one["id"],
            ]
            for one in found
        ),
    )


async def _all(remote: Remote) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (await remote.ask(LIST, first=PAGE, after=after))["connections"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


@connections.command(
    epilog=example(
        "baleybots connections add openai < key.txt\n"
        "baleybots connections add ollama --address http://localhost:11434 --no-key"
    )
)
@click.argument("kind", metavar="KIND")
@click.option("--name", help="How it is called; the provider's name when not given.")
@click.option("--address", help="Where it is, if not the usual place.")
@click.option("--model", help="What answers when a bot names no model.")
@click.option("--set", "more", multiple=True, metavar="FIELD=VALUE", help="Another setting.")
@click.option("--default", "is_default", is_flag=True, help="Answer where no model is named.")
@click.option("--no-key", is_flag=True, help="It needs no key.")
@click.option("--force", is_flag=True, help="Keep it though its test fails.")
@json_option
def add(
    kind: str,
    name: str | None,
    address: str | None,
    model: str | None,
    more: tuple[str, ...],
    is_default: bool,
    no_key: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Test a connection and store it. The key is read from standard input or asked for, never
    from an argument: those can be seen by others on the machine."""
    settings = _settings(address, model, more)
    secrets = {} if no_key else {"apiKey": _key()}
    values: dict[str, Any] = {"kind": kind, "settings": settings, "secrets": secrets}
    values |= {"name": name, "force": force, "isDefault": is_default or None}

    async def work(remote: Remote) -> dict[str, Any]:
        return await remote.change(CREATE, **values)

    made = connected(work)
    if as_json:
        print_json(made)
        return
    row, test = made["connection"], made["test"]
    say(f"{row['name']}: {row['status'].lower()}. {test['message']} ({row['id']})")


@connections.command(epilog=example("baleybots connections test OpenAI"))
@click.argument("connection", metavar="NAME|ID")
@json_option
def test(connection: str, as_json: bool) -> None:
    """Make one real call with a stored connection; exit code 1 when it fails."""

    async def work(remote: Remote) -> dict[str, Any]:
        found = await _found(remote, connection)
        return await remote.change(TEST, connectionId=found["id"])

    done = connected(work)
    if as_json:
        print_json(done)
    if not done["test"]["ok"]:
        raise Upstream(f"{done['connection']['name']}: {done['test']['message']}")
    if not as_json:
        say(f"{done['connection']['name']}: {done['test']['message']}")


@connections.command(epilog=example("baleybots connections remove OpenAI"))
@click.argument("connection", metavar="NAME|ID")
@click.option("--force", is_flag=True, help="Remove it though bots use it; needs --reason.")
@click.option("--reason", default="", help="Why; kept in the record of changes.")
@json_option
def remove(connection: str, force: bool, reason: str, as_json: bool) -> None:
    """Delete a connection and its key."""

    async def work(remote: Remote) -> dict[str, Any]:
        found = await _found(remote, connection)
        return await remote.change(DELETE, connectionId=found["id"], force=force, reason=reason)

    done = connected(work)
    if as_json:
        print_json(done["connection"])
        return
    say(f"{done['connection']['name']} removed")


def _key() -> str:
    if sys.stdin.isatty():
        return click.prompt("Key", hide_input=True)
    return sys.stdin.readline().strip()


def _settings(address: str | None, model: str | None, more: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in more:
        field, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--set takes FIELD=VALUE, not {pair!r}.")
        found[field] = int(value) if value.isdigit() else value
    given = {"baseUrl": address, "model": model}
    return {**found, **{name: value for name, value in given.items() if value}}


async def _found(remote: Remote, named: str) -> dict[str, Any]:
    rows = await _all(remote)
    matching = [row for row in rows if named in (row["id"], row["name"])]
    if not matching:
        matching = [row for row in rows if row["name"].casefold() == named.casefold()]
    if not matching:
        raise NotFound(
            f"There is no connection {named!r} here.", hint="See `baleybots connections list`."
        )
    if len(matching) > 1:
        raise Invalid(f"Several connections are called {named!r}; give the id.")
    return matching[0]
