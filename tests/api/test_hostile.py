"""Hostile values in every place of every field, made from the schema: the answer is always one with
a code, never a bug of ours, and a refused request has changed no row. Then hostile documents."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from server.api.executor import Executor
from server.api.schema import schema
from server.engine import sqlite_checkpoint
from server.models.enums import Role
from tests.api.rules import CODES
from tests.api.samples import EVERYTHING, SCHEMA, Asked, Place, Slot, codes_of, furnish, put
from tests.api.test_permissions import ask
from tests.support.rooms import Home, open_home

LONG = "x" * 100_000
RTL = "\u202eevil\u2066\u200b\ufeff"
TEXTS: tuple[Any, ...] = (
    "",
    " ",
    "\0",
    "a\0b",
    "\x1b[31m\r\n\tx",
    LONG,
    "\ud800",
    "a\udfffb",
    RTL,
    "💥" * 300,
    "' OR 1=1; DROP TABLE bots; --",
    "%' UNION SELECT token_hash FROM api_tokens --",
    "owner__password_hash__startswith",
    "__proto__",
    "constructor.prototype",
    "{{7*7}}${7*7}{x.__init__.__globals__}",
    "../../etc/passwd",
    "<img src=x onerror=alert(1)>",
    "=HYPERLINK(1)",
    "NaN",
    "null",
)
IDS: tuple[Any, ...] = (
    "",
    "\0",
    "0",
    "-1",
    "1",
    "bot_",
    "bot_" + "0" * 26,
    "bot_" + "z" * 26,
    "bot_" + "A" * 26,
    "usr_" + "1" * 26,
    "xxx_" + "1" * 26,
    "Qm90OjE=",
    LONG,
    "\ud800",
    RTL,
    "' OR ''='",
    "__proto__",
)
NUMBERS: tuple[Any, ...] = (0, -1, 2**31 - 1, -(2**31), 2**31, 2**63, 2**64, 10**400, 1.5, "1")
FLOATS: tuple[Any, ...] = (0, -1.0, 1e308, -1e308, 5e-324, 10**400, "NaN")
DEEP: Any = 0
for _ in range(600):
    DEEP = [DEEP]
JSONS: tuple[Any, ...] = (
    None,
    [],
    "text",
    -0.0,
    10**400,
    {"__proto__": {"admin": True}, "constructor": {"prototype": 1}},
    {"files": {"x": {"filepath": "/etc/passwd"}}},
    {"$large": {"blob": "blb_x", "url": "/etc/passwd"}},
    {"\0": "\0", "": "", LONG[:5000]: 1},
    {"$ref": "http://127.0.0.1/x", "$schema": "ftp://127.0.0.1/x"},
    {"apiKey": {"nested": [1]}, "baseUrl": ["x"], "host": 7},
    DEEP,
)
MOMENTS: tuple[Any, ...] = (
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+14:00",
    "0000-00-00T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01",
    "x" * 10_000,
    "",
    7,
)
DECIMALS: tuple[Any, ...] = (
    "NaN",
    "Infinity",
    "-1",
    "1e1000000",
    "0." + "0" * 500 + "1",
    "9" * 60,
    1,
)
DURATIONS: tuple[Any, ...] = ("P", "PT", "P999999W", "-P1D", "P1Y", "", "PT999999H", 7)
HOSTILE: dict[str, tuple[Any, ...]] = {
    "ID": IDS,
    "Int": NUMBERS,
    "BigInt": NUMBERS,
    "Float": FLOATS,
    "JSON": (*JSONS, *TEXTS),
    "DateTime": MOMENTS,
    "Decimal": DECIMALS,
    "Duration": DURATIONS,
    "Boolean": ("true", 1, []),
}


def values_for(slot: Slot) -> tuple[Any, ...]:
    found = HOSTILE.get(slot.type)
    if found is not None:
        return found
    return TEXTS if slot.type in ("String", "Cursor", "BalSource") else ("NOPE", "", 7, "__proto__")


@pytest_asyncio.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    """The log is not emptied into the file meanwhile: that would look like a write."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite_checkpoint, "ROWS", 1_000_000)
        async with open_home(tmp_path_factory.mktemp("hostile"), worker=False) as home:
            yield home


class Watcher:
    """Notices any write of another connection to the file."""

    def __init__(self, home: Home) -> None:
        path = home.rooms.database.address.path
        assert path is not None
        self.db = sqlite3.connect(path)
        self.seen = self.version()

    def version(self) -> int:
        return self.db.execute("PRAGMA data_version").fetchone()[0]

    def changed(self) -> bool:
        before, self.seen = self.seen, self.version()
        return before != self.seen


def requests_of(asked: Asked, place: Place) -> Iterator[tuple[Slot, Any, dict[str, Any]]]:
    """A third of the values for each slot, another third for the next one."""
    for turn, slot in enumerate(asked.slots()):
        for value in values_for(slot)[turn % 3 :: 3]:
            values = asked.values(place.ids, slot)
            put(values, slot, [value] if slot.listed else value)
            yield slot, value, values


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("root", ["Query", "Mutation", "Subscription"])
async def test_no_value_breaks_a_field(home: Home, root: str) -> None:  # S12
    broken: list[Any] = []
    for asked in (one for one in EVERYTHING if one.root == root):
        place = await furnish(home, f"{root} {asked.name}")
        watcher = Watcher(home)
        for slot, value, values in requests_of(asked, place):
            answer = await ask(home, place.viewer(Role.OWNER), asked, values)
            fault = fault_of(answer, wrote=watcher.changed(), changes=root == "Mutation")
            if fault:
                broken.append((asked.name, ".".join(slot.path), repr(value)[:60], fault))
    assert broken == []


def fault_of(answer: Any, *, wrote: bool, changes: bool) -> str | None:
    codes = codes_of(answer)
    unknown = set(codes) - CODES
    if unknown or "INTERNAL" in codes:
        return f"codes {codes}"
    if wrote and (codes or not changes):
        return f"it was refused with {codes}, and a row was written"
    text = json.dumps(answer.get("errors"))
    return "the answer is large" if len(text) > 64 * 1024 else None


async def test_nothing_can_be_filtered_or_sorted_by_but_what_is_listed(home: Home) -> None:  # S29
    place = await furnish(home, "sorted")
    for asked in EVERYTHING:
        for name, argument in asked.field.args.items():
            if name not in ("filter", "orderBy"):
                continue
            kind = str(argument.type)
            document = f"query($x: {kind}) {{ {asked.name}({name}: $x) {{ totalCount }} }}"
            for value in (
                {"owner__password_hash__startswith": "x"},
                {"field": "id; DROP TABLE bots"},
                "name) UNION SELECT token_hash FROM api_tokens --",
            ):
                execute = Executor(schema, home.rooms).execute
                answer = await execute(document, {"x": value}, place.owner)
                assert set(codes_of(answer)) == {"INVALID_INPUT"}, (asked.name, answer)


@pytest.mark.parametrize("number", ["1e400", "-1e999", "9" * 5_000])
@pytest.mark.parametrize("around", ["%s", "{a: [{b: %s}]}"])
async def test_a_number_that_is_no_json_is_refused_and_not_made_nothing(  # S56
    home: Home, number: str, around: str
) -> None:
    """Written out in the document; in a body it is refused as that is read."""
    place = await furnish(home, f"numbers {len(number)} {len(around)}")
    given = f'botId: "{place.ids["bot"]}", input: {around % number}'
    document = f"mutation {{ startExecution(input: {{{given}}}) {{ execution {{ id }} }} }}"
    answer = await Executor(schema, home.rooms).execute(document, {}, place.owner)
    assert codes_of(answer) == ["INVALID_INPUT"]
    assert "too large for JSON" in answer["errors"][0]["message"]
    assert len(str(answer)) < 1_000


def test_every_type_of_value_has_hostile_ones() -> None:
    kinds = {slot.type for asked in EVERYTHING for slot in asked.slots()}
    scalars = {one for one in kinds if type(SCHEMA.type_map[one]).__name__ == "GraphQLScalarType"}
    assert scalars - set(HOSTILE) - {"String", "Cursor", "BalSource"} == set()
