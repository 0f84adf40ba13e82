"""The commands that talk to a running server, against a real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from server.cli.group import cli
from server.core.ids import read_id
from server.models.enums import Role
from server.models.tables import Execution
from tests.support.front import Front, on_a_port, open_front
from tests.support.waiting import until

PURE = 'processor ("same") { "result" }'
PAIR = """a { "goal": "Sum up the text" }
b { "goal": "List the key points" }
c { "goal": "Write a digest" }
chain { parallel { "x": a "y": b } c }
"""
TEXT = "Tea is a drink. It is made from leaves. Many people like it."
Run = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with open_front(tmp_path_factory.mktemp("data")) as front:
        yield front


@pytest_asyncio.fixture(scope="module")
async def run(front: Front) -> AsyncIterator[Run]:
    """Runs a command as its user would, with the server's address and a token."""
    token = (await front.caller()).token
    async with on_a_port(front.app) as url:

        async def command(*words: str, **environ: str | None) -> Result:
            given = {"BALEYBOTS_URL": url, "BALEYBOTS_TOKEN": token, **environ}
            runner = CliRunner(env=given)
            return await asyncio.to_thread(runner.invoke, cli, words)

        yield command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "same.bal").write_text(PURE)
    (tmp_path / "pair.bal").write_text(PAIR)
    return tmp_path


async def test_a_file_runs_and_its_result_is_printed(run: Run, folder: Path) -> None:
    result = await run("run", str(folder / "same.bal"), "--input", '{"n": 7}')
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"n": 7}
    assert "exe_" in result.stderr


@pytest.mark.slow
async def test_live_text_comes_step_by_step_and_not_twice(run: Run, folder: Path) -> None:
    result = await run("run", str(folder / "pair.bal"), "--input", TEXT, "--demo", "--follow")
    assert result.exit_code == 0, result.output
    heads = [line for line in result.stdout.splitlines() if line.startswith("▸ ")]
    assert sorted(heads) == ["▸ a", "▸ b", "▸ c"]
    assert heads[-1] == "▸ c"
    assert result.stdout.count("Key points") == 1
    assert "\x1b" not in result.stdout


async def test_a_result_as_json(run: Run, folder: Path) -> None:
    result = await run("run", str(folder / "same.bal"), "--input", "hi", "--json")
    found = json.loads(result.stdout)
    assert (found["status"], found["output"]) == ("completed", "hi")
    assert set(found) >= {"id", "durationMs", "error", "usage", "bot"}


async def test_a_failed_execution_is_exit_code_one(run: Run, folder: Path) -> None:
    (folder / "needs.bal").write_text('a { "goal": "A" "model": "openai:gpt-4o-mini" }')
    result = await run("run", str(folder / "needs.bal"), "--input", "x")
    assert result.exit_code == 1
    assert "failed (provider_auth)" in result.stderr or "failed (" in result.stderr
    assert "Traceback" not in result.output


async def test_a_broken_file_is_refused_with_its_place(run: Run, folder: Path) -> None:
    (folder / "broken.bal").write_text('a { "goal": "A" }\nchain { a b }')
    result = await run("run", str(folder / "broken.bal"))
    assert result.exit_code == 1
    assert "line 2, column 11" in result.stderr


async def test_bots_go_up_and_come_down_again(run: Run, folder: Path) -> None:
    pushed = await run(
        "bots", "push", str(folder / "pair.bal"), "--name", "Two and one", "--publish"
    )
    assert pushed.exit_code == 0, pushed.output
    assert pushed.stdout.startswith("Two and one: created, published as version 1 (bot_")
    again = await run("bots", "push", str(folder / "pair.bal"), "--name", "Two and one")
    assert again.stdout.startswith("Two and one: unchanged (bot_")
    shown = await run("bots", "show", "two and ONE", "--json")
    assert json.loads(shown.stdout)["draftVersion"] == 1  # the same text is no change
    listed = await run("bots", "list", "--json")
    assert "Two and one" in [bot["name"] for bot in json.loads(listed.stdout)]
    assert (await run("bots", "list")).stdout.startswith("NAME")
    into = folder / "down"
    assert (await run("bots", "pull", "Two and one", "--into", str(into))).exit_code == 0
    assert (into / "Two and one.bal").read_text() == PAIR
    (into / "Two and one.bal").write_text("changed here")
    refused = await run("bots", "pull", "Two and one", "--into", str(into))
    assert refused.exit_code == 1
    assert "--force" in refused.stderr


async def test_executions_are_listed_shown_followed(run: Run, folder: Path) -> None:
    started = await run("run", str(folder / "same.bal"), "--input", "hi", "--json")
    execution_id = json.loads(started.stdout)["id"]
    listed = await run("executions", "list", "--status", "completed", "--json")
    assert execution_id in [one["id"] for one in json.loads(listed.stdout)]
    shown = await run("executions", "show", execution_id, "--json")
    assert json.loads(shown.stdout)["steps"][0]["type"] == "processor"
    assert "hi" in (await run("executions", "show", execution_id)).stdout
    followed = await run("executions", "follow", execution_id, "--json")
    events = [json.loads(line) for line in followed.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    rest = await run("executions", "follow", execution_id, "--json", "--after", "2")
    assert [json.loads(line) for line in rest.stdout.splitlines()] == events[2:]
    cancelled = await run("executions", "cancel", execution_id)
    assert cancelled.exit_code == 1
    assert "completed already" in cancelled.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("run", "nobody"),
        ("bots", "show", "nobody"),
        ("executions", "show", "exe_" + "0" * 26),
        ("executions", "follow", "exe_" + "0" * 26),
        ("executions", "cancel", "junk"),
    ],
)
async def test_what_is_not_there_is_one_sentence(run: Run, words: tuple[str, ...]) -> None:
    result = await run(*words)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: There is no")
    assert result.stderr.count("\n") == 1


async def test_without_a_token_or_with_a_wrong_one(run: Run) -> None:
    for token in (None, "bb_wrong"):
        result = await run("bots", "list", BALEYBOTS_TOKEN=token)
        assert result.exit_code == 1
        assert "baleybots token create" in result.stderr


async def test_without_a_server(run: Run) -> None:
    result = await run("bots", "list", BALEYBOTS_URL="http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "baleybots up" in result.stderr


async def test_a_token_that_may_not_says_which_scope(run: Run, front: Front, folder: Path) -> None:
    token = (await front.caller(Role.VIEWER)).token
    words = ("bots", "push", str(folder / "same.bal"), "--name", "Not by viewers")
    result = await run(*words, BALEYBOTS_TOKEN=token)
    assert result.exit_code == 1
    assert "bots:write" in result.stderr


async def test_an_execution_is_held_and_goes_on(run: Run, folder: Path) -> None:
    started = await run("run", str(folder / "same.bal"), "--input", "7", "--json")
    done = json.loads(started.stdout)["id"]
    for word in ("pause", "resume", "step", "cancel"):
        refused = await run("executions", word, done)
        assert refused.exit_code == 1
        assert "completed already" in refused.output


@pytest.mark.slow
async def test_an_execution_is_done_again(run: Run, folder: Path) -> None:
    started = await run("run", str(folder / "pair.bal"), "--demo", "--input", TEXT, "--json")
    first = json.loads(started.stdout)["id"]
    again = await run(
        "executions", "retry", first, "--from", "chain/c", "--follow", "--json"
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    shown = json.loads(
        (await run("executions", "show", json.loads(again.stdout)["id"], "--json")).stdout
    )
    assert [step["reused"] for step in shown["steps"] if step["type"] == "entity"] == [
        True, True, False,
    ]  # fmt: skip
    wrong = await run("executions", "retry", first, "--from", "nowhere")
    assert (wrong.exit_code, "no step `nowhere`" in wrong.output) == (1, True)
    broken = await run("executions", "retry", first, "--output", "chain/c")
    assert (broken.exit_code, "STEP=JSON" in broken.output) == (1, True)


async def test_decisions_from_the_terminal(run: Run, front: Front) -> None:
    api = await front.caller()
    bot = await api.bot("chain { use nothing_there on_error pause }", "Asking")
    started = await api.start(bot["id"], input=1)

    async def listed() -> list[dict[str, Any]]:
        return json.loads((await run("approvals", "list", "--json")).stdout)

    (asked,) = await until(listed)
    assert asked["choices"] == ["retry", "skip", "continue", "fail"]
    shown = await run("approvals", "show", asked["id"])
    assert "Choose with --action" in shown.output
    assert asked["id"] in (await run("approvals", "list")).output
    decided = await run("approvals", "approve", asked["id"], "--action", "continue", "--value", "2")
    assert decided.exit_code == 0, decided.output
    followed = await run("executions", "follow", started["id"])
    assert followed.exit_code == 0
    late = await run("approvals", "reject", asked["id"], "--reason", "No.")
    assert (late.exit_code, "approved this (continue) on" in late.output) == (1, True)


@pytest.mark.slow
async def test_an_execution_is_kept_and_replayed(run: Run, folder: Path) -> None:
    program = folder / "pair.bal"
    first = json.loads((await run("run", str(program), "--input", TEXT, "--json")).stdout)
    kept = json.loads((await run("recordings", "keep", first["id"], "--json")).stdout)
    assert kept["answers"] == 3
    again = await run("run", program.stem, "--recorded", "newest", "--json")
    found = json.loads(again.stdout)
    assert (found["status"], found["output"]) == ("completed", first["output"])
    shown = await run("executions", "show", found["id"])
    assert "c: from the recording, no cost" in shown.stdout
    listed = await run("recordings", "list", "--bot", program.stem)
    assert kept["id"] in listed.stdout
    both = await run("run", program.stem, "--recorded", "newest", "--demo")
    assert both.exit_code == 2
    on = await run("run", program.stem, "--continues", first["id"], "--input", "More", "--json")
    assert json.loads(on.stdout)["status"] == "completed"
    gone = await run("recordings", "delete", kept["id"])
    assert gone.stdout.startswith("Deleted Execution of")


async def test_a_question_is_answered_from_the_terminal(run: Run, front: Front) -> None:
    api = await front.caller()
    source = 'use ask with { message: "How many?", fields: { count: "integer" } }'
    started = await api.start((await api.bot(source, "Wants to know"))["id"], input=1)

    async def listed() -> list[dict[str, Any]]:
        found = json.loads((await run("approvals", "list", "--json")).stdout)
        return [one for one in found if one["execution"]["id"] == started["id"]]

    (asked,) = await until(listed)
    shown = await run("approvals", "show", asked["id"])
    assert "Answer with --values: count (integer)." in shown.output
    wrong = await run("approvals", "answer", asked["id"], "--values", '{"count": "many"}')
    assert wrong.exit_code == 1
    done = await run("approvals", "answer", asked["id"], "--values", '{"count": 3}')
    assert done.exit_code == 0, done.output
    followed = await run("executions", "follow", started["id"])
    assert followed.exit_code == 0


async def test_an_execution_as_a_file_is_complete(run: Run, folder: Path) -> None:
    long = " ".join(["tea"] * 40_000)
    ran = await run("run", str(folder / "same.bal"), "--input", long, "--json")
    ran_id, target = json.loads(ran.stdout)["id"], folder / "run.json"
    written = await run("executions", "export", ran_id, "--out", str(target))
    assert written.exit_code == 0, written.output
    said = json.loads(target.read_text())
    found = said["execution"]
    assert (said["format"], found["status"]) == ("baleybots.execution", "completed")
    assert found["input"] == found["output"] == found["steps"][0]["output"] == long
    assert [event["seq"] for event in found["events"]] == [*range(1, found["lastSeq"] + 1)]
    assert found["version"]["source"] == PURE

    read = await run("executions", "export", ran_id, "--format", "markdown")
    assert read.stdout.startswith("# same: completed\n")
    assert "## Step" in read.stdout
    nowhere = await run("executions", "export", ran_id, "--out", str(folder / "no" / "run.json"))
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (1, True)


async def test_priorities_and_limits_from_the_terminal(run: Run, front: Front) -> None:
    api = await front.caller()
    await api.bot('processor ("same") { "result" }', "plain")
    told = await run("bots", "limit", "plain", "--at-once", "3", "--per-key", "1")
    assert told.stdout == "plain: 3 at once, 1 at once per key\n"
    assert (await run("bots", "limit", "plain", "--at-once", "2")).stdout.startswith("plain: 2 at")
    done = await run("run", "plain", "--priority", "8", "--key", "ann", "--input", "1", "--json")
    assert done.exit_code == 0, done.output
    shown = await run("executions", "show", json.loads(done.stdout)["id"], "--json")
    assert json.loads(shown.stdout)["priority"] == 8
    assert (await run("bots", "limit", "plain", "--none")).stdout == "plain: no limit\n"
    both = await run("bots", "limit", "plain", "--none", "--at-once", "1")
    assert both.exit_code == 2

    bot = await api.bot('use ask with { message: "?" }', "asks")
    execution_id = (await api.start(bot["id"], input="x"))["id"]
    waits = Execution.filter(id=read_id("execution", execution_id), status="waiting")
    await until(waits.exists)
    changed = await run("executions", "prioritize", execution_id, "2")
    assert changed.stdout == f"{execution_id} waiting 2\n"
    refused = await run("executions", "prioritize", execution_id, "10")
    assert refused.exit_code == 2
    assert (await run("executions", "cancel", execution_id)).exit_code == 0
    late = await run("executions", "prioritize", execution_id, "2")
    assert (late.exit_code, "cancelled" in late.stderr) == (1, True)
