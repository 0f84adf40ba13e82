from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.core.errors import Conflict, Denied, Invalid, InvalidState, LimitReached, NotFound
from server.models.enums import Role
from server.models.tables import ApiToken, Invitation, Member, User
from server.workspaces import accounts, invitations, keys, members, places, sessions
from server.workspaces.access import Viewer
from server.workspaces.recognise import Recogniser
from tests.support.rooms import Home, open_home
from tests.support.scripted_gateway import ScriptedGateway
from tests.workspaces.people import (
    ADA,
    HERE,
    SECRET,
    HeldClock,
    actions,
    reception,
    seen,
    signed_in,
)


@pytest.fixture
async def anywhere(tmp_path: Path, database_url: str) -> AsyncIterator[Home]:
    """The same bodies over SQLite, PostgreSQL and MariaDB."""
    gateway = ScriptedGateway()
    async with open_home(
        tmp_path, gateway=gateway, worker=False, database_url=database_url
    ) as home:
        yield home


async def member_of(viewer: Viewer) -> Member:
    return await Member.get(user_id=viewer.user_id, workspace_id=viewer.workspace_id)


async def now(viewer: Viewer) -> Viewer | None:
    """The same session, looked at again."""
    from server.models.tables import Session

    row = await Session.get(id=viewer.session_id)
    found = await Recogniser()._session(row.token_hash)
    return found[0] if found else None


async def test_an_invitation_makes_an_account_with_its_role(home: Home) -> None:
    made = await invitations.invite(home.owner, "Ada@Example.org", Role.OPERATOR)
    welcome = await invitations.look(made.token)
    assert welcome is not None
    assert (welcome.email, welcome.role, welcome.known) == (ADA, Role.OPERATOR, False)
    door = reception()
    viewer = await seen(
        await invitations.join_anew(
            made.token, " Ada  L ", SECRET, HERE, door.passwords, door.clock
        )
    )
    assert (viewer.name, viewer.role, viewer.workspace_id) == (
        "Ada L",
        Role.OPERATOR,
        home.owner.workspace_id,
    )
    assert await door.by_password(ADA, SECRET, HERE) is not None
    assert await invitations.look(made.token) is None
    assert (await actions())[-4:-1] == ["invitation.created", "member.joined", "session.started"]


async def test_an_invitation_is_kept_as_a_hash(home: Home) -> None:
    made = await invitations.invite(home.owner, ADA, Role.VIEWER)
    assert made.token != made.row.token_hash


async def test_a_weak_password_does_not_use_an_invitation_up(home: Home) -> None:
    made, door = await invitations.invite(home.owner, ADA, Role.VIEWER), reception()
    for name, password in (("Ada", "short"), ("  ", SECRET)):
        with pytest.raises(Invalid):
            await invitations.join_anew(
                made.token, name, password, HERE, door.passwords, door.clock
            )
    assert await invitations.look(made.token) is not None


async def test_an_invitation_does_not_open_an_account_that_is_there(home: Home) -> None:
    other = await workspace_of_ada(home)
    made, door = await invitations.invite(home.owner, ADA, Role.EDITOR), reception()
    assert (
        await invitations.join_anew(made.token, "X", SECRET, HERE, door.passwords, door.clock)
        is None
    )
    with pytest.raises(Denied):
        await invitations.join(home.owner, made.token)
    await invitations.join(other, made.token)
    viewer = await now(other)
    assert viewer is not None
    assert (viewer.workspace_id, viewer.role) == (home.owner.workspace_id, Role.EDITOR)
    with pytest.raises(NotFound):
        await invitations.join(other, made.token)


async def workspace_of_ada(home: Home) -> Viewer:
    """Ada, who is in another workspace only."""
    viewer = await signed_in(ADA)
    own = await places.create(viewer, "Ada's")
    await members.leave(viewer)
    await sessions.place(viewer.session_id, own.workspace_id)  # type: ignore[arg-type]
    found = await now(viewer)
    assert found is not None
    return found


async def test_withdrawn_replaced_and_old_invitations_are_over(home: Home) -> None:
    clock = HeldClock()
    first = await invitations.invite(home.owner, ADA, Role.EDITOR, clock)
    second = await invitations.invite(home.owner, ADA, Role.VIEWER, clock)
    assert await invitations.look(first.token, clock) is None
    assert len((await invitations.list_invitations(home.owner, clock=clock)).rows) == 1
    await invitations.revoke(home.owner, second.row.id, clock)
    assert await invitations.look(second.token, clock) is None
    third = await invitations.invite(home.owner, ADA, Role.VIEWER, clock)
    clock.move(days=8)
    assert await invitations.look(third.token, clock) is None
    assert (await invitations.list_invitations(home.owner, clock=clock)).rows == []


async def test_an_invitation_is_taken_once_also_by_two_at_once(anywhere: Home) -> None:
    made, door = await invitations.invite(anywhere.owner, ADA, Role.EDITOR), reception()

    async def take() -> bool:
        session = await invitations.join_anew(
            made.token, "Ada", SECRET, HERE, door.passwords, door.clock
        )
        return session is not None

    assert sorted(await asyncio.gather(take(), take())) == [False, True]
    assert await User.filter(email=ADA).count() == 1


async def test_who_may_ask_whom_in(home: Home) -> None:
    admin = await signed_in("adm@example.org", Role.ADMIN)
    with pytest.raises(Denied):
        await invitations.invite(admin, ADA, Role.OWNER)
    await invitations.invite(admin, ADA, Role.ADMIN)
    editor = await signed_in("ed@example.org", Role.EDITOR)
    with pytest.raises(Denied):
        await invitations.invite(editor, "x@example.org", Role.VIEWER)
    with pytest.raises(Denied):
        await invitations.list_invitations(editor)
    with pytest.raises(Conflict):
        await invitations.invite(home.owner, "ed@example.org", Role.VIEWER)


async def test_another_role_counts_at_once_and_weakens_tokens(home: Home) -> None:  # S06
    ada = await signed_in(ADA, Role.EDITOR)
    token = await keys.create(ada, "mine")
    await members.change_role(home.owner, (await member_of(ada)).id, Role.VIEWER)
    viewer = await now(ada)
    assert viewer is not None
    assert viewer.role is Role.VIEWER
    assert not viewer.may("bots:write")
    found = await Recogniser().by_token(token.text)
    assert found is not None
    assert found[0].role is Role.VIEWER


async def test_a_credential_ends_with_the_role_it_was_given_for(home: Home) -> None:  # S06
    await accounts.add_user(ADA)
    session = await accounts.redeem(await accounts.make_link(ADA))
    assert session is not None
    recogniser = Recogniser()
    found = await recogniser.by_session(session.token)
    assert found is not None
    viewer, credential = found
    assert await recogniser.still_valid(credential)
    member = await member_of(viewer)
    await members.change_role(home.owner, member.id, Role.ADMIN)
    assert not await recogniser.still_valid(credential)


async def test_removed_is_out_at_once(anywhere: Home) -> None:  # S06
    ada = await signed_in()
    token = await keys.create(ada, "mine")
    await members.remove(anywhere.owner, (await member_of(ada)).id)
    assert await now(ada) is None
    assert await Recogniser().by_token(token.text) is None
    assert await ApiToken.filter(id=token.row.id, revoked_at=None).count() == 0
    await accounts.add_user(ADA)
    assert await Recogniser().by_token(token.text) is None


async def test_the_last_owner_stays(home: Home) -> None:
    own = await member_of(home.owner)
    for change in (
        members.leave(home.owner),
        members.remove(home.owner, own.id),
        members.change_role(home.owner, own.id, Role.ADMIN),
    ):
        with pytest.raises(InvalidState, match="only owner"):
            await change


async def test_two_owners_cannot_both_step_back_at_once(anywhere: Home) -> None:
    second = await signed_in(ADA, Role.OWNER)
    ids = [(await member_of(anywhere.owner)).id, (await member_of(second)).id]
    done = await asyncio.gather(
        members.change_role(anywhere.owner, ids[0], Role.VIEWER),
        members.change_role(second, ids[1], Role.VIEWER),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Exception) for one in done) == 1
    assert await Member.filter(role=Role.OWNER).count() == 1


async def test_an_admin_does_not_touch_owners(home: Home) -> None:
    admin = await signed_in("adm@example.org", Role.ADMIN)
    owner, own = await member_of(home.owner), await member_of(admin)
    with pytest.raises(Denied):
        await members.change_role(admin, owner.id, Role.VIEWER)
    with pytest.raises(Denied):
        await members.remove(admin, owner.id)
    with pytest.raises(Denied):
        await members.change_role(admin, own.id, Role.OWNER)
    with pytest.raises(Denied):
        await members.transfer(admin, own.id)


async def test_a_workspace_is_handed_over(home: Home) -> None:
    ada = await signed_in()
    await members.transfer(home.owner, (await member_of(ada)).id)
    assert (await member_of(ada)).role is Role.OWNER
    assert (await member_of(home.owner)).role is Role.ADMIN
    with pytest.raises(Denied):
        await members.transfer(home.owner, (await member_of(ada)).id)


async def test_members_of_another_workspace_are_not_there(home: Home) -> None:  # S11
    ada = await workspace_of_ada(home)
    foreign = await member_of(ada)
    for change in (
        members.get(home.owner, foreign.id),
        members.remove(home.owner, foreign.id),
        members.change_role(home.owner, foreign.id, Role.VIEWER),
        members.transfer(home.owner, foreign.id),
    ):
        with pytest.raises(NotFound):
            await change
    made = await invitations.invite(ada, "x@example.org", Role.VIEWER)
    with pytest.raises(NotFound):
        await invitations.revoke(home.owner, made.row.id)
    assert (await Invitation.get(id=made.row.id)).revoked_at is None


async def test_from_one_workspace_to_another_without_signing_out(anywhere: Home) -> None:
    place = await places.create(anywhere.owner, "  Second   one ", "Europe/Berlin")
    assert (place.workspace.name, place.role) == ("Second one", Role.OWNER)
    await sessions.move(anywhere.owner, place.workspace_id)
    viewer = await now(anywhere.owner)
    assert viewer is not None
    assert viewer.workspace_id == place.workspace_id
    names = [m.workspace.name for m in (await places.list_mine(viewer)).rows]
    assert names == ["My workspace", "Second one"]
    again = await seen(await accounts.redeem(await accounts.make_link(viewer.email)))
    assert again.workspace_id in {place.workspace_id, anywhere.owner.workspace_id}


async def test_nobody_goes_where_they_are_no_member(home: Home) -> None:
    ada = await workspace_of_ada(home)
    with pytest.raises(NotFound):
        await sessions.move(home.owner, ada.workspace_id)
    with pytest.raises(NotFound):
        await sessions.move(ada, home.owner.workspace_id)


async def test_leaving_goes_on_in_another_workspace_or_ends(home: Home) -> None:
    ada = await signed_in()
    await places.create(ada, "Ada's")
    await members.leave(ada)
    viewer = await now(ada)
    assert viewer is not None
    assert viewer.workspace_name == "Ada's"
    bob = await signed_in("bob@example.org")
    await members.leave(bob)
    assert await now(bob) is None
    assert await accounts.redeem(await accounts.make_link("bob@example.org")) is None


@pytest.mark.parametrize(("name", "zone"), [("", "UTC"), ("x" * 101, "UTC"), ("X", "Mars/Base")])
async def test_a_workspace_has_a_name_and_a_time_zone(home: Home, name: str, zone: str) -> None:
    with pytest.raises(Invalid):
        await places.create(home.owner, name, zone)


async def test_a_token_makes_and_manages_no_workspaces_of_a_person(home: Home) -> None:
    made = await keys.create(home.owner, "ci")
    found = await Recogniser().by_token(made.text)
    assert found is not None
    for act in (
        places.create(found[0], "X"),
        sessions.move(found[0], found[0].workspace_id),
        sessions.list_sessions(found[0]),
        members.leave(found[0]),
        reception().update_profile(found[0], "X", None, None),
    ):
        with pytest.raises(Denied):
            await act


async def test_one_person_owns_so_many_workspaces(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MOST_OWN", 2)
    await places.create(home.owner, "Second")
    with pytest.raises(LimitReached):
        await places.create(home.owner, "Third")


async def test_an_invitation_ends_with_the_right_to_give_it(home: Home) -> None:
    """Whoever is about to lose a role keeps no link that leads back to it."""
    ada = await signed_in(ADA, Role.ADMIN)
    strong = await invitations.invite(ada, "alt@example.org", Role.ADMIN)
    await members.change_role(home.owner, (await member_of(ada)).id, Role.EDITOR)
    assert await invitations.look(strong.token) is None
    await members.change_role(home.owner, (await member_of(ada)).id, Role.ADMIN)
    ada = await now(ada) or ada
    weak = await invitations.invite(ada, "alt@example.org", Role.VIEWER)
    await members.remove(home.owner, (await member_of(ada)).id)
    assert await invitations.look(weak.token) is None


@pytest.mark.parametrize("name", ["", " ", "Ada\x1b[2J", "Ada\u202egro.live", "x" * 201])
async def test_a_name_is_one_visible_line(home: Home, name: str) -> None:
    made = await invitations.invite(home.owner, ADA, Role.VIEWER)
    door = reception()
    with pytest.raises(Invalid, match="A name has"):
        await invitations.join_anew(made.token, name, SECRET, HERE, door.passwords, door.clock)
    assert await invitations.look(made.token) is not None


@pytest.mark.parametrize("name", ["Grace Hopper", "grace  HOPPER", "grace@example.org"])
async def test_nobody_takes_a_name_that_means_somebody_else(home: Home, name: str) -> None:
    """A bot that asks Grace must not be answered by whoever calls themselves so."""
    await accounts.add_user("grace@example.org", name="Grace Hopper")
    eve = await signed_in("eve@example.org", Role.OPERATOR)
    door = reception()
    with pytest.raises(Invalid):
        await door.update_profile(eve, name, None, None)
    made = await invitations.invite(home.owner, ADA, Role.OPERATOR)
    with pytest.raises(Invalid):
        await invitations.join_anew(made.token, name, SECRET, HERE, door.passwords, door.clock)
    assert (await door.update_profile(eve, "Eve", None, None)).name == "Eve"
    assert (await door.update_profile(eve, "eve", None, None)).name == "eve"


async def test_one_person_invites_so_many_people_a_day(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else everybody who makes a workspace could mail the world."""
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    for _ in range(2):
        await invitations.invite(home.owner, ADA, Role.VIEWER)
    with pytest.raises(LimitReached, match="a day"):
        await invitations.invite(home.owner, ADA, Role.VIEWER)
