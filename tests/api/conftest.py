from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.front import Api, Front, open_front


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    """One installation per file; tests tell their bots apart by name."""
    async with open_front(tmp_path_factory.mktemp("data")) as front:
        yield front


@pytest_asyncio.fixture(scope="module")
async def api(front: Front) -> Api:
    return await front.caller()
