from __future__ import annotations

import pytest

from server.core.errors import Invalid
from server.models.enums import Role
from server.models.tables import Session, SigninLink
from server.workspaces import accounts, sessions
from server.workspaces.access import ROLE_SCOPES, SCOPES, scopes_of
from server.workspaces.recognise import Recogniser
from tests.support.rooms import Home
from tests.workspaces.people import HeldClock


async def test_the_first_start_makes_an_owner_and_the_second_one_nothing(home: Home) -> None:  # S09
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


async def test_tokens_of_links_and_sessions_are_stored_as_hashes_only(home: Home) -> None:  # S07
    link = await accounts.make_link()
    stored = [row.token_hash for row in await SigninLink.all()]
    assert link not in stored
    session = await accounts.redeem(link)
    assert session is not None
    assert session.token not in [row.token_hash for row in await Session.all()]


async def test_after_signing_out_the_cookie_is_worth_nothing(home: Home) -> None:  # S06
    session = await accounts.redeem(await accounts.make_link())
    assert session is not None
    recogniser = Recogniser()
    found = await recogniser.by_session(session.token)
    assert found is not None
    await sessions.sign_out(session.token)
    recogniser.forget()
    assert await recogniser.by_session(session.token) is None
    assert await recogniser.still_valid(found[1]) is False


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


@pytest.mark.parametrize("address", [
    "", "ada", "@x", "a b@c", "x" * 260 + "@y", "a@b,c@d", "a@b@c", "<a@b>", "Ada<a@b>",
    "a@b;c@d", "a@b\r\nBcc: c@d", "a:b@c",
])  # fmt: skip
async def test_what_is_no_address_is_refused(home: Home, address: str) -> None:
    with pytest.raises(Invalid):
        await accounts.add_user(address)


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
