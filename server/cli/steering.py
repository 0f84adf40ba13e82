"""`executions cancel|delete|pause|resume|step|retry`: what changes an execution."""

from __future__ import annotations

import json
from typing import Any

import click

from server.cli.executions import executions
from server.cli.group import example
from server.cli.output import json_option, print_json, say
from server.cli.remote import Remote, connected
from server.cli.run import RESULT, finish, watch
from server.core.errors import Invalid

CONTROL = """
mutation CliControl($input: ControlExecutionInput!) {
  controlExecution(input: $input) { execution { id status } errors { code message path } }
}
"""
MANY = """
mutation CliCancelMany($input: CancelExecutionsInput!) {
  cancelExecutions(input: $input) {
    results { executionId execution { status } errors { message } } errors { code message path }
  }
}
"""
DELETE = """
mutation CliDelete($input: DeleteExecutionsInput!) {
  deleteExecutions(input: $input) {
    results { executionId errors { message } } errors { code message path }
  }
}
"""
RERUN = """
mutation CliRerun($input: RerunExecutionInput!) {
  rerunExecution(input: $input) {
    execution { id status forkedFromStep } errors { code message path }
  }
}
"""
PRIORITIZE = """
mutation CliPrioritize($input: SetExecutionPriorityInput!) {
  setExecutionPriority(input: $input) {
    execution { id status priority } errors { code message path }
  }
}
"""
reason_option = click.option("--reason", help="Why; shown with the execution.")
execution_argument = click.argument("execution_id", metavar="EXECUTION")
executions_argument = click.argument(
    "execution_ids", metavar="EXECUTION...", nargs=-1, required=True
)


@executions.command(
    epilog=example(
        "baleybots executions cancel exe_… --reason 'wrong input'\n"
        "baleybots executions cancel exe_… exe_…"
    )
)
@executions_argument
@reason_option
@json_option
def cancel(execution_ids: tuple[str, ...], reason: str | None, as_json: bool) -> None:
    """Stop one execution or several. What is finished stays stored."""
    if len(execution_ids) == 1:
        _control(execution_ids[0], "CANCEL", reason, as_json)
    else:
        _many(MANY, "cancelling", execution_ids, reason, as_json)


@executions.command(epilog=example("baleybots executions delete exe_… exe_… --yes"))
@executions_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@reason_option
@json_option
def delete(execution_ids: tuple[str, ...], yes: bool, reason: str | None, as_json: bool) -> None:
    """Delete ended executions for good. What they cost stays in the costs."""
    if not yes:
        click.confirm(f"Delete {len(execution_ids)} for good?", abort=True)
    _many(DELETE, "deleted", execution_ids, reason, as_json)


@executions.command(epilog=example("baleybots executions pause exe_…"))
@execution_argument
@reason_option
@json_option
def pause(execution_id: str, reason: str | None, as_json: bool) -> None:
    """Hold an execution before its next step. It keeps no worker busy."""
    _control(execution_id, "PAUSE", reason, as_json)


@executions.command(epilog=example("baleybots executions resume exe_…"))
@execution_argument
@reason_option
@json_option
def resume(execution_id: str, reason: str | None, as_json: bool) -> None:
    """Let a paused execution go on."""
    _control(execution_id, "RESUME", reason, as_json)


@executions.command(epilog=example("baleybots executions step exe_…"))
@execution_argument
@reason_option
@json_option
def step(execution_id: str, reason: str | None, as_json: bool) -> None:
    """Let a paused execution take one action, then hold again."""
    _control(execution_id, "STEP", reason, as_json)


@executions.command(
    epilog=example(
        "baleybots executions retry exe_…\n"
        "baleybots executions retry exe_… --from chain/editor --output 'chain/writer=\"A text\"'\n"
        "baleybots executions retry exe_… --only-failed\n"
        "baleybots executions retry exe_… --draft --follow"
    )
)
@execution_argument
@click.option("--from", "from_step", help="Key of the first step that is done anew.")
@click.option(
    "--only-failed",
    is_flag=True,
    help="All that failed, also what the program went on without; nothing else.",
)
@click.option("--skip", multiple=True, metavar="STEP", help="Go on without this step.")
@click.option("--draft", is_flag=True, help="With the bot's present draft.")
@click.option("--input", "input_text", help="Another input, as JSON.")
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="STEP=JSON",
    help="Another result in the place of an earlier step's.",
)
@click.option("--follow", is_flag=True, help="Follow it to its end.")
@json_option
def retry(
    execution_id: str,
    from_step: str | None,
    only_failed: bool,
    skip: tuple[str, ...],
    draft: bool,
    input_text: str | None,
    outputs: tuple[str, ...],
    follow: bool,
    as_json: bool,
) -> None:
    """Do an ended execution again: what failed, or from any step on. Earlier results are reused at
    no cost."""
    given: dict[str, Any] = {
        "executionId": execution_id,
        "fromStep": from_step,
        "onlyFailed": only_failed,
        "skip": list(skip),
        "version": "DRAFT" if draft else "SAME",
        "outputs": dict(map(_output, outputs)) or None,
    }
    if input_text is not None:
        given["input"] = _json(input_text, "--input")

    async def work(remote: Remote) -> Any:
        made = (await remote.change(RERUN, **given))["execution"]
        if not follow:
            return made
        if not as_json:
            say(made["id"])
        await watch(remote, made["id"], live=not as_json, after=0)
        return (await remote.ask(RESULT, id=made["id"]))["execution"]

    found = connected(work)
    if follow:
        finish(found, as_json=as_json)
        raise SystemExit(0 if found["status"] == "COMPLETED" else 1)
    found = {**found, "status": found["status"].lower()}
    print_json(found) if as_json else say(f"{found['id']} {found['status']}")


@executions.command(epilog=example("baleybots executions prioritize exe_… 9"))
@execution_argument
@click.argument("priority", type=click.IntRange(1, 9))
@json_option
def prioritize(execution_id: str, priority: int, as_json: bool) -> None:
    """Give an execution that waits another priority: 9 goes first, 1 last."""

    async def work(remote: Remote) -> Any:
        given = {"executionId": execution_id, "priority": priority}
        return (await remote.change(PRIORITIZE, **given))["execution"]

    found = connected(work)
    found = {**found, "status": found["status"].lower()}
    print_json(found) if as_json else say(f"{found['id']} {found['status']} {found['priority']}")


def _control(execution_id: str, action: str, reason: str | None, as_json: bool) -> None:
    async def work(remote: Remote) -> Any:
        given = {"executionId": execution_id, "action": action, "reason": reason}
        return (await remote.change(CONTROL, **given))["execution"]

    found = connected(work)
    found = {**found, "status": found["status"].lower()}
    print_json(found) if as_json else say(f"{found['id']} {found['status']}")


def _many(
    document: str, word: str, ids: tuple[str, ...], reason: str | None, as_json: bool
) -> None:
    async def work(remote: Remote) -> Any:
        return (await remote.change(document, executionIds=ids, reason=reason))["results"]

    found = connected(work)
    if as_json:
        print_json(found)
    else:
        for one in found:
            why = "; ".join(error["message"] for error in one["errors"])
            status = (one.get("execution") or {}).get("status", word).lower()
            say(f"{one['executionId']} {why or status}")
    raise SystemExit(1 if any(one["errors"] for one in found) else 0)


def _output(text: str) -> tuple[str, Any]:
    key, mark, value = text.partition("=")
    if not mark:
        raise Invalid("--output takes STEP=JSON, such as 'chain/writer=\"A text\"'.")
    return key, _json(value, "--output")


def _json(text: str, option: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Invalid(f"{option} is not JSON: {error}.") from None
