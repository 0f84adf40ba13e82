"""Invitations and new passwords by letter, from the form to the mailbox and back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server.models.enums import Role
from server.models.tables import Member
from server.workspaces import accounts
from tests.support.front import Front, open_front
from tests.support.post_office import Post, post_office, the_letter
from tests.support.waiting import until
from tests.workspaces.people import CHEAP

pytestmark = pytest.mark.slow

NEW = "nine green lanterns"
INVITED = "mailed link invitation { email role }"
PUBLIC = "https://bots.example.org"


@pytest.fixture
async def post() -> Post:
    return Post()


@pytest.fixture
async def front(tmp_path: Path, post: Post) -> AsyncIterator[Front]:
    async with post_office(post) as port:
        environ = {
            "BALEYBOTS_SMTP_URL": f"smtp://127.0.0.1:{port}?from=bots@example.org",
            "BALEYBOTS_PUBLIC_URL": PUBLIC,
        }
        async with open_front(tmp_path, environ) as front:
            front.rooms.reception.passwords._hasher = CHEAP
            yield front


def visitor(front: Front) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(front.app, client=("198.51.100.7", 1))
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC, headers={"origin": PUBLIC})


def link_in(post: Post, page: str) -> str:
    """Without the name of the host, which stands in the settings and not in the request."""
    found = re.search(rf"{PUBLIC}(/{page}\?token=\w+)", the_letter(post).get_content())
    assert found is not None
    return found[1]


async def test_an_invitation_arrives_and_lets_somebody_new_in(  # S73
    front: Front, post: Post
) -> None:
    owner = await front.caller()
    made = await owner.change("inviteMember", INVITED, email="eve@example.org", role="EDITOR")
    assert (made["mailed"], made["errors"]) == (True, [])
    assert post.letters[0].rcpt_tos == ["eve@example.org"]
    path = link_in(post, "join")
    assert made["link"] == PUBLIC + path
    async with visitor(front) as browser:
        assert "eve@example.org" in (await browser.get(path)).text
        token = path.partition("=")[2]
        answer = await browser.post("/join", data={"token": token, "name": "Eve", "password": NEW})
        assert answer.status_code == 303
        assert (await browser.get("/bots")).status_code == 200
    assert await Member.exists(user__email="eve@example.org", role=Role.EDITOR)


async def test_a_mail_server_that_refuses_leaves_the_link(front: Front, post: Post) -> None:
    post.refusing = "550 No such user here"
    owner = await front.caller()
    made = await owner.change("inviteMember", INVITED, email="eve@example.org", role="VIEWER")
    assert (made["mailed"], made["errors"]) == (False, [])
    async with visitor(front) as browser:
        assert "eve@example.org" in (await browser.get(made["link"].removeprefix(PUBLIC))).text


async def test_a_forgotten_password_is_set_anew_by_letter(  # S04, S73
    front: Front, post: Post
) -> None:
    await accounts.add_user("ada@example.org", role=Role.EDITOR)
    async with visitor(front) as browser:
        headers = {"host": "evil.test"}
        answers = [
            await browser.post("/forgot", data={"email": email}, headers=headers)
            for email in ("ada@example.org", "nobody@example.org")
        ]
        assert answers[0].text == answers[1].text
        await until(lambda: post.letters)
        token = link_in(post, "reset").partition("=")[2]
        answer = await browser.post("/reset", data={"token": token, "password": NEW})
        assert answer.status_code == 303
    async with visitor(front) as browser:
        form = {"email": "ada@example.org", "password": NEW}
        assert (await browser.post("/signin", data=form)).status_code == 303
    assert [envelope.rcpt_tos for envelope in post.letters] == [["ada@example.org"]]
