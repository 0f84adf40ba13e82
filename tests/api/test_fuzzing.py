"""schemathesis over the running server: whatever it makes of the schema, no answer is a bug."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.rules import CODES
from tests.api.samples import codes_of
from tests.support.front import Api, Front, on_a_port


@pytest.mark.slow
@pytest.mark.journey
@pytest.mark.timeout(240)
async def test_no_made_up_request_meets_a_bug(front: Front, api: Api, tmp_path: Path) -> None:
    report = tmp_path / "made.har"
    async with on_a_port(front.app) as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "schemathesis.cli", "run", f"{url}/graphql", "--no-color"),
            *("--header", f"Authorization: Bearer {api.token}"),
            *("--phases", "fuzzing", "--max-examples", "5", "--seed", "1"),
            *("--checks", "not_a_server_error", "--generation-database", "none"),
            *("--report", "har", "--report-har-path", str(report)),
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.support.fuzzing"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    answers = list(_answers(report))
    assert len(answers) > 300, said.decode()[-2000:]
    for status, body in answers:
        assert status < 500, body
        codes = set(codes_of(body)) - {""}  # errors of which no code was asked for
        assert "INTERNAL" not in codes, body
        assert codes <= CODES, body
    assert (await api.data("{ health { ready } }"))["health"]["ready"] is True


def _answers(report: Path) -> Iterator[tuple[int, Any]]:
    for entry in json.loads(report.read_text())["log"]["entries"]:
        response = entry["response"]
        text = response["content"].get("text") or "{}"
        yield response["status"], json.loads(text)
