"""`python -m tests.policy graphql` over our own hostile requests: each is refused with the code
that the second list names in the same line, and the server is well afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from server.core.settings import load_settings
from tests import policy
from tests.support.front import Api, Front, on_a_port

pytestmark = pytest.mark.slow

LISTS = Path(__file__).parent / "lists"
REQUESTS = (LISTS / "hostile.jsonl").read_text()
WANTED = [line.split(",") for line in (LISTS / "hostile.codes.txt").read_text().splitlines()]


async def test_every_hostile_request_is_refused_with_its_code(  # S16, S17, S18, S19, S20, S29
    front: Front, api: Api, tmp_path: Path
) -> None:
    settings = load_settings({}, data_dir=tmp_path)
    async with on_a_port(front.app) as url:
        answers = await policy.judge_all("graphql", REQUESTS, settings, url, api.token)
    assert len(answers) == len(WANTED)
    for number, (answer, wanted) in enumerate(zip(answers, WANTED, strict=True), start=1):
        assert answer["status"] in (200, 400, 413), (number, answer)
        assert answer["codes"], (number, answer)
        assert answer["codes"][0] in wanted, (number, answer, wanted)
        assert answer["ms"] < 5_000
    assert (await api.data("{ health { ready } }"))["health"]["ready"] is True


async def test_without_a_token_nothing_is_even_read(  # S01, S18
    front: Front, tmp_path: Path
) -> None:
    settings = load_settings({}, data_dir=tmp_path)
    async with on_a_port(front.app) as url:
        answers = await policy.judge_all("graphql", REQUESTS, settings, f"{url}/graphql")
    assert {answer["status"] for answer in answers} == {401}
    assert {tuple(answer["codes"]) for answer in answers} == {("UNAUTHENTICATED",)}


@pytest.mark.slow
async def test_the_command_prints_a_line_for_each(front: Front, api: Api, tmp_path: Path) -> None:
    given = tmp_path / "some.jsonl"
    given.write_text('{"query": "{ viewer { role } }"}\n{"query": "{"}\n[]\n')
    async with on_a_port(front.app) as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.policy", "graphql", str(given), "--url", url),
            env={**os.environ, "BALEYBOTS_TOKEN": api.token},
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    found = [json.loads(line) for line in output.decode().splitlines()]
    assert [(one["status"], one["codes"]) for one in found] == [
        (200, []),
        (200, ["INVALID_INPUT"]),
        (400, ["INVALID_INPUT"]),
    ]
    assert all(set(one) == {"status", "codes", "ms"} for one in found)
