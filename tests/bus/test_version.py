"""A Redis that is too old stops the start with one sentence, and `doctor` says the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.bus.bus import Bus
from server.cli.doctor import CHECKS
from server.core.errors import StartError
from server.core.settings import load_settings

SENTENCE = "This Redis is version 6.0.16; Baleybots needs 6.2 or newer."


@pytest.fixture
async def old_redis() -> AsyncIterator[str]:
    """Says of itself that it is 6.0.16."""
    info = b"# Server\r\nredis_version:6.0.16\r\n"
    answers = {b"INFO": b"$%d\r\n%s\r\n" % (len(info), info), b"PING": b"+PONG\r\n"}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while first := await reader.readline():
            words: list[bytes] = []
            for _ in range(int(first[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2])
            writer.write(answers.get(words[0], b"+OK\r\n"))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"


async def test_a_redis_that_is_too_old_stops_the_start(old_redis: str) -> None:
    bus = Bus(old_redis)
    with pytest.raises(StartError, match=SENTENCE) as stopped:
        await bus.start()
    assert "BALEYBOTS_REDIS_URL" in (stopped.value.hint or "")
    await bus.redis.aclose(close_connection_pool=True)


async def test_the_doctor_says_so_too(old_redis: str, tmp_path: Path) -> None:
    finding = await dict(CHECKS)["redis"](load_settings({}, data_dir=tmp_path, redis_url=old_redis))
    assert finding.verdict == "problem"
    assert finding.message.startswith(SENTENCE)
