"""`approvals list|show|approve|reject|answer`: decisions from a terminal."""

from __future__ import annotations

import json
from typing import Any

import click

from server.cli.group import example
from server.cli.output import json_option, print_json, say, table, value_text
from server.cli.remote import Remote, connected
from server.core.errors import Invalid, NotFound

FIELDS = """
  id kind status stepKey tool arguments entity goal reason choices createdAt expiresAt
  decidedAt decidedBy action note modifiedArguments fields to answer bot { name } execution { id }
  diagnosis { failureClass cause actions { action label } }
"""
LIST = f"""
query CliApprovals($first: Int!, $filter: ApprovalFilter) {{
  approvals(first: $first, filter: $filter) {{ nodes {{ {FIELDS} }} }}
}}
"""
SHOW = f"query CliApproval($id: ID!) {{ approval(id: $id) {{ {FIELDS} }} }}"
DECIDE = f"""
mutation CliDecide($input: DecideApprovalInput!) {{
  decideApproval(input: $input) {{ approval {{ {FIELDS} }} errors {{ code message path }} }}
}}
"""
STATUSES = ["pending", "approved", "rejected", "modified", "expired", "withdrawn"]


@click.group(
    epilog=example("baleybots approvals list\nbaleybots approvals approve apr_… --note 'go on'")
)
def approvals() -> None:
    """List, show and decide what waits for a person on a running server."""


@approvals.command("list", epilog=example("baleybots approvals list --status rejected"))
@click.option("--status", type=click.Choice(STATUSES), multiple=True, help="Only these.")
@click.option("--first", type=click.IntRange(1, 100), default=25, show_default=True)
@json_option
def list_(status: tuple[str, ...], first: int, as_json: bool) -> None:
    """What waits for a decision, newest first."""
    chosen = {"status": {"in": [word.upper() for word in status]}} if status else None

    async def work(remote: Remote) -> Any:
        return (await remote.ask(LIST, first=first, filter=chosen))["approvals"]["nodes"]

    found = [_lowered(row) for row in connected(work)]
    if as_json:
        print_json(found)
        return
    table(["ID", "BOT", "STEP", "ASKS", "STATUS", "UNTIL"], map(_row, found))


def _row(approval: dict[str, Any]) -> list[Any]:
    return [
        approval["id"],
        approval["bot"]["name"] if approval["bot"] else "",
        approval["stepKey"],
        _asks(approval),
        approval["status"],
        approval["expiresAt"][:16].replace("T", " "),
    ]


def _asks(approval: dict[str, Any]) -> str:
    failed = approval["kind"] == "remedy"
    asked = (approval["reason"], approval["tool"])[:: 1 if failed else -1]
    return asked[0] or asked[1] or approval["kind"]


@approvals.command(epilog=example("baleybots approvals show apr_… --json"))
@click.argument("approval_id", metavar="APPROVAL")
@json_option
def show(approval_id: str, as_json: bool) -> None:
    """One approval: what is asked, by whom, and what it means."""

    async def work(remote: Remote) -> Any:
        return (await remote.ask(SHOW, id=approval_id))["approval"]

    found = connected(work)
    if found is None:
        raise NotFound(f"There is no approval {approval_id} here.")
    found = _lowered(found)
    if as_json:
        print_json(found)
        return
    say(f"{found['tool'] or found['kind']}  {found['status']}")
    say(f"step {found['stepKey']} of {found['execution']['id']}")
    if found["reason"]:
        say(found["reason"])
    say(value_text(found["arguments"]))
    if found["diagnosis"]:
        say(found["diagnosis"]["cause"])
    if found["fields"]:
        asked = ", ".join(f"{name} ({kind})" for name, kind in found["fields"].items())
        say(f"Answer with --values: {asked}.")
    if found["choices"]:
        say(f"Choose with --action: {', '.join(found['choices'])}.")
    if found["decidedBy"]:
        say(f"{found['status']} by {found['decidedBy']}: {found['note'] or ''}".rstrip(": "))


@approvals.command(
    epilog=example(
        "baleybots approvals approve apr_…\n"
        'baleybots approvals approve apr_… --arguments \'{"to": "ada@example.org"}\'\n'
        "baleybots approvals approve apr_… --action skip"
    )
)
@click.argument("approval_id", metavar="APPROVAL")
@click.option("--note", help="Kept with the decision.")
@click.option(
    "--arguments",
    help="Other arguments for the tool, or what a failed step is tried again with, as JSON.",
)
@click.option("--action", help="One of the choices of a failed step, such as retry or skip.")
@click.option("--value", help="With --action continue: the result, as JSON.")
@json_option
def approve(
    approval_id: str,
    note: str | None,
    arguments: str | None,
    action: str | None,
    value: str | None,
    as_json: bool,
) -> None:
    """Agree, agree with other arguments, or choose what to do about a failure."""
    if arguments is not None:
        answer = {"modify": {"arguments": _json(arguments, "--arguments"), "note": note}}
    elif action is not None:
        given = None if value is None else _json(value, "--value")
        answer = {"choose": {"action": action, "value": given, "note": note}}
    else:
        answer = {"approve": {"note": note}}
    _decide(approval_id, answer, as_json)


@approvals.command(epilog=example("baleybots approvals reject apr_… --reason 'too expensive'"))
@click.argument("approval_id", metavar="APPROVAL")
@click.option("--reason", help="Why; a model that asked for a tool hears it.")
@json_option
def reject(approval_id: str, reason: str | None, as_json: bool) -> None:
    """Refuse what is asked, or let the failed step fail."""
    _decide(approval_id, {"reject": {"reason": reason}}, as_json)


@approvals.command(epilog=example("baleybots approvals answer apr_… --values '{\"count\": 3}'"))
@click.argument("approval_id", metavar="APPROVAL")
@click.option("--values", required=True, help="A value for each field asked for, as JSON.")
@click.option("--note", help="Kept with the answer.")
@json_option
def answer(approval_id: str, values: str, note: str | None, as_json: bool) -> None:
    """Answer the question of a bot."""
    said = {"values": _json(values, "--values"), "note": note}
    _decide(approval_id, {"answer": said}, as_json)


def _decide(approval_id: str, answer: dict[str, Any], as_json: bool) -> None:
    async def work(remote: Remote) -> Any:
        return (await remote.change(DECIDE, approvalId=approval_id, **answer))["approval"]

    found = _lowered(connected(work))
    print_json(found) if as_json else say(f"{found['id']} {found['status']}")


def _lowered(approval: dict[str, Any]) -> dict[str, Any]:
    return {
        **approval,
        "status": approval["status"].lower(),
        "kind": approval["kind"].lower(),
    }


def _json(text: str, option: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Invalid(f"{option} is not JSON: {error}.") from None
