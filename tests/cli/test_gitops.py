"""Bots as files in version control: a folder goes up and comes down as it was."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from server.cli.group import cli
from server.models.enums import Role
from tests.support.front import Front, on_a_port, open_front

pytestmark = pytest.mark.slow

WRITER = 'writer { "goal": "Sum up the text" }\r\n\n'
PURE = 'processor ("same") { "result" }'
Run = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with open_front(tmp_path_factory.mktemp("data")) as front:
        yield front


@pytest_asyncio.fixture(scope="module")
async def url(front: Front) -> AsyncIterator[str]:
    async with on_a_port(front.app) as url:
        yield url


@pytest_asyncio.fixture
async def run_as(front: Front, url: str) -> Callable[..., Awaitable[Run]]:
    async def as_somebody(workspace: str, role: Role = Role.OWNER) -> Run:
        token = (await front.caller(role, workspace=workspace)).token

        async def command(*words: str) -> Result:
            runner = CliRunner(env={"BALEYBOTS_URL": url, "BALEYBOTS_TOKEN": token})
            return await asyncio.to_thread(runner.invoke, cli, ["bots", *words])

        return command

    return as_somebody


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.autocrlf=false"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode()


async def test_a_folder_goes_up_and_comes_down_and_git_sees_no_change(
    run_as: Callable[..., Awaitable[Run]], tmp_path: Path
) -> None:
    run = await run_as("git")
    (tmp_path / "News.bal").write_bytes(WRITER.encode())
    (tmp_path / "a%2Fb Grüße.bal").write_bytes(PURE.encode())
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "bots")

    tried = await run("push", str(tmp_path), "--dry-run", "--publish")
    assert tried.exit_code == 0, tried.output
    assert "News: would be created, would be published" in tried.stdout
    assert json.loads((await run("list", "--json")).stdout) == []

    done = await run("push", str(tmp_path), "--publish", "--note", "Release 1", "--json")
    assert [(one["name"], one["action"]) for one in json.loads(done.stdout)] == [
        ("News", "create"),
        ("a/b Grüße", "create"),
    ]
    again = await run("push", str(tmp_path), "--publish")
    assert again.stdout.count("unchanged, published as version 1") == 2
    pulled = await run("pull", "--all", "--into", str(tmp_path))
    assert pulled.stdout.count("unchanged") == 2
    (tmp_path / "News.bal").unlink()
    await run("pull", "--all", "--live", "--into", str(tmp_path))
    assert git(tmp_path, "status", "--porcelain") == ""

    (tmp_path / "News.bal").write_text(WRITER.replace("Sum up", "Translate"))
    tried = await run("push", str(tmp_path), "--dry-run")
    assert "News: would change: writer has a new goal" in tried.stdout


async def test_one_mistake_stops_all(run_as: Callable[..., Awaitable[Run]], tmp_path: Path) -> None:
    run = await run_as("mistakes")
    (tmp_path / "good.bal").write_text(PURE)
    (tmp_path / "wrong.bal").write_text('a { "goal": "A" }\nchain { a b }')
    for words in (["--dry-run"], []):
        refused = await run("push", str(tmp_path), *words)
        assert refused.exit_code == 1
        assert "wrong.bal: line 2, column 11" in refused.stderr
        assert "Nothing was sent." in refused.stderr
    assert json.loads((await run("list", "--json")).stdout) == []
    (tmp_path / "empty").mkdir()
    assert (await run("push", str(tmp_path / "empty"))).exit_code == 1
    assert (await run("push", str(tmp_path), "--name", "x")).exit_code == 2


async def test_bundles_between_two_places(
    run_as: Callable[..., Awaitable[Run]], tmp_path: Path
) -> None:
    dev, prod = await run_as("dev-cli"), await run_as("prod-cli")
    program = tmp_path / "News.bal"
    program.write_text(WRITER)
    await dev("push", str(program))
    bundle = str(tmp_path / "bots.zip")
    exported = await dev("export", "News", "--out", bundle)
    assert exported.exit_code == 0, exported.output
    assert "1 bot," in exported.stdout

    tried = await prod("import", bundle, "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert tried.stdout == "create     News\nNothing was changed.\n"
    assert "Imported: 1 new, 0 changed." in (await prod("import", bundle)).stdout
    assert (await prod("import", bundle)).stdout.startswith("unchanged  News")

    program.write_text(WRITER + "# prod")
    await prod("push", str(program))
    program.write_text(WRITER.replace("Sum up", "Translate"))
    await dev("push", str(program))
    await dev("export", "--out", bundle)
    refused = await prod("import", bundle)
    assert refused.exit_code == 1
    assert "--on-conflict" in refused.stderr
    decided = await prod("import", bundle, "--on-conflict", "overwrite", "--json")
    assert json.loads(decided.stdout)["results"][0]["status"] == "CONFLICT"
    shown = await prod("show", "News", "--json")
    assert "Translate" in json.loads(shown.stdout)["source"]

    (tmp_path / "no.zip").write_text("no zip")
    refused = await prod("import", str(tmp_path / "no.zip"))
    assert refused.exit_code == 1
    assert "Traceback" not in refused.output
    looker = await run_as("prod-cli", Role.VIEWER)
    denied = await looker("import", bundle)
    assert denied.exit_code == 1
    assert "bots:write" in denied.stderr
