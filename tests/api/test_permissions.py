"""Who may do what: every field of the schema, asked by every role, with every scope, with ids of
one's own, of another workspace and of nothing at all. The requests are made from the schema."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from server.api.access import IN_PERSON
from server.api.context import Context
from server.api.executor import Executor
from server.api.schema import schema
from server.models.enums import Role
from server.workspaces.access import SCOPES, Viewer
from server.workspaces.permissions import RANKED, RIGHTS, ROLE_SCOPES
from tests.api.samples import (
    EVERYTHING,
    MISSING,
    SCHEMA,
    TABLES,
    Asked,
    Place,
    Slot,
    codes_of,
    denied,
    furnish,
    put,
)
from tests.support.rooms import Home, open_home

# Fields that ask for more than their scope, and what.
MORE = {
    "changeProfile": "a person, in a browser",
    "changePassword": "a person, in a browser",
    "createWorkspace": "a person, in a browser",
    "switchWorkspace": "a person, in a browser",
    "signOutEverywhere": "a person, in a browser",
    "changeMemberRole": "an owner, for an owner",
    "removeMember": "an owner, for an owner",
    "changeBots": "the scope of the action",
    "transferWorkspace": "an owner",
    "importBots": "bots:publish to publish",
}
# Columns that the act of looking may change.
NOISE = re.compile(r"last_(seen|used)_at")


@pytest_asyncio.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    async with open_home(tmp_path_factory.mktemp("rights"), worker=False) as home:
        yield home


@pytest_asyncio.fixture(scope="module")
async def mine(home: Home) -> Place:
    return await furnish(home, "mine")


@pytest_asyncio.fixture(scope="module")
async def theirs(home: Home) -> Place:
    return await furnish(home, "theirs")


async def ask(home: Home, viewer: Viewer | None, asked: Asked, values: dict[str, Any]) -> Any:
    document = asked.document(values)
    if asked.root != "Subscription":
        return await Executor(schema, home.rooms).execute(document, values, viewer)
    context = Context(viewer, home.rooms, "req_test")
    stream = await schema.stream(document, variable_values=values, context_value=context)
    async with aclosing(stream) as results:
        return await _first(results)


async def _first(results: Any) -> Any:
    """Every feed says something as soon as it begins."""
    async with asyncio.timeout(15):
        result = await anext(results)
    data = result.data if isinstance(result.data, dict) else {}
    return {"data": data, "errors": [one.formatted for one in result.errors or ()]}


def told(answer: Any, ids: dict[str, str]) -> str:
    """An answer without what differs between two askings of the same."""
    text = repr({"data": answer.get("data"), "errors": answer.get("errors")})
    for kind, one in ids.items():
        text = text.replace(one, f"<{kind}>")
    text = re.sub(r"req_[0-9a-f]+", "<request>", text)
    text = re.sub(r"[a-z]{3}_[0-9a-z]{26}", "<made now>", text)
    return re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+", "<time>", text)


# --- the table ------------------------------------------------------------------------------


def test_each_role_may_what_the_next_one_may() -> None:
    for higher, lower in pairwise(RANKED):
        assert ROLE_SCOPES[higher] >= ROLE_SCOPES[lower]
    assert set(RANKED) == set(Role)
    assert len({right.scope for right in RIGHTS}) == len(RIGHTS)


@pytest.mark.parametrize("role", list(Role))
async def test_every_field_is_open_to_the_roles_of_the_table(  # S10
    home: Home, mine: Place, role: Role
) -> None:
    viewer, wrong = mine.viewer(role), []
    for asked in EVERYTHING:
        answer = await ask(home, viewer, asked, asked.values(MISSING))
        expected = bool(asked.scope) and asked.scope not in ROLE_SCOPES[role]
        if denied(answer) != expected and not (denied(answer) and asked.name in MORE):
            wrong.append((asked.name, codes_of(answer)))
    assert wrong == []


async def test_nobody_gets_nothing(home: Home) -> None:  # S01
    for asked in EVERYTHING:
        answer = await ask(home, None, asked, asked.values(MISSING))
        assert codes_of(answer) == ["UNAUTHENTICATED"], asked.name


@pytest.mark.slow
@pytest.mark.parametrize("scope", SCOPES)
async def test_a_token_with_one_scope_may_just_that(  # S10
    home: Home, mine: Place, scope: str
) -> None:
    token = mine.viewer(Role.OWNER, frozenset({scope}), via_token=True)
    for asked in EVERYTHING:
        answer = await ask(home, token, asked, asked.values(MISSING))
        if asked.scope:
            assert denied(answer) == (asked.scope != scope) or asked.name in MORE, asked.name


async def test_no_token_does_what_is_for_people(home: Home, mine: Place) -> None:
    token = mine.viewer(Role.OWNER, via_token=True)
    personal = [asked for asked in EVERYTHING if asked.declared == IN_PERSON]
    assert {"changePassword", "sessions", "transferWorkspace"} <= {one.name for one in personal}
    for asked in personal:
        assert denied(await ask(home, token, asked, asked.values(MISSING))), asked.name
    narrow = mine.viewer(Role.OWNER, frozenset({"bots:read"}), via_token=True)
    members = next(asked for asked in EVERYTHING if asked.name == "members")
    assert denied(await ask(home, narrow, members, members.values(MISSING)))
    assert not denied(await ask(home, token, members, members.values(MISSING)))


# --- one's own, and others' -----------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
async def test_what_is_ones_own_is_found(home: Home, role: Role) -> None:  # S10
    """A place anew for each field: some take away what the next one would ask for."""
    for number, asked in enumerate(EVERYTHING):
        place = await furnish(home, f"own {role} {number}")
        answer = await ask(home, place.viewer(role), asked, asked.values(place.ids))
        codes = codes_of(answer)
        if asked.scope and asked.scope not in ROLE_SCOPES[role]:
            assert denied(answer), (asked.name, answer)
        else:
            assert not denied(answer) or asked.name in MORE, (asked.name, answer)
            assert not {"INTERNAL", "UNAUTHENTICATED", "NOT_FOUND"} & set(codes), (
                asked.name,
                answer,
            )


def _id_slots() -> list[tuple[Asked, Slot]]:
    return [(asked, slot) for asked in EVERYTHING for slot in asked.slots() if slot.type == "ID"]


@pytest.mark.parametrize("role", list(Role))
async def test_an_id_of_another_workspace_is_like_one_of_nothing(  # S11, S13, S15
    home: Home, mine: Place, theirs: Place, role: Role
) -> None:
    viewer = mine.viewer(role)
    with unchanged(home, theirs):
        for asked, slot in _id_slots():
            answers: list[str] = []
            for ids in (theirs.ids, MISSING):
                values = asked.values(mine.ids, slot)
                put(values, slot, asked.sample(slot, ids))
                if asked.name == "bot":
                    values = {"id": ids["bot"]}
                answers.append(told(await ask(home, viewer, asked, values), ids))
            assert answers[0] == answers[1], (asked.name, slot.path)


async def test_what_is_not_there_is_named_by_its_field(home: Home) -> None:
    """In an input with several ids, too."""
    place, wrong = await furnish(home, "named"), []
    changes = [(asked, slot) for asked, slot in _id_slots() if asked.root == "Mutation"]
    for asked, slot in changes:
        values = asked.values(place.ids, slot)
        put(values, slot, asked.sample(slot, MISSING))
        payload = (await ask(home, place.owner, asked, values))["data"][asked.name]
        for error in payload["errors"]:
            if error["code"] == "NOT_FOUND" and error["path"] != list(slot.path[1:]):
                wrong.append((asked.name, slot.name, error["path"]))
    assert wrong == []


async def test_every_kind_of_node_is_found_by_its_owner_and_by_nobody_else(  # S11
    home: Home, theirs: Place
) -> None:
    mine = await furnish(home, "nodes")
    node = next(asked for asked in EVERYTHING if asked.name == "node")
    for kind, found in mine.ids.items():
        if TABLES[kind].__name__ not in _nodes():
            continue
        own = await ask(home, mine.owner, node, {"id": found})
        assert own["data"]["node"] is not None, kind
        for stranger in (theirs.owner, mine.viewer(Role.VIEWER, frozenset(), via_token=True)):
            other = await ask(home, stranger, node, {"id": found})
            assert other.get("data") == {"node": None}, kind


def test_every_node_of_the_schema_has_a_sample() -> None:
    known = {table.__name__ for table in TABLES.values()}
    assert _nodes() - known == set(), "add the table to TABLES of samples.py"


def _nodes() -> set[str]:
    return {
        name
        for name, kind in SCHEMA.type_map.items()
        if any(one.name == "Node" for one in getattr(kind, "interfaces", ()))
    }


@contextmanager
def unchanged(home: Home, place: Place) -> Iterator[None]:
    """Not one row of theirs differs afterwards."""
    before = _rows(home, place)
    yield
    after = _rows(home, place)
    assert after == before


def _rows(home: Home, place: Place) -> dict[str, list[Any]]:
    path = home.rooms.database.address.path
    assert path is not None
    found: dict[str, list[Any]] = {}
    with sqlite3.connect(path) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for name in names:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            if "workspace_id" in columns:
                kept = ", ".join(one for one in columns if not NOISE.fullmatch(one))
                ask = f"SELECT {kept} FROM {name} WHERE workspace_id = ? ORDER BY 1"
                found[name] = list(db.execute(ask, (str(place.owner.workspace_id),)))
    assert sum(map(len, found.values())) > 10
    return found


# --- one bot, one scope ---------------------------------------------------------------------


async def test_a_token_that_may_run_one_bot_can_do_exactly_that(home: Home, mine: Place) -> None:
    other = await furnish(home, "beside")
    token = mine.viewer(
        Role.OWNER,
        frozenset({"executions:run"}),
        via_token=True,
        bot_ids=frozenset({mine.rows["bot"]}),
    )
    start = next(asked for asked in EVERYTHING if asked.name == "startExecution")
    started = await ask(home, token, start, start.values(mine.ids))
    assert not denied(started)
    assert started["data"]["startExecution"]["execution"]["id"].startswith("exe_")
    for foreign in (other.ids, MISSING):
        refused = await ask(home, token, start, start.values(foreign))
        assert codes_of(refused) == ["NOT_FOUND"]
    open_to_it = set()
    for asked in EVERYTHING:
        answer = await ask(home, token, asked, asked.values(mine.ids))
        if not denied(answer):
            open_to_it.add(asked.name)
    runs = {asked.name for asked in EVERYTHING if asked.scope == "executions:run"}
    harmless = {"viewer", "node", "nodes", "health", "queryCost", "roles"}
    assert open_to_it - runs - harmless == set()
