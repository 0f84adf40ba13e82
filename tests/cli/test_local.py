"""Commands on the machine of the data, and what stops a start: each in one sentence."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.bus.bus import Bus
from server.cli.group import cli

KEY = "another" * 8


def run(*words: str, **environ: str) -> Result:
    return CliRunner(env=environ).invoke(cli, words)


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path / "data")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data folder with an owner in it; making one takes most of a second."""
    folder = str(tmp_path_factory.mktemp("made"))
    assert run("token", "create", "--data-dir", folder).exit_code == 0
    return folder


def test_a_token_is_made_without_a_server(made: str) -> None:
    plain = run("token", "create", "--data-dir", made)
    assert plain.stdout.startswith("bb_")
    assert plain.stdout.count("\n") == 1  # ready for $(…)
    named = run("token", "create", "--role", "viewer", "--name", "x", "--data-dir", made, "--json")
    found = json.loads(named.stdout)
    assert (found["role"], found["name"]) == ("viewer", "x")
    assert set(found) == {"token", "id", "name", "role"}


def test_people_are_added_listed_let_in_and_shut_out(made: str) -> None:
    data = made
    assert run("user", "add", "ada@example.org", "--data-dir", data).exit_code == 0
    listed = json.loads(run("user", "list", "--json", "--data-dir", data).stdout)
    assert [one["email"] for one in listed] == ["owner@localhost", "ada@example.org"]
    link = run("user", "link", "ada@example.org", "--data-dir", data, "--url", "https://b.test/")
    assert link.stdout.startswith("https://b.test/signin?token=")
    assert run("user", "disable", "ada@example.org", "--data-dir", data).exit_code == 0
    refused = run("user", "link", "ada@example.org", "--data-dir", data)
    assert refused.exit_code == 1
    assert "disabled" in refused.stderr
    for words in (("user", "link", "no@example.org"), ("user", "add", "junk")):
        assert run(*words, "--data-dir", data).exit_code == 1


def test_migrating_says_what_it_does(data: str) -> None:
    planned = json.loads(run("migrate", "--dry-run", "--json", "--data-dir", data).stdout)
    assert planned["applied"]
    assert not Path(data, "baleybots.db").exists()
    assert run("migrate", "--data-dir", data).stdout.startswith("Applied ")
    assert run("migrate", "--data-dir", data).stdout == "The database is up to date.\n"


def test_doctor_on_a_healthy_machine(made: str) -> None:
    result = run("doctor", "--json", "--data-dir", made)
    assert result.exit_code == 0
    found = {one["check"]: one for one in json.loads(result.stdout)}
    wanted = {"settings", "folder", "key", "database", "secrets", "redis", "clock", "models"}
    assert set(found) == wanted
    assert {one["verdict"] for one in found.values()} == {"ok"}


def test_doctor_shows_what_is_set_and_no_secret(made: str) -> None:
    shown = run(
        "doctor", "--data-dir", made, BALEYBOTS_LOG_LEVEL="debug", BALEYBOTS_TICK_SECRET=KEY
    )
    assert "BALEYBOTS_LOG_LEVEL=debug, BALEYBOTS_TICK_SECRET=****" in shown.stdout
    assert KEY not in shown.stdout


def test_doctor_tells_a_key_that_is_not_the_one_of_the_data(made: str, data: str) -> None:  # S70
    shutil.copytree(made, data)
    assert run("secrets", "rotate", "--data-dir", data).exit_code == 0
    result = run("doctor", "--data-dir", data, BALEYBOTS_SECRET_KEY=KEY)
    assert result.exit_code == 1
    assert "problem  secrets" in result.stdout
    assert "not the one this database was made with" in result.stdout


@pytest.mark.services
async def test_doctor_counts_workers_that_are_short_of_memory(made: str, redis_url: str) -> None:
    bus = Bus(redis_url)
    await bus.attendance.come("one")
    await bus.attendance.come("two", short=True)
    given = ("doctor", "--data-dir", made)
    result = await asyncio.to_thread(run, *given, BALEYBOTS_REDIS_URL=redis_url)
    await bus.redis.aclose(close_connection_pool=True)
    assert "2 workers are running, 1 of them short of memory" in result.stdout
    assert "BALEYBOTS_WORKER_MEMORY_MIB" in result.stdout


def test_doctor_says_what_is_wrong_and_what_to_do(made: str) -> None:
    result = run("doctor", "--data-dir", made, BALEYBOTS_REDIS_URL="redis://127.0.0.1:1/0")
    assert result.exit_code == 1
    assert "problem  redis" in result.stdout
    assert "BALEYBOTS_REDIS_URL" in result.stdout
    misspelt = run("doctor", "--data-dir", made, BALEYBOTS_PUBLICURL="x", OPENAI_API_KEY="sk-x")
    assert misspelt.exit_code == 0
    assert "BALEYBOTS_PUBLICURL" in misspelt.stdout
    assert "OPENAI_API_KEY" in misspelt.stdout
    assert "sk-x" not in misspelt.stdout


def stops_with(result: Result, *words: str) -> None:
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.output
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def test_a_misspelt_setting_is_told_at_the_start_and_refuses_nothing(data: str) -> None:
    said = run("serve", "--data-dir", data, BALEYBOTS_LOG_LEVL="debug").stderr
    assert "BALEYBOTS_LOG_LEVL (did you mean BALEYBOTS_LOG_LEVEL?)" in said
    assert "Error: `baleybots serve` needs Redis" in said  # it went on


def test_a_taken_port(data: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        wanted = ("--port", f"make run PORT={int(port) + 1}")
        stops_with(run("up", "--port", port, "--data-dir", data), port, *wanted)
    assert not Path(data).exists()


def test_an_address_that_is_not_ours(data: str) -> None:
    stops_with(run("up", "--host", "192.0.2.1", "--port", "0", "--data-dir", data), "--host")


def test_a_data_folder_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    stops_with(run("up", "--port", "0", "--data-dir", str(file / "data")), "--data-dir")
    stops_with(run("up", "--port", "0", "--data-dir", str(file)), "it is a file", "--data-dir")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BALEYBOTS_DATABASE_URL", "oracle://x"),
        ("BALEYBOTS_LOG_LEVEL", "loud"),
        ("BALEYBOTS_RETENTION_DAYS", "-1"),
    ],
)
def test_a_setting_that_cannot_be_used(data: str, name: str, value: str) -> None:
    result = CliRunner(env={name: value}).invoke(cli, ["up", "--port", "0", "--data-dir", data])
    stops_with(result, name)


def test_a_database_of_a_newer_release(data: str, made: str) -> None:
    shutil.copytree(made, data)
    with sqlite3.connect(Path(data, "baleybots.db")) as database:
        database.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at) "
            "VALUES ('models', '9999_future', '2099-01-01')"
        )
    database.close()
    stops_with(run("up", "--port", "0", "--data-dir", data), "newer")


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_several_processes_need_redis(data: str, command: str) -> None:
    stops_with(run(command, "--data-dir", data), "BALEYBOTS_REDIS_URL", "baleybots up")


def test_the_schema_is_printed_as_it_is_committed() -> None:
    committed = Path(__file__).parents[2] / "graphql-schema" / "schema.graphql"
    assert run("export-schema").stdout == committed.read_text(encoding="utf-8")
