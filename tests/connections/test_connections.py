"""Connections: tried before they are stored, used before the environment, rotated, guarded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.connections import service
from server.connections.forms import refuse_moved_key
from server.connections.service import Given, InUse, StaleConnection, TrialFailed
from server.core.crypto import SecretBox
from server.core.errors import AddressRefused, Conflict, Denied, Invalid, NotFound
from server.core.ids import public_id
from server.costs.health import provider_health
from server.llm.fallbacks import set_chain
from server.models.enums import ConnectionStatus, ExecutionStatus, Role
from server.models.tables import AuditEntry, Connection, Member, Usage, User, Workspace
from server.workspaces.access import Viewer, scopes_of
from tests.support.model_server import ModelServer, Reply
from tests.support.own_models import BAD, BETTER, GOOD, connect, home_beside
from tests.support.rooms import Home

SAY = 'writer { "goal": "Say it", "model": "openai:gpt-4o-mini" }'
UNNAMED = 'writer { "goal": "Say it" }'


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(keys=[GOOD, BETTER], models=["gpt-4o-mini", "own"]) as server:
        yield server


@pytest_asyncio.fixture
async def home(tmp_path: Path, models: ModelServer) -> AsyncIterator[Home]:
    async with home_beside(tmp_path, models) as home:
        yield home


async def stranger() -> Viewer:
    place = await Workspace.create(name="other")
    user = await User.create(email="b@example.org", name="B")
    await Member.create(workspace_id=place.id, user_id=user.id, role=Role.OWNER)
    return Viewer(user.id, place.id, Role.OWNER, "B", "b@example.org", scopes=scopes_of(Role.OWNER))


async def test_a_new_connection_is_tried_and_shows_only_the_end_of_its_key(
    home: Home, models: ModelServer
) -> None:
    row = await connect(home, models)
    assert row.status is ConnectionStatus.CONNECTED
    assert row.models == ["gpt-4o-mini", "own"]
    assert row.shown == {"apiKey": "…abcd"}
    assert row.is_default
    assert row.last_checked_at is not None
    stored = await Connection.get(id=row.id)
    assert GOOD not in str(stored.sealed)
    assert (await AuditEntry.get(subject_id=row.id)).action == "connection.created"


async def test_a_wrong_key_is_told_and_not_stored(home: Home, models: ModelServer) -> None:
    with pytest.raises(TrialFailed) as failed:
        await connect(home, models, BAD)
    assert "refused the key" in failed.value.message
    assert BAD not in failed.value.message
    assert await Connection.all().count() == 0
    given = Given(None, {"baseUrl": models.url}, {"apiKey": BAD}, force=True)
    row, test = await service.create(home.owner, home.rooms.connections, "openai", given)
    assert (test.ok, row.status) == (False, ConnectionStatus.ERROR)


@pytest.mark.slow
async def test_a_key_that_is_wrong_later_is_one_call_and_leads_to_its_connection(
    home: Home, models: ModelServer
) -> None:
    row = await connect(home, models)
    models.script("gpt-4o-mini", *[Reply(status=401, error=f"Incorrect API key: {BAD}")] * 3)
    done = await home.run(SAY)
    assert (done.status, done.error["kind"]) == (ExecutionStatus.FAILED, "provider_auth")
    place = f"(/connections?connection={public_id('connection', row.id)})"
    assert place in done.error["hint"]
    assert "Incorrect API key: [hidden]" in done.error["message"]
    assert len([one for one in models.requests if one.body.get("messages")]) == 1


@pytest.mark.slow
async def test_a_bot_uses_the_connection_and_goes_on_when_its_key_is_rotated(
    home: Home, models: ModelServer
) -> None:
    row = await connect(home, models)
    assert (await home.run(SAY)).status is ExecutionStatus.COMPLETED
    await service.update(
        home.owner, home.rooms.connections, row.id, Given(secrets={"apiKey": BETTER}), None
    )
    assert (await home.run(SAY)).status is ExecutionStatus.COMPLETED
    used = [one.key for one in models.requests if one.body.get("messages")]
    assert used == [GOOD, BETTER]
    paid = await Usage.all().values_list("connection_id", flat=True)
    assert list(paid) == [row.id, row.id]
    (figures,) = await provider_health(home.owner, home.rooms.clock)
    assert [(one.connection_id, one.figures.requests) for one in figures.connections] == [
        (row.id, 2)
    ]


async def test_from_its_making_to_its_end_on_every_database(
    tmp_path: Path, models: ModelServer, database_url: str
) -> None:
    async with home_beside(tmp_path, models, database_url) as home:
        desk = home.rooms.connections
        row = await connect(home, models, name="Mine")
        with pytest.raises(Conflict):
            await connect(home, models, name="MINE")
        await service.update(home.owner, desk, row.id, Given(secrets={"apiKey": BETTER}), 1)
        with pytest.raises(StaleConnection):
            await service.update(home.owner, desk, row.id, Given(name="Late"), 1)
        assert (await home.run(SAY)).status is ExecutionStatus.COMPLETED
        assert models.requests[-1].key == BETTER
        await service.delete(home.owner, desk, row.id, force=True, reason="Over")
        assert (await connect(home, models, name="Mine")).is_default


async def test_the_default_answers_where_no_model_is_named(home: Home, models: ModelServer) -> None:
    await connect(home, models, model="own")
    done = await home.run(UNNAMED, "hello")
    assert done.status is ExecutionStatus.COMPLETED
    assert [one.model for one in models.requests if one.body.get("messages")] == ["own"]


async def test_a_model_of_a_provider_without_any_key_fails_before_its_first_step(
    home: Home,
) -> None:
    done = await home.run(SAY)
    assert done.status is ExecutionStatus.FAILED
    assert done.error["kind"] == "provider_auth"


async def test_a_key_does_not_follow_its_address_to_another_host(  # S13
    home: Home, models: ModelServer
) -> None:
    row = await connect(home, models)
    before = models.total
    for elsewhere in ("https://collector.example/v1", models.url.replace("http:", "https:")):
        given = Given(settings={"baseUrl": elsewhere})
        with pytest.raises(Invalid, match="stays with the host"):
            await service.update(home.owner, home.rooms.connections, row.id, given, None)
    assert models.total == before


async def test_a_provider_that_repeats_the_key_it_was_sent_is_not_repeated(  # S71
    home: Home, models: ModelServer
) -> None:
    await connect(home, models)
    models.default = Reply(status=400, error=f"Bad header: Authorization: Bearer {GOOD}")
    done = await home.run(SAY)
    assert done.status is ExecutionStatus.FAILED
    assert "Bad header" in done.error["message"]
    assert GOOD not in repr(done.error) + repr(await home.events(done))


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_a_key_stays_with_its_port(port: str) -> None:
    before, stored = {"baseUrl": "https://models.example/v1"}, {"apiKey": GOOD}
    moved = pytest.raises(Invalid) if port == ":8443" else nullcontext()
    with moved:
        refuse_moved_key(before, {"baseUrl": f"https://models.example{port}/v2"}, {}, stored)


async def test_an_address_inside_the_network_is_refused_with_the_line_to_add(home: Home) -> None:
    given = Given(None, {"baseUrl": "http://169.254.169.254/v1"}, {"apiKey": GOOD})
    with pytest.raises(AddressRefused) as refused:
        await service.create(home.owner, home.rooms.connections, "openai", given)
    assert refused.value.path == ("settings", "baseUrl")


@pytest.mark.parametrize(
    "given",
    [
        Given("x", {"apiKey": "sk-in-the-wrong-place"}, {"apiKey": GOOD}),
        Given("x", {"concurrency": 0}, {"apiKey": GOOD}),
        Given("x", {"concurrency": "many"}, {"apiKey": GOOD}),
        Given("x", {}, {}),
        Given("x", {}, {"apiKey": "key\nwith a line"}),
        Given("x", {"baseUrl": "http://user:pass@example.org"}, {"apiKey": GOOD}),
        Given("", {}, {"apiKey": "sk-\N{BULLET}\N{BULLET}"}),
        Given("n" * 201, {}, {"apiKey": GOOD}),
    ],
)
async def test_what_cannot_be_a_connection(home: Home, given: Given) -> None:
    with pytest.raises(Invalid):
        await service.create(home.owner, home.rooms.connections, "openai", given)
    assert await Connection.all().count() == 0


async def test_a_connection_in_use_is_deleted_only_with_a_reason(
    home: Home, models: ModelServer
) -> None:
    row = await connect(home, models)
    await home.bot(SAY, "Speaker")
    (use,) = await service.where_used(home.owner, home.rooms.connections, row)
    assert (use.bot_name, use.why) == ("Speaker", "names openai:gpt-4o-mini")
    with pytest.raises(InUse, match="Speaker"):
        await service.delete(home.owner, home.rooms.connections, row.id)
    with pytest.raises(Invalid, match="why"):
        await service.delete(home.owner, home.rooms.connections, row.id, force=True)
    gone = await service.delete(
        home.owner, home.rooms.connections, row.id, force=True, reason="The key leaked"
    )
    assert (await Connection.get(id=gone.id)).sealed is None
    entry = await AuditEntry.get(subject_id=row.id, action="connection.deleted")
    assert entry.reason == "The key leaked"
    assert await connect(home, models, name=row.name)


async def test_a_connection_of_the_workspaces_fallbacks_is_in_use(
    home: Home, models: ModelServer
) -> None:
    row, desk, till = await connect(home, models), home.rooms.connections, home.rooms.till
    await set_chain(home.owner, till.models, till.gateway, ["openai:gpt-4o-mini"])
    assert await service.in_fallbacks(home.owner, desk, row) == ["openai:gpt-4o-mini"]
    with pytest.raises(InUse, match=r"by the fallbacks of this workspace \(openai:gpt-4o-mini\)"):
        await service.delete(home.owner, desk, row.id)
    await set_chain(home.owner, till.models, till.gateway, [])
    await service.delete(home.owner, desk, row.id)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('"model": "my-model"', "names my-model"),
        ('"fallbacks": ["groq:x"]', "names no model, and this is the default"),
        ('"model": "demo:standard"', None),
        ('"model": "groq:my-model"', None),
    ],
)
async def test_a_model_is_used_through_the_connection_that_its_calls_take(
    home: Home, models: ModelServer, written: str, why: str | None
) -> None:
    """A name that nobody knows goes to the endpoint of one's own."""
    row = await connect(home, models, model="own")
    other = await connect(home, models, name="Second")
    await home.bot(f'writer {{ "goal": "Say it", {written} }}')
    desk = home.rooms.connections
    used = [use.why for use in await service.where_used(home.owner, desk, row)]
    assert used == ([why] if why else [])
    assert await service.where_used(home.owner, desk, other) == []


async def test_a_name_is_given_once(home: Home, models: ModelServer) -> None:
    await connect(home, models, name="Mine")
    with pytest.raises(Conflict):
        await connect(home, models, name="mine")


async def test_whoever_saves_second_is_told_so(home: Home, models: ModelServer) -> None:
    row = await connect(home, models)
    desk = home.rooms.connections
    await service.update(home.owner, desk, row.id, Given(name="First"), 1)
    with pytest.raises(StaleConnection) as stale:
        await service.update(home.owner, desk, row.id, Given(name="Second"), 1)
    assert stale.value.current_version == 2


async def test_one_default_at_a_time(home: Home, models: ModelServer) -> None:
    first = await connect(home, models)
    second = await connect(home, models, name="Second")
    assert not second.is_default
    desk = home.rooms.connections
    await service.update(home.owner, desk, second.id, Given(is_default=True), None)
    rows = {row.id: row.is_default for row in await Connection.all()}
    assert rows == {first.id: False, second.id: True}


async def test_a_connection_of_elsewhere_never_was(  # S13
    home: Home, models: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused before its key is opened, also with an address of the asker's own."""
    row = await connect(home, models)
    other, desk, asked = await stranger(), home.rooms.connections, models.total
    own_address = Given(settings={"baseUrl": "https://collector.example/v1"})
    monkeypatch.setattr(SecretBox, "open", None)
    calls: list[Any] = [
        service.get(other, row.id),
        service.test(other, desk, row.id),
        service.update(other, desk, row.id, Given(name="x"), None),
        service.update(other, desk, row.id, own_address, None),
        service.delete(other, desk, row.id, force=True, reason="x"),
    ]
    for call in calls:
        with pytest.raises(NotFound, match="no such connection"):
            await call
    assert models.total == asked


async def test_a_bot_has_no_key_of_another_workspace(  # S14
    home: Home, models: ModelServer
) -> None:
    given = Given("Theirs", {"baseUrl": models.url}, {"apiKey": GOOD})
    await service.create(await stranger(), home.rooms.connections, "openai", given)
    asked = models.total
    for source in (SAY, SAY.replace("openai:", "Theirs:")):
        done = await home.run(source)
        assert done.status is ExecutionStatus.FAILED
        assert GOOD not in repr(done.error)
    assert models.total == asked


async def test_a_sealed_key_is_useless_in_another_row(  # S13, S69
    home: Home, models: ModelServer
) -> None:
    first = await connect(home, models)
    other = await stranger()
    desk = home.rooms.connections
    given = Given("Theirs", {"baseUrl": models.url}, {"apiKey": BETTER})
    theirs, _ = await service.create(other, desk, "openai", given)
    await Connection.filter(id=theirs.id).update(sealed=(await Connection.get(id=first.id)).sealed)
    row, tested = await service.test(other, desk, theirs.id)
    assert not tested.ok
    assert row.status is ConnectionStatus.ERROR


async def test_who_may_not_change_may_look(home: Home, models: ModelServer) -> None:
    row = await connect(home, models)
    reader = Viewer(
        home.owner.user_id,
        home.owner.workspace_id,
        Role.VIEWER,
        "V",
        "v@example.org",
        scopes=scopes_of(Role.VIEWER),
    )
    assert (await service.get(reader, row.id)).id == row.id
    with pytest.raises(Denied):
        await service.delete(reader, home.rooms.connections, row.id)
