"""Passwords, reset links, invitations and workspaces, as a browser meets them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from server.core.net.mail import Letter, Mailer
from server.models.enums import Role
from server.models.tables import Member, Session, Workspace
from server.workspaces import accounts, invitations, places
from server.workspaces.access import Viewer
from server.workspaces.sessions import Visitor
from tests.support.front import HOST, Front, on_a_port, open_front, socket_to
from tests.workspaces.people import CHEAP

PASSWORD = "nine green lanterns"


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with open_front(tmp_path_factory.mktemp("data")) as front:
        front.rooms.reception.passwords._hasher = CHEAP
        yield front


@pytest_asyncio.fixture
async def visitor(front: Front) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_at(front, "198.51.100.1") as client:
        yield client


def browser_at(front: Front, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(front.app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url=HOST, headers={"origin": HOST})


async def owner_of(front: Front) -> Viewer:
    session = await accounts.redeem(await accounts.make_link())
    assert session is not None
    found = await front.rooms.recogniser.by_session(session.token)
    assert found is not None
    return found[0]


async def person(front: Front, email: str, role: Role = Role.EDITOR) -> str:
    await accounts.add_user(email, role=role)
    link = await accounts.make_reset_link(email)
    await front.rooms.reception.reset(link, PASSWORD, Visitor())
    return email


async def sign_in(
    browser: httpx.AsyncClient, email: str, password: str = PASSWORD, **params: str
) -> httpx.Response:
    return await browser.post("/signin", data={"email": email, "password": password}, params=params)


async def test_a_password_signs_in_and_leads_on(  # S07
    front: Front, visitor: httpx.AsyncClient
) -> None:
    email = await person(front, "in@example.org")
    answer = await sign_in(visitor, email, next="/costs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/costs")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await visitor.get("/")).status_code == 200


async def test_a_wrong_one_and_an_unknown_person_look_the_same(  # S03
    front: Front, visitor: httpx.AsyncClient
) -> None:
    await person(front, "known@example.org")
    wrong = await sign_in(visitor, "known@example.org", "not the password")
    unknown = await sign_in(visitor, "other@example.org", "not the password")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text.replace("known@", "") == unknown.text.replace("other@", "")
    assert "set-cookie" not in wrong.headers


async def test_too_many_tries_are_told_to_wait(front: Front) -> None:  # S05
    async with browser_at(front, "198.51.100.9") as browser:
        answers = [await sign_in(browser, "x@example.org", f"wrong {n}") for n in range(8)]
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900
    assert "baleybots user link" in answers[-1].text


async def test_what_is_typed_is_shown_as_text(visitor: httpx.AsyncClient) -> None:
    answer = await sign_in(visitor, '"><script>alert(1)</script>', "x")
    assert "<script>" not in answer.text


async def test_signing_in_ends_the_session_that_was_there(front: Front) -> None:  # S06
    email = await person(front, "twice@example.org")
    async with browser_at(front, "198.51.100.2") as browser:
        await sign_in(browser, email)
        first = dict(browser.cookies)
        await sign_in(browser, email)
        assert dict(browser.cookies) != first
        browser.cookies.clear()
        browser.cookies.update(first)
        assert (await browser.get("/")).headers["location"] == "/signin"


@pytest.mark.parametrize("path", ["/signin", "/reset", "/join", "/forgot", "/switch", "/signout"])
async def test_no_form_works_from_another_site(  # S23
    visitor: httpx.AsyncClient, path: str
) -> None:
    answer = await visitor.post(path, data={"token": "x"}, headers={"origin": "https://evil.test"})
    assert answer.status_code == 403


async def test_a_reset_link_asks_for_a_password_and_signs_in(  # S04
    front: Front, visitor: httpx.AsyncClient
) -> None:
    email = await person(front, "reset@example.org")
    token = await accounts.make_reset_link(email)
    page = await visitor.get("/reset", params={"token": token})
    assert (page.status_code, email in page.text) == (200, True)
    weak = await visitor.post("/reset", data={"token": token, "password": "short"})
    assert weak.status_code == 400
    assert "12 to 200" in weak.text
    done = await visitor.post("/reset", data={"token": token, "password": "seven brown foxes"})
    assert done.headers["location"] == "/"
    assert (await visitor.get("/")).status_code == 200
    again = await visitor.post("/reset", data={"token": token, "password": "another good one"})
    assert again.status_code == 410


@pytest.mark.parametrize("token", ["", "null", "undefined", "0", "[]", "x" * 500, "\x00"])
async def test_no_link_no_reset(visitor: httpx.AsyncClient, token: str) -> None:  # S04
    for path in ("/reset", "/join"):
        assert (await visitor.get(path, params={"token": token})).status_code == 410
        data = {"token": token, "password": PASSWORD, "name": "X"}
        assert (await visitor.post(path, data=data)).status_code == 410


@pytest.mark.parametrize("token", [None, 0, [], {}, "", True])
async def test_a_reset_without_a_link_or_in_another_form_is_none(  # S04
    visitor: httpx.AsyncClient, token: Any
) -> None:
    asked = {"password": PASSWORD, "email": "owner@localhost"}
    assert (await visitor.post("/reset", json=asked | {"token": token})).status_code == 410
    assert (await visitor.post("/reset", data=asked)).status_code == 410
    assert (await visitor.get("/reset")).status_code == 410


async def test_a_session_that_somebody_chose_beforehand_is_nobodys(front: Front) -> None:  # S06
    chosen = {"baleybots_session": "chosen-by-somebody-else-0123456789abcdefghi"}
    email = await person(front, "fixed@example.org")
    async with browser_at(front, "198.51.100.3") as browser:
        browser.cookies.update(chosen)
        answer = await sign_in(browser, email)
        assert answer.status_code == 303
        assert chosen["baleybots_session"] not in answer.headers["set-cookie"]
    async with browser_at(front, "198.51.100.4") as browser:
        browser.cookies.update(chosen)
        assert (await browser.get("/")).headers["location"] == "/signin"


async def test_over_https_the_cookie_is_for_https_alone(front: Front) -> None:  # S07
    transport = httpx.ASGITransport(front.app)
    headers = {"origin": "https://bots.test"}
    async with httpx.AsyncClient(
        transport=transport, base_url="https://bots.test", headers=headers
    ) as browser:
        answer = await browser.get("/signin", params={"token": await accounts.make_link()})
        assert "; Secure" in answer.headers["set-cookie"]


async def test_without_a_mail_server_the_command_is_named(visitor: httpx.AsyncClient) -> None:
    assert "baleybots user reset-link" in (await visitor.get("/forgot")).text


async def test_a_reset_link_is_mailed_and_the_answer_says_nothing(
    front: Front, visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await person(front, "mail@example.org")
    sent: list[Letter] = []

    async def send(self: Mailer, letter: Letter) -> None:
        sent.append(letter)

    monkeypatch.setattr(Mailer, "send", send)
    mailing = replace(front.rooms.reception, mailer=Mailer("smtp://mail.test"))
    await mailing.send_reset("mail@example.org", "https://bots.test")
    await mailing.send_reset("nobody@example.org", "https://bots.test")
    (letter,) = sent
    assert letter.to == "mail@example.org"
    link = re.search(r"https://bots\.test(/reset\?token=\w+)", letter.text)
    assert link is not None
    assert (await visitor.get(link[1])).status_code == 200


async def test_an_invitation_is_accepted_by_somebody_new(
    front: Front, visitor: httpx.AsyncClient
) -> None:
    made = await invitations.invite(await owner_of(front), "new@example.org", Role.OPERATOR)
    page = await visitor.get("/join", params={"token": made.token})
    assert "My workspace" in page.text
    assert "operator" in page.text
    data = {"token": made.token, "name": "Nell", "password": PASSWORD}
    weak = await visitor.post("/join", data=data | {"password": "short"})
    assert (weak.status_code, "Nell" in weak.text) == (400, True)
    assert (await visitor.post("/join", data=data)).headers["location"] == "/"
    assert (await visitor.get("/")).status_code == 200
    assert (await visitor.post("/join", data=data)).status_code == 410


async def test_an_invitation_for_somebody_known_asks_them_to_sign_in(
    front: Front, visitor: httpx.AsyncClient
) -> None:
    owner = await owner_of(front)
    email = await person(front, "known2@example.org")
    place = await places.create(owner, "Second")
    there = replace(owner, workspace_id=place.workspace_id)
    made = await invitations.invite(there, email, Role.VIEWER)
    link = {"token": made.token}
    page = await visitor.get("/join", params=link)
    assert "Sign in as known2@example.org first" in page.text
    forced = await visitor.post("/join", data=link | {"name": "X", "password": PASSWORD})
    assert "set-cookie" not in forced.headers
    other = await person(front, "other2@example.org")
    await sign_in(visitor, other)
    assert "signed in" in (await visitor.get("/join", params=link)).text
    assert (await visitor.post("/join", data=link)).status_code == 403
    await visitor.post("/signout")
    await sign_in(visitor, email)
    assert (await visitor.post("/join", data=link)).headers["location"] == "/"
    assert await Member.exists(workspace_id=place.workspace_id, user__email=email)


async def test_a_browser_goes_from_one_workspace_to_another(front: Front) -> None:
    async with front.browser() as browser:
        made = await places.create(await owner_of(front), "Elsewhere")
        headers = {"origin": HOST}
        asked = {"query": "{ viewer { workspace { id name } } workspaces { nodes { current "
                          "workspace { id name } } } }"}  # fmt: skip
        before = (await browser.post("/graphql", json=asked, headers=headers)).json()["data"]
        there = next(
            one["workspace"]["id"]
            for one in before["workspaces"]["nodes"]
            if one["workspace"]["name"] == "Elsewhere"
        )
        moved = await browser.post("/switch", data={"workspace": there}, headers=headers)
        assert moved.headers["location"] == "/"
        after = (await browser.post("/graphql", json=asked, headers=headers)).json()["data"]
        assert after["viewer"]["workspace"]["name"] == "Elsewhere"
        foreign = await Workspace.create(name="Foreign")
        assert foreign.id != made.workspace_id
        for wanted in ("wsp_" + "0" * 26, "junk", ""):
            answer = await browser.post("/switch", data={"workspace": wanted}, headers=headers)
            assert answer.status_code == 404


@pytest.mark.slow
async def test_an_open_socket_ends_when_its_role_changes(front: Front) -> None:  # S06
    """At once, not at the next turn."""
    email = await person(front, "socket@example.org")
    async with on_a_port(front.app) as url:
        session = await accounts.redeem(await accounts.make_link(email))
        assert session is not None
        headers = {"cookie": f"baleybots_session={session.token}", "origin": url}
        async with socket_to(url, headers) as wire:
            await wire.hello()
            owner = await front.caller()
            data = await owner.data("{ members { nodes { id user { email } } } }")
            member = next(m["id"] for m in data["members"]["nodes"] if m["user"]["email"] == email)
            await owner.change("changeMemberRole", "member { role }", memberId=member,
                               role="VIEWER")  # fmt: skip
            async with asyncio.timeout(3):
                assert await wire.closed() == 4401
    assert await Session.filter(user__email=email, revoked_at=None).exists()


@pytest.mark.slow
async def test_an_open_socket_ends_when_its_person_signs_out(front: Front) -> None:  # S06
    async with on_a_port(front.app) as url, httpx.AsyncClient(base_url=url) as browser:
        session = await accounts.redeem(await accounts.make_link())
        assert session is not None
        headers = {"cookie": f"baleybots_session={session.token}", "origin": url}
        async with socket_to(url, headers) as wire:
            await wire.hello()
            await browser.post("/signout", headers=headers)
            async with asyncio.timeout(3):
                assert await wire.closed() == 4401
