from __future__ import annotations

import pytest

from server.web.origin import same_site
from tests.web.doorway import HOST, Socket, browser, guarded

COOKIE = {"cookie": "baleybots_session=good"}
TOKEN = {"authorization": "Bearer bb_good"}


@pytest.mark.parametrize("headers", [COOKIE, TOKEN])
async def test_a_session_and_a_token_are_recognised(headers: dict[str, str]) -> None:
    async with browser() as client:
        assert (await client.get("/x", headers=headers)).text.startswith("known")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": "baleybots_session=bad"},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic bb_good"},
        {"authorization": "Bearer "},
        {**COOKIE, "authorization": "Bearer wrong"},  # a wrong token is not rescued by a cookie
    ],
)
async def test_everybody_else_is_nobody(headers: dict[str, str]) -> None:
    async with browser() as client:
        assert (await client.get("/x", headers=headers)).text.startswith("nobody")


async def test_a_token_in_the_address_is_no_token() -> None:  # S07
    async with browser() as client:
        assert (await client.get("/x?token=bb_good&authorization=Bearer bb_good")).text.startswith(
            "nobody"
        )


@pytest.mark.parametrize(
    "origin", ["https://evil.test", "null", "http://bots.test.evil.test", "http://bots.test:81", ""]
)
async def test_a_page_of_another_site_changes_nothing(origin: str) -> None:  # S23
    async with browser() as client:
        answer = await client.post("/graphql", headers={**COOKIE, "origin": origin}, json={})
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "access-control-allow-origin" not in answer.headers


async def test_our_own_page_may() -> None:
    async with browser() as client:
        headers = {**COOKIE, "origin": f"http://{HOST}"}
        assert (await client.post("/graphql", headers=headers, json={})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.test", "null"])
async def test_preflights_from_elsewhere_get_no_permission(origin: str) -> None:  # S24
    headers = {"origin": origin, "access-control-request-method": "POST"}
    async with browser() as client:
        answer = await client.options("/graphql", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control-allow")]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({**COOKIE, "origin": "https://evil.test"}, 4403),
        ({**COOKIE, "origin": "null"}, 4403),
        (COOKIE, 4403),  # a browser always says where it comes from
        ({**TOKEN, "origin": "https://evil.test"}, 4403),
    ],
)
async def test_a_foreign_socket_is_closed_before_it_opens(  # S25
    headers: dict[str, str], code: int
) -> None:
    async with Socket(guarded(), headers) as socket:
        answer = await socket.answer()
    assert (answer["type"], answer["code"]) == ("websocket.close", code)


@pytest.mark.parametrize("headers", [{**COOKIE, "origin": f"http://{HOST}"}, TOKEN, {}])
async def test_our_own_sockets_and_programs_open(headers: dict[str, str]) -> None:  # S25
    async with Socket(guarded(), headers) as socket:
        assert (await socket.answer())["type"] == "websocket.accept"


@pytest.mark.parametrize(
    ("origin", "host", "public", "same"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", None, True),
        ("https://bots.example.org", "bots.example.org", None, True),
        ("https://bots.example.org:443", "bots.example.org", None, True),
        ("https://bots.example.org", "10.0.0.5:8000", "https://bots.example.org", True),
        ("http://bots.example.org", "10.0.0.5:8000", "https://bots.example.org", False),
        ("http://bots.example.org", "bots.example.org", "https://bots.example.org", False),
        ("http://10.0.0.5:8000", "10.0.0.5:8000", "https://bots.example.org", True),
        ("http://[::1]:8000", "[::1]:8000", None, True),
        ("HTTP://Bots.Example.Org", "bots.example.org", None, True),
        ("http://a@bots.example.org", "bots.example.org", None, False),
        ("file://", "bots.example.org", None, False),
        ("http://bots.example.org:x", "bots.example.org", None, False),
        ("http://bots.example.org", "", None, False),
        ("http://login", "login?", None, True),
    ],
)
def test_origins(origin: str, host: str, public: str | None, same: bool) -> None:  # S23, S25
    assert same_site(origin, host, public) is same
