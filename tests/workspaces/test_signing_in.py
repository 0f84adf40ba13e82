from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters

from server.core.errors import Conflict, Denied, Invalid, NotFound
from server.models.enums import LinkPurpose, Role
from server.models.tables import Session, SigninLink, User
from server.workspaces import accounts, keys, sessions
from server.workspaces.passwords import HASHER, checked
from server.workspaces.recognise import Recogniser
from server.workspaces.sessions import Visitor, device_of
from server.workspaces.signing_in import Reception
from server.workspaces.throttle import PER_ADDRESS, PER_PAIR, TooManyTries
from server.workspaces.throttle import _keys as keys_of
from tests.support.rooms import Home
from tests.workspaces.people import ADA, CHEAP, HERE, SECRET, actions, reception, seen, signed_in

THERE = Visitor("Safari", "203.0.113.7")


async def with_password(door: Reception) -> None:
    viewer = await signed_in()
    await door.change(viewer, None, SECRET)


async def test_a_password_that_was_set_lets_in(home: Home) -> None:
    door = reception()
    await with_password(door)
    viewer = await seen(await door.by_password(" ADA@example.org ", SECRET, HERE))
    assert (viewer.email, viewer.role) == (ADA, Role.EDITOR)
    stored = (await User.get(email=ADA)).password
    assert stored is not None
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize(
    "password", ["", "nine green lantern", SECRET.upper(), "x" * 5_000, "\x00"]
)
async def test_any_other_password_does_not(home: Home, password: str) -> None:
    door = reception()
    await with_password(door)
    assert await door.by_password(ADA, password, HERE) is None


@pytest.mark.parametrize("email", ["nobody@example.org", "", "owner@localhost", "' OR 1=1 --"])
async def test_who_has_no_password_is_not_let_in(home: Home, email: str) -> None:  # S09
    assert await reception().by_password(email, "the password of nobody", HERE) is None


async def test_the_disabled_are_not_let_in(home: Home) -> None:
    door = reception()
    await with_password(door)
    await accounts.disable_user(ADA)
    assert await door.by_password(ADA, SECRET, HERE) is None


class Noting(PasswordHasher):
    """Argon2id that remembers which hashes it was asked about."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.asked: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.asked.append(str(hash))
        return super().verify(hash, password)


@pytest.mark.parametrize("who", [ADA, "nobody@example.org", "owner@localhost", "gone@example.org"])
async def test_every_refusal_costs_the_same_work(home: Home, who: str) -> None:  # S03
    """One argon2id of the same settings, also for who is unknown, has no password or is disabled:
    the time of an answer tells nobody which addresses exist."""
    hasher = Noting()
    door = reception(hasher)
    await with_password(door)
    gone = await signed_in("gone@example.org")
    await door.change(gone, None, SECRET)
    await accounts.disable_user("gone@example.org")
    hasher.asked.clear()
    assert await door.by_password(who, "not the password", HERE) is None
    assert [extract_parameters(one) for one in hasher.asked] == [extract_parameters(CHEAP.hash(""))]


async def test_a_hash_of_other_settings_is_renewed_at_the_next_sign_in(home: Home) -> None:
    door = reception()
    await with_password(door)
    before = (await User.get(email=ADA)).password
    stronger = reception(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert await stronger.by_password(ADA, SECRET, HERE) is not None
    after = (await User.get(email=ADA)).password
    assert after != before
    assert await stronger.by_password(ADA, SECRET, HERE) is not None
    assert (await User.get(email=ADA)).password == after


def test_the_settings_are_those_that_owasp_names() -> None:
    assert (HASHER.time_cost, HASHER.memory_cost, HASHER.parallelism) == (2, 19_456, 1)


@pytest.mark.parametrize("password", [
    "", "eleven char", "x" * 201, "aaaaaaaaaaaa", "123456789012", "qwertyuiop12", "Password1234",
    "P@ssw0rd2026!", "correct horse battery staple", "ada@example.org", "Ada Example Org 1",
    "Lovelace1815!", "Baleybots-2026", "1q2w3e4r5t6y", "welcome welcome welcome", "asdfghjkl;123",
    "abcdefghijkl", "monkey.dragon", "Summer2025!!", "admin-admin-99", "\uff50\uff41ssword12345",
])  # fmt: skip
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked(password, (ADA, "Ada Lovelace"))
    assert len(password) < 12 or password not in refused.value.message
    assert refused.value.hint == "Several words with no connection make a good one."


@pytest.mark.parametrize("password", [
    SECRET, "sunshine dragon monkey flower", "twelve chars", "\u00fcber grau katze", "Xk9-mmQ2-vvT",
    "7 purple llamas sing",
    "\u9f8d\u6708\u5149\u5bd2\u5c71\u96ea\u6c5f\u6625\u82b1\u79cb\u6c34\u706b",
])  # fmt: skip
def test_what_is_long_and_no_common_word_is_taken(password: str) -> None:
    assert checked(password, (ADA, "Ada Lovelace")) == password


def test_a_long_password_is_judged_at_once() -> None:
    began = time.perf_counter()
    for text in ("ab" * 99 + "ac", "1234567890" * 20, "abcdefgh" * 25, "x1" * 50 + "y2" * 50):
        with contextlib.suppress(Invalid):
            checked(text)
    assert time.perf_counter() - began < 1


async def test_tries_are_counted_for_a_person_at_a_place(home: Home) -> None:  # S05
    door = reception()
    await with_password(door)
    for _ in range(PER_PAIR):
        assert await door.by_password(ADA, "wrong again", THERE) is None
    with pytest.raises(TooManyTries) as stopped:
        await door.by_password(ADA, SECRET, THERE)
    assert 0 < (stopped.value.retry_after or 0) <= 900
    assert await door.by_password(ADA, SECRET, HERE) is not None


async def test_one_address_cannot_try_many_people(home: Home) -> None:  # S05
    door = reception()
    for number in range(PER_ADDRESS):
        assert await door.by_password(f"p{number}@example.org", "wrong", THERE) is None
    with pytest.raises(TooManyTries):
        await door.by_password("another@example.org", "wrong", THERE)


async def test_many_addresses_cannot_lock_a_person_out(home: Home) -> None:  # S05
    door = reception()
    await with_password(door)
    refused = 0
    for number in range(50):
        try:
            await door.by_password(ADA, "wrong", Visitor("x", f"198.51.100.{number}"))
        except TooManyTries:
            refused += 1
    assert refused >= 25
    with pytest.raises(TooManyTries):
        await door.by_password(ADA, SECRET, THERE)
    assert await door.by_password(ADA, SECRET, HERE) is not None  # was signed in here before
    assert await accounts.redeem(await accounts.make_link(ADA)) is not None


async def test_the_right_password_is_no_try(home: Home) -> None:
    door = reception()
    await with_password(door)
    for _ in range(PER_PAIR * 4):
        assert await door.by_password(ADA, SECRET, HERE) is not None


async def test_changing_a_password_needs_the_old_one_and_ends_other_sessions(  # S06
    home: Home,
) -> None:
    door = reception()
    await with_password(door)
    here = await seen(await door.by_password(ADA, SECRET, HERE))
    there = await door.by_password(ADA, SECRET, THERE)
    with pytest.raises(Invalid, match="present password"):
        await door.change(here, "not it", "seven brown foxes")
    with pytest.raises(Invalid):
        await door.change(here, None, "seven brown foxes")
    assert await door.change(here, SECRET, "seven brown foxes") == 2
    assert there is not None
    assert await Recogniser().by_session(there.token) is None
    assert await Session.exists(id=here.session_id, revoked_at=None)
    assert await door.by_password(ADA, SECRET, HERE) is None


async def test_a_token_cannot_set_a_password(home: Home) -> None:
    made = await keys.create(home.owner, "ci")
    found = await Recogniser().by_token(made.text)
    assert found is not None
    with pytest.raises(Denied):
        await reception().change(found[0], None, SECRET)


async def test_a_reset_link_sets_a_password_once_and_ends_all_sessions(home: Home) -> None:  # S04
    door = reception()
    before = await signed_in()
    link, spare = await accounts.make_reset_link(ADA), await accounts.make_reset_link(ADA)
    with pytest.raises(Invalid):
        await door.reset(link, "short", HERE)
    viewer = await seen(await door.reset(link, SECRET, HERE))
    assert viewer.email == ADA
    assert not await Session.exists(id=before.session_id, revoked_at=None)
    assert await door.reset(link, "another password", HERE) is None
    assert await door.reset(spare, "another password", HERE) is None
    assert await door.by_password(ADA, SECRET, HERE) is not None


@pytest.mark.parametrize("token", ["", "null", "0", "[]", "undefined", "x" * 43])
async def test_no_link_no_reset(home: Home, token: str) -> None:  # S04
    assert await reception().reset(token, SECRET, HERE) is None


async def test_a_link_is_for_its_own_person_alone(home: Home) -> None:  # S04
    door = reception()
    await with_password(door)
    ada = await seen(await door.by_password(ADA, SECRET, HERE))
    await signed_in("bob@example.org")
    viewer = await seen(
        await door.reset(
            await accounts.make_reset_link("bob@example.org"), "seven brown foxes", HERE
        )
    )
    assert viewer.email == "bob@example.org"
    assert await Session.exists(id=ada.session_id, revoked_at=None)
    assert await door.by_password(ADA, "seven brown foxes", HERE) is None
    assert await door.by_password(ADA, SECRET, HERE) is not None


async def test_links_are_good_for_what_they_were_made_for(home: Home) -> None:  # S04
    await signed_in()
    reset, entry = await accounts.make_reset_link(ADA), await accounts.make_link(ADA)
    assert await accounts.redeem(reset) is None
    assert await reception().reset(entry, SECRET, HERE) is None
    assert await SigninLink.filter(purpose=LinkPurpose.RESET, used_at=None).count() == 1


async def test_a_reset_link_is_over_after_an_hour(home: Home) -> None:  # S04
    door = reception()
    await signed_in()
    link = await accounts.make_reset_link(ADA)
    door.clock.move(minutes=61)  # type: ignore[attr-defined]
    assert await door.reset(link, SECRET, HERE) is None


# --- sessions -------------------------------------------------------------------------------


async def test_sessions_are_listed_and_one_can_be_ended(home: Home) -> None:
    viewer = await signed_in()
    other = await accounts.redeem(await accounts.make_link(ADA), "Safari", "10.0.0.7")
    page = await sessions.list_sessions(viewer)
    assert (page.rows[0].user_agent, page.rows[0].address) == ("Safari", "10.0.0.7")
    await sessions.revoke(viewer, page.rows[0].id)
    assert other is not None
    assert await Recogniser().by_session(other.token) is None
    with pytest.raises(NotFound):
        await sessions.revoke(viewer, page.rows[0].id)


async def test_nobody_sees_or_ends_the_sessions_of_others(home: Home) -> None:
    viewer = await signed_in()
    assert home.owner.session_id is not None
    assert home.owner.session_id not in [r.id for r in (await sessions.list_sessions(viewer)).rows]
    with pytest.raises(NotFound):
        await sessions.revoke(viewer, home.owner.session_id)


async def test_all_other_sessions_can_be_ended(home: Home) -> None:
    viewer = await signed_in()
    for _ in range(3):
        await accounts.redeem(await accounts.make_link(ADA))
    assert await sessions.revoke_others(viewer) == 3
    assert [row.id for row in (await sessions.list_sessions(viewer)).rows] == [viewer.session_id]
    assert await Session.exists(id=home.owner.session_id, revoked_at=None)


async def test_coming_and_going_is_written_down(home: Home) -> None:  # S76
    door = reception()
    await with_password(door)
    await door.note_refusal(ADA, HERE)
    await door.note_refusal("nobody@example.org", HERE)
    told = await actions()
    assert told[-4:] == [
        "user.link_made",
        "session.started",
        "user.password_set",
        "session.refused",
    ]


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (HERE.agent, "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18) AppleWebKit Safari/604", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150 Safari/537 Edg/150", "Edge on Windows"),
        ("", "unknown device"),
        ("<script>", "unknown device"),
    ],
)
def test_a_device_has_a_name(agent: str, device: str) -> None:
    assert device_of(agent) == device


async def test_a_hash_that_is_damaged_lets_nobody_in(home: Home) -> None:
    door = replace(reception(CHEAP))
    await with_password(door)
    await User.filter(email=ADA).update(password="$argon2id$broken")
    assert await door.by_password(ADA, SECRET, HERE) is None


async def test_a_name_and_an_address_are_one_s_own_to_change(home: Home) -> None:
    door = reception()
    await with_password(door)
    viewer = await seen(await door.by_password(ADA, SECRET, HERE))
    await door.update_profile(viewer, " Ada  L ", None, None)
    with pytest.raises(Invalid, match="present password"):
        await door.update_profile(viewer, None, "new@example.org", "wrong")
    with pytest.raises(Conflict):
        await door.update_profile(viewer, None, home.owner.email, SECRET)
    user = await door.update_profile(viewer, None, "New@example.org", SECRET)
    assert (user.name, user.email) == ("Ada L", "new@example.org")
    assert await door.by_password("new@example.org", SECRET, HERE) is not None


async def test_nobody_finds_out_by_trying_which_addresses_have_accounts(home: Home) -> None:
    door = reception()
    ada = await signed_in()
    for _ in range(PER_PAIR):
        with pytest.raises(Conflict, match="cannot be used"):
            await door.update_profile(ada, None, home.owner.email, None)
    for email in (home.owner.email, "free@example.org"):
        with pytest.raises(TooManyTries):
            await door.update_profile(ada, None, email, None)
    assert (await User.get(id=ada.user_id)).email == ADA
    assert (await actions()).count("user.address_refused") == PER_PAIR


async def test_links_do_not_outlive_the_address_they_were_sent_to(home: Home) -> None:
    ada = await signed_in()
    link = await accounts.make_reset_link(ADA)
    await reception().update_profile(ada, None, "ada@elsewhere.example", None)
    assert await accounts.link_owner(link, LinkPurpose.RESET) is None


async def test_a_count_always_ends(home: Home) -> None:
    door = reception()
    await door.by_password(ADA, "wrong", HERE)
    counted = [key async for key in door.throttle.redis.scan_iter("baleybots:tries:*")]
    assert len(counted) == 3
    for key in counted:
        assert 0 < await door.throttle.redis.ttl(key) <= 900


@pytest.mark.parametrize(("one", "other", "same"), [
    ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
    ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    ("::ffff:10.0.0.9", "10.0.0.9", True), ("fe80::1%eth0", "fe80::2%eth1", True),
    ("10.0.0.9", "10.0.0.10", False), ("", "testclient", False),
])  # fmt: skip
def test_an_address_is_what_one_household_has(one: str, other: str, same: bool) -> None:
    assert (keys_of(ADA, one) == keys_of(ADA, other)) is same
