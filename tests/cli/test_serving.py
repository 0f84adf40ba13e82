"""What a server does with garbage at its start: a burst of work may come with its first answer."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette

from server.cli.listening import listen
from server.cli.serving import NEW_OBJECTS, _Server


@pytest.fixture
def starting() -> Iterator[None]:
    """As `up` begins: no garbage is looked for."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


class Ring:
    """Gone only when somebody looks for garbage."""

    gone = 0

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        Ring.gone += 1


async def test_garbage_of_the_first_requests_does_not_pile_up(starting: None) -> None:
    config = uvicorn.Config(Starlette(), lifespan="off", ws="none", log_config=None)
    config.load()
    server = _Server(config, lambda: None)
    server.lifespan = config.lifespan_class(config)
    with listen("127.0.0.1", 0) as listener:
        await server.startup([listener])
        for _ in range(2 * NEW_OBJECTS):
            Ring()
        assert Ring.gone >= NEW_OBJECTS
        for one in server.servers:
            one.close()
