"""The same bodies over the embedded Redis and a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.bus.bus import Bus


@pytest.fixture
async def bus(bus_url: str | None) -> AsyncIterator[Bus]:
    bus = Bus(bus_url)
    await bus.start()
    if not bus.embedded:
        await bus.notices.listening.wait()
    yield bus
    await bus.stop()
