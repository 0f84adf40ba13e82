"""What stands between the lines of a run that is followed."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from server.cli import run
from server.cli.live import LivePrinter
from server.cli.remote import Remote


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "stepKey": "writer", "data": data}


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("model.failed", {"retryIn": 7.2}, "[Too busy. Trying again in 7 s.]"),
        ("model.failed", {"nextModel": "openai:gpt-4o"}, "Asking openai:gpt-4o instead.]"),
        ("tool.failed", {"retryIn": 1.0}, "[Too busy. Trying again in 1 s.]"),
    ],
)
def test_what_follows_a_failed_attempt_is_told(
    kind: str, data: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printer = LivePrinter()
    printer.show(event("step.started", type="entity", name="writer"))
    printer.show(event(kind, message="Too busy.", **data))
    printer.show(event("step.completed", output="done"))
    assert told in capsys.readouterr().out


def test_the_last_failure_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    printer = LivePrinter()
    printer.show(event("step.started", type="entity", name="writer"))
    printer.show(event("model.failed", message="Too busy."))
    printer.show(event("step.failed", error={"message": "Too busy."}))
    assert capsys.readouterr().out.count("Too busy.") == 1


class Queued:
    """A server on which nothing begins before somebody asks for its workers."""

    def __init__(self, workers: int, short: int, reason: str | None) -> None:
        self.asked = asyncio.Event()
        self.health = {"workers": workers, "workersShortOfMemory": short}
        self.execution = {"status": "PENDING", "waitingReason": reason}

    async def ask(self, document: str, id: str) -> dict[str, Any]:
        assert (document, id) == (run.WORKERS, "exe_1")
        self.asked.set()
        return {"health": self.health, "execution": self.execution}

    async def follow(self, execution_id: str, after: int) -> Any:
        yield event("execution.queued")
        await self.asked.wait()
        yield event("execution.started")


@pytest.mark.parametrize(
    ("workers", "short", "reason", "told"),
    [
        (0, 0, None, "No worker is running"),
        (2, 2, None, "short of memory"),
        (2, 1, None, ""),
        (2, 1, "QUEUE", "as many at once as it may"),
    ],
)
async def test_who_waits_for_a_worker_is_told(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
    short: int,
    reason: str | None,
    told: str,
) -> None:
    monkeypatch.setattr(run, "IDLE_SECONDS", 0)
    async with asyncio.timeout(15):
        await run.watch(cast(Remote, Queued(workers, short, reason)), "exe_1", live=True)
    said = capsys.readouterr().err
    assert told in said if told else not said
