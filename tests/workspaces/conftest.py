from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False) as home:
        yield home
