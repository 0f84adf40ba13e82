"""What each service of docker-compose.yml runs, run here without containers: its command, its
environment and its health check, with only ports and addresses put in the place of theirs."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.house.files import ROOT
from tests.support import services
from tests.support.processes import installation
from tests.support.waiting import until

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]

SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def health(service: str, **places: str) -> list[str]:
    """The health check's command; `places` says what stands for a port or name of the file."""
    command = SERVICES[service]["healthcheck"]["test"][1:]
    words = [_replaced(word, places) for word in command]
    return [_program(words[0]), *words[1:]]


def healthy(command: list[str], environment: dict[str, str] | None = None) -> bool:
    done = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
    return done.returncode == 0


async def becomes_healthy(command: list[str], environment: dict[str, str] | None = None) -> bool:
    try:
        return await until(lambda: asyncio.to_thread(healthy, command, environment), 40, pause=0.2)
    except TimeoutError:
        return False


async def test_server_and_worker_start_and_tell_their_health(
    tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    port = str(services.free_port())
    with installation(tmp_path, _environment(tmp_path, postgres_url, redis_url)) as here:
        server_check, worker_check = health("server", **{"8000": port}), health("worker")
        assert not healthy(server_check, here.environment)
        assert not healthy(worker_check, here.environment)
        server = here.start(*_arguments("server", port))
        assert await becomes_healthy(server_check, here.environment), server.output()
        worker = here.start(*_arguments("worker", port))
        assert await becomes_healthy(worker_check, here.environment), worker.output()
        codes = [await asyncio.to_thread(process.terminate) for process in (worker, server)]
        assert codes == [0, 0], worker.output() + server.output()
        assert not healthy(worker_check, here.environment)
        assert not healthy(server_check, here.environment)


async def test_postgres_tells_its_health(postgres_server: str) -> None:
    port = str(urlsplit(postgres_server).port)
    assert healthy([*health("postgres"), "-p", port])
    assert not healthy([*health("postgres"), "-p", str(services.free_port())])


async def test_mysql_tells_its_health(mysql_server: str) -> None:
    port = str(urlsplit(mysql_server).port)
    assert healthy([*health("mysql"), "-P", port])
    assert not healthy([*health("mysql"), "-P", str(services.free_port())])


async def test_redis_starts_and_tells_its_health(tmp_path: Path) -> None:
    port = str(services.free_port())
    program, *arguments = SERVICES["redis"]["command"]
    process = subprocess.Popen(
        [_program(program), *arguments, "--port", port],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        check = [*health("redis")[:1], "-p", port, *health("redis")[1:]]
        assert await becomes_healthy(check)
    finally:
        process.terminate()
        process.wait(10)
    assert list(tmp_path.iterdir()) == [], "nothing in Redis is kept"


def _environment(folder: Path, postgres: str, redis: str) -> dict[str, str]:
    """The file's environment; what names another container or a setting of the caller is ours."""
    ours = {
        "BALEYBOTS_DATABASE_URL": postgres,
        "BALEYBOTS_REDIS_URL": redis,
        "BALEYBOTS_DATA_DIR": str(folder / "data"),
        "BALEYBOTS_PUBLIC_URL": "http://localhost:8000",
        "OPENAI_API_KEY": "",
        "ANTHROPIC_API_KEY": "",
    }
    given = {**SERVICES["server"]["environment"], **SERVICES["worker"]["environment"]}
    return {name: ours.get(name, value) for name, value in given.items()}


def _arguments(service: str, port: str) -> list[str]:
    program, *arguments = SERVICES[service]["command"]
    assert program == "baleybots"
    return [_replaced(word, {"8000": port}) for word in arguments]


def _replaced(word: str, places: dict[str, str]) -> str:
    for theirs, ours in places.items():
        word = word.replace(theirs, ours)
    return word


def _program(name: str) -> str:
    if name == "python":
        return sys.executable
    beside = Path(sys.executable).parent / name
    found = shutil.which(name) or (str(beside) if beside.exists() else None)
    return found or str(services.postgres_source() / name)
