from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from server.core.errors import Denied, Invalid, NotFound
from server.models.enums import Role
from server.models.tables import ApiToken
from server.workspaces import accounts, keys
from server.workspaces.access import ROLE_SCOPES, Viewer, require
from server.workspaces.recognise import Recogniser
from tests.support.rooms import Home
from tests.workspaces.people import HeldClock, actions, seen, signed_in


async def test_a_token_lets_its_maker_in_and_is_kept_as_a_hash(home: Home) -> None:  # S07
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


# We give out no JSON Web Tokens, so nobody comes in with one, whatever it is signed with.
JWT = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJvd25lciIsImV4cCI6MH0."
JWT_WITH_A_KEY = (
    "eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0.eyJzdWIi"
    "OiJvd25lciIsImF1ZCI6IngiLCJleHAiOjB9.AAAA"
)


@pytest.mark.parametrize(
    "text",
    ["", "bb_", "bb_" + "x" * 32, "nothing", "bb_" + "é" * 500, JWT, f"bb_{JWT}", JWT_WITH_A_KEY],
)
async def test_junk_is_nobody(home: Home, text: str) -> None:  # S08
    assert await Recogniser().by_token(text) is None
    assert await Recogniser().by_session(text) is None


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
        await keys.create(viewer[0], "more", role=Role.EDITOR)


async def test_a_script_makes_narrower_tokens_and_they_end_with_its_own(home: Home) -> None:
    end = HeldClock().now() + timedelta(days=2)
    first = await keys.create(home.owner, "script", expires_at=end)
    script = (await _let_in(first.text))[0]
    for late in (None, end + timedelta(seconds=1)):
        with pytest.raises(Invalid, match="ends with it"):
            await keys.create(script, "longer", expires_at=late)
    second = await keys.create(script, "second", expires_at=end)
    third = await keys.create(
        (await _let_in(second.text))[0], "third", scopes=["bots:read"], expires_at=end
    )
    narrow = (await _let_in(third.text))[0]
    with pytest.raises(Denied, match="certain things"):
        await keys.create(narrow, "more", scopes=["bots:read"], expires_at=end)
    other = await keys.create(home.owner, "other")
    await keys.revoke(home.owner, first.row.id)
    for gone in (first, second, third):
        assert await Recogniser().by_token(gone.text) is None
    assert await _let_in(other.text)
    assert (await actions()).count("token.revoked") == 3


async def _let_in(text: str) -> tuple[Viewer, str]:
    found = await Recogniser().by_token(text)
    assert found is not None
    return found


async def test_unknown_scopes_and_past_dates_are_refused(home: Home) -> None:
    with pytest.raises(Invalid, match="no scope"):
        await keys.create(home.owner, "x", scopes=["everything"])
    with pytest.raises(Invalid, match="expired"):
        await keys.create(home.owner, "x", expires_at=datetime(2020, 1, 1, tzinfo=UTC))


async def test_last_use_is_noted(home: Home) -> None:
    made = await keys.create(home.owner, "ci")
    await Recogniser().by_token(made.text)
    row = await keys.get(home.owner, made.row.id)
    assert row.last_used_at is not None


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


@pytest.mark.parametrize("scopes", [[], ["members:write"]])
async def test_scopes_are_of_the_role_and_at_least_one(home: Home, scopes: list[str]) -> None:
    with pytest.raises(Invalid):
        await keys.create(home.owner, "x", role=Role.VIEWER, scopes=scopes)


async def test_a_token_is_for_bots_that_are_there(home: Home) -> None:
    with pytest.raises(NotFound):
        await keys.create(home.owner, "x", bot_ids=[uuid4()])
    with pytest.raises(Invalid):
        await keys.create(home.owner, "x", bot_ids=[])


async def test_last_use_is_not_written_with_every_request(home: Home) -> None:
    clock = HeldClock()
    made = await keys.create(home.owner, "ci")
    await Recogniser(clock).by_token(made.text)
    first = (await ApiToken.get(id=made.row.id)).last_used_at
    clock.move(minutes=4)
    await Recogniser(clock).by_token(made.text)
    assert (await ApiToken.get(id=made.row.id)).last_used_at == first
    clock.move(minutes=2)
    await Recogniser(clock).by_token(made.text)
    assert (await ApiToken.get(id=made.row.id)).last_used_at != first


async def test_one_sees_and_ends_one_s_own_tokens_and_a_manager_all(home: Home) -> None:
    editor = await signed_in()
    own = await keys.create(editor, "own")
    other = await keys.create(home.owner, "the owner's")
    assert [row.name for row in (await keys.list_tokens(editor)).rows] == ["own"]
    with pytest.raises(NotFound):
        await keys.revoke(editor, other.row.id)
    assert {row.name for row in (await keys.list_tokens(home.owner)).rows} == {"own", "the owner's"}
    await keys.revoke(home.owner, own.row.id)
    assert (await keys.list_tokens(editor)).rows == []


async def test_a_narrow_token_can_end_itself_and_no_other(home: Home) -> None:
    narrow = await keys.create(home.owner, "narrow", scopes=["executions:run"])
    other = await keys.create(home.owner, "other")
    found = await Recogniser().by_token(narrow.text)
    assert found is not None
    assert [row.name for row in (await keys.list_tokens(found[0])).rows] == ["narrow"]
    with pytest.raises(NotFound):
        await keys.revoke(found[0], other.row.id)
    await keys.revoke(found[0], narrow.row.id)
    assert await Recogniser().by_token(narrow.text) is None


async def test_making_and_ending_a_token_is_written_down_without_the_token(  # S76
    home: Home,
) -> None:
    made = await keys.create(home.owner, "ci")
    await keys.revoke(home.owner, made.row.id)
    await keys.create_locally(name="local")
    assert (await actions())[-3:] == ["token.created", "token.revoked", "token.created"]


async def test_a_token_for_one_bot_has_no_say_over_the_workspace(home: Home) -> None:
    from server.bots import service as bots

    one = await home.bot('a { "goal": "One" }', "One")
    made = await keys.create(home.owner, "one only", bot_ids=[one.id])
    found = await Recogniser().by_token(made.text)
    assert found is not None
    for scope in ("members:write", "audit:read", "connections:read", "costs:write"):
        assert not found[0].may(scope)
    assert found[0].may("executions:run")
    with pytest.raises(Denied):
        await bots.create(found[0], 'b { "goal": "Two" }', "Two")
    with pytest.raises(Denied):
        await bots.duplicate(found[0], one.id)
    with pytest.raises(Invalid, match="whole workspace"):
        await keys.create(home.owner, "x", scopes=["members:write"], bot_ids=[one.id])


async def test_a_token_from_before_somebody_was_let_in_anew_is_no_stronger(home: Home) -> None:
    await accounts.add_user("ed@example.org", role=Role.ADMIN)
    session = await accounts.redeem(await accounts.make_link("ed@example.org"))
    made = await keys.create(await seen(session), "old")
    await accounts.disable_user("ed@example.org")
    await accounts.add_user("ed@example.org", role=Role.VIEWER)
    assert await Recogniser().by_token(made.text) is None
