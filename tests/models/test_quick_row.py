"""Rows made without Tortoise's own way: alone or among many, the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from server.models.quick_row import QuickRow, _own_id, keys_and_values
from server.models.tables import Execution, Step
from tests.support.rooms import open_home


async def test_a_row_read_alone_is_as_among_many(tmp_path: Path) -> None:
    async with open_home(tmp_path) as home:
        await home.run("chain { select { x: 1 } }", 1)
        for table in (Execution, Step):
            model: type[QuickRow] = table
            _, rows = await table._meta.db.execute_query(f"SELECT * FROM {table._meta.db_table}")
            keys, values = keys_and_values(rows)
            among = model.made_of(keys, [*values, *values])
            alone: Any = model._init_from_db(**dict(zip(keys, values[0], strict=True)))
            assert vars(among[0]) == vars(alone) == vars(among[len(values)])
            assert len(vars(alone)) > len(keys)


def test_a_text_of_the_right_length_that_is_no_id_is_refused() -> None:
    good = uuid4()
    assert _own_id(str(good)) == good
    for text in (f"{good.hex}0000", f"{good.hex}-0-0"):
        with pytest.raises(ValueError, match="badly formed"):
            _own_id(text)
