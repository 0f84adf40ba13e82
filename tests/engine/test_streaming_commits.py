"""What a model writes is stored while it writes it, at a price that the time of writing bounds."""

from __future__ import annotations

from math import floor
from pathlib import Path
from typing import Any

import pytest

from server.engine import sqlite_writer
from server.engine.deltas import DELTA_SECONDS
from server.models.tables import Event, Execution, ModelCall
from tests.support.model_server import ModelServer, Reply
from tests.support.rooms import open_home

SOURCE = 'a { "goal": "Say", "model": "openai:m" }'
WORDS = " ".join(f"word{number}" for number in range(24))
GAP = 0.02
OF_A_CALL = 2


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every transaction of the store, with how many pieces of work went into it."""
    seen: list[int] = []
    plain = sqlite_writer._transaction

    def counted(db: Any, batch: list[Any], now: Any) -> list[Any]:
        seen.append(len(batch))
        return plain(db, batch, now)

    monkeypatch.setattr(sqlite_writer, "_transaction", counted)
    return seen


async def test_a_streamed_answer_costs_the_commits_of_its_call_and_one_in_fifty_milliseconds(
    tmp_path: Path, transactions: list[int]
) -> None:
    async with ModelServer(Reply(WORDS)) as models:
        environ = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": models.url}
        async with open_home(tmp_path, environ=environ) as home:
            bot = await home.bot(SOURCE)

            async def counted() -> tuple[Execution, int]:
                transactions.clear()
                row = await home.ended(await home.start(bot, "x"))
                return row, len(transactions)

            await counted()
            at_once, plain = await counted()
            models.always("m", Reply(WORDS, gap=GAP))
            streamed, many = await counted()
            call = await ModelCall.get(execution_id=streamed.id)
            rows = Event.filter(execution_id=streamed.id, type="step.delta").order_by("seq")
            deltas = [event.data["text"] for event in await rows]
    assert at_once.output == streamed.output == "".join(deltas) == WORDS
    assert plain == OF_A_CALL
    assert call.duration_ms is not None
    assert call.duration_ms >= 23 * GAP * 1000
    assert len(deltas) > 4
    assert many <= OF_A_CALL + floor(call.duration_ms / 1000 / DELTA_SECONDS)
