from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.core.errors import Denied, Invalid, NotFound
from server.models.enums import Role
from server.models.tables import Session, SigninLink
from server.workspaces import accounts, keys
from server.workspaces.access import ROLE_SCOPES, SCOPES, Viewer, require, scopes_of
from server.workspaces.recognise import Recogniser
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway


class HeldClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with open_home(tmp_path, gateway=ScriptedGateway(), worker=False) as home:
        yield home


async def test_the_first_start_makes_an_owner_and_the_second_one_nothing(home: Home) -> None:
    assert home.owner.role is Role.OWNER
    assert await home.rooms.first_link() is None


async def test_a_sign_in_link_works_once(home: Home) -> None:
    link = await accounts.make_link()
    assert await accounts.redeem(link) is not None
    assert await accounts.redeem(link) is None


async def test_a_sign_in_link_is_good_for_fifteen_minutes(home: Home) -> None:
    clock = HeldClock()
    link = await accounts.make_link(clock=clock)
    clock.move(minutes=16)
    assert await accounts.redeem(link, clock=clock) is None


async def test_tokens_of_links_and_sessions_are_stored_as_hashes_only(home: Home) -> None:
    link = await accounts.make_link()
    stored = [row.token_hash for row in await SigninLink.all()]
    assert link not in stored
    session = await accounts.redeem(link)
    assert session is not None
    assert session.token not in [row.token_hash for row in await Session.all()]


async def test_after_signing_out_the_cookie_is_worth_nothing(home: Home) -> None:
    session = await accounts.redeem(await accounts.make_link())
    assert session is not None
    recogniser = Recogniser()
    found = await recogniser.by_session(session.token)
    assert found is not None
    await accounts.sign_out(session.token)
    recogniser.forget()
    assert await recogniser.by_session(session.token) is None
    assert await recogniser.still_valid(found[1]) is False


async def test_sessions_are_listed_and_one_can_be_ended(home: Home) -> None:
    session = await accounts.redeem(await accounts.make_link(), "Firefox", "10.0.0.9")
    assert session is not None
    rows = await accounts.sessions(home.owner)
    [firefox] = [row for row in rows if row.user_agent == "Firefox"]
    await accounts.revoke_session(home.owner, firefox.id)
    assert await Recogniser().by_session(session.token) is None
    with pytest.raises(NotFound):
        await accounts.revoke_session(home.owner, firefox.id)


async def test_a_disabled_person_is_out_at_once_and_can_be_let_in_again(home: Home) -> None:
    await accounts.add_user("Ada@Example.org", role=Role.EDITOR)
    session = await accounts.redeem(await accounts.make_link("ada@example.org"))
    assert session is not None
    await accounts.disable_user("ada@example.org")
    assert await Recogniser().by_session(session.token) is None
    with pytest.raises(Invalid):
        await accounts.make_link("ada@example.org")
    await accounts.add_user("ada@example.org", role=Role.VIEWER)
    again = await accounts.redeem(await accounts.make_link("ada@example.org"))
    assert again is not None
    found = await Recogniser().by_session(again.token)
    assert found is not None
    assert found[0].role is Role.VIEWER


async def test_the_only_owner_cannot_be_locked_out(home: Home) -> None:
    with pytest.raises(Invalid, match="only owner"):
        await accounts.disable_user(home.owner.email)


@pytest.mark.parametrize("address", ["", "ada", "@x", "a b@c", "x" * 260 + "@y"])
async def test_what_is_no_address_is_refused(home: Home, address: str) -> None:
    with pytest.raises(Invalid):
        await accounts.add_user(address)


# --- tokens ---------------------------------------------------------------------------------


async def test_a_token_lets_its_maker_in_and_is_kept_as_a_hash(home: Home) -> None:
    made = await keys.create(home.owner, "ci")
    assert made.text.startswith("bb_")
    assert made.text.startswith(made.row.prefix)
    assert made.row.token_hash != made.text
    found = await Recogniser().by_token(made.text)
    assert found is not None
    assert found[0].via_token
    assert found[0].workspace_id == home.owner.workspace_id


async def test_scopes_narrow_a_token(home: Home) -> None:
    made = await keys.create(home.owner, "reader", scopes=["bots:read"])
    found = await Recogniser().by_token(made.text)
    assert found is not None
    assert found[0].scopes == {"bots:read"}
    with pytest.raises(Denied):
        require(found[0], "bots:write")


async def test_a_revoked_or_expired_token_is_refused(home: Home) -> None:
    clock = HeldClock()
    revoked = await keys.create(home.owner, "old")
    await keys.revoke(home.owner, revoked.row.id)
    assert await Recogniser().by_token(revoked.text) is None
    short = await keys.create(home.owner, "short", expires_at=clock.now() + timedelta(hours=1))
    assert await Recogniser(clock).by_token(short.text) is not None
    clock.move(hours=2)
    assert await Recogniser(clock).by_token(short.text) is None


@pytest.mark.parametrize("text", ["", "bb_", "bb_" + "x" * 32, "nothing", "bb_" + "é" * 500])
async def test_junk_is_nobody(home: Home, text: str) -> None:
    assert await Recogniser().by_token(text) is None


async def test_nobody_makes_a_token_with_more_rights_than_their_own(home: Home) -> None:
    await accounts.add_user("ed@example.org", role=Role.EDITOR)
    session = await accounts.redeem(await accounts.make_link("ed@example.org"))
    assert session is not None
    found = await Recogniser().by_session(session.token)
    assert found is not None
    with pytest.raises(Denied):
        await keys.create(found[0], "more", role=Role.OWNER)
    made = await keys.create(found[0], "less", role=Role.VIEWER)
    viewer = await Recogniser().by_token(made.text)
    assert viewer is not None
    assert viewer[0].scopes == ROLE_SCOPES[Role.VIEWER]
    with pytest.raises(Denied):
        await keys.create(viewer[0], "from a token")


async def test_unknown_scopes_and_past_dates_are_refused(home: Home) -> None:
    with pytest.raises(Invalid, match="no scope"):
        await keys.create(home.owner, "x", scopes=["everything"])
    with pytest.raises(Invalid, match="expired"):
        await keys.create(home.owner, "x", expires_at=datetime(2020, 1, 1, tzinfo=UTC))


async def test_last_use_is_noted(home: Home) -> None:
    made = await keys.create(home.owner, "ci")
    await Recogniser().by_token(made.text)
    [row] = [row for row in await keys.list_tokens(home.owner) if row.id == made.row.id]
    assert row.last_used_at is not None


# --- rights ---------------------------------------------------------------------------------


def test_each_role_has_the_rights_of_the_next_lower_one() -> None:
    for higher, lower in zip(list(Role), list(Role)[1:], strict=False):
        assert ROLE_SCOPES[higher] >= ROLE_SCOPES[lower]


def test_the_scopes_are_the_documented_ones() -> None:
    assert set(SCOPES) == set(
        "bots:read bots:write bots:publish executions:read executions:run executions:control "
        "approvals:decide connections:read connections:write triggers:write tools:write "
        "costs:read costs:write members:write audit:read".split()
    )


def test_a_scope_that_the_role_lacks_is_not_gained_by_naming_it() -> None:
    assert scopes_of(Role.VIEWER, ["bots:read", "bots:write"]) == {"bots:read"}


async def test_a_token_for_one_bot_sees_no_other(home: Home) -> None:
    from server.bots import service as bots

    one = await home.bot('a { "goal": "One" }', "One")
    two = await home.bot('b { "goal": "Two" }', "Two")
    made = await keys.create(home.owner, "one only", bot_ids=[one.id])
    found = await Recogniser().by_token(made.text)
    assert found is not None
    viewer: Viewer = found[0]
    assert [row.name for row in (await bots.list_bots(viewer)).rows] == ["One"]
    with pytest.raises(NotFound):
        await bots.get(viewer, two.id)
