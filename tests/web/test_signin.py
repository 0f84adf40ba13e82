from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from server.core.ids import public_id
from server.models.enums import Role
from server.models.tables import Member, User, Workspace
from server.web.sessions import own_path
from server.workspaces import accounts, keys
from tests.support.front import HOST, Front, open_front


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    environ = {"BALEYBOTS_METRICS_TOKEN": "a-token-for-metrics"}
    async with open_front(tmp_path_factory.mktemp("data"), environ) as front:
        yield front


@pytest_asyncio.fixture
async def visitor(front: Front) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(front.app)
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        yield client


async def test_the_first_start_gives_a_link_that_signs_the_owner_in(  # S07, S09
    front: Front, visitor: httpx.AsyncClient
) -> None:
    assert front.app.first_link
    answer = await visitor.get("/signin", params={"token": front.app.first_link})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie  # plain http on this machine
    page = await visitor.get("/")
    assert page.status_code == 200
    assert "Baleybots" in page.text


async def test_a_link_works_once(front: Front, visitor: httpx.AsyncClient) -> None:
    token = await accounts.make_link()
    async with front.browser() as browser:
        assert (await browser.get("/signin", params={"token": token})).status_code == 303
    second = await visitor.get("/signin", params={"token": token})
    assert second.status_code == 410
    assert "baleybots user link" in second.text
    assert "set-cookie" not in second.headers


async def test_looking_ahead_uses_nothing_up(visitor: httpx.AsyncClient) -> None:
    token = await accounts.make_link()
    params = {"token": token}
    ahead = await visitor.get("/signin", params=params, headers={"sec-purpose": "prefetch"})
    assert ahead.status_code == 200
    assert "set-cookie" not in ahead.headers
    assert token in ahead.text
    assert "set-cookie" not in (await visitor.head("/signin", params=params)).headers
    pressed = await visitor.post("/signin", data=params, headers={"origin": HOST})
    assert "set-cookie" in pressed.headers


@pytest.mark.parametrize("token", ["x", "'; DROP TABLE users; --", "<script>", "0" * 5_000, "\x00"])
async def test_links_that_never_were(visitor: httpx.AsyncClient, token: str) -> None:
    answer = await visitor.get("/signin", params={"token": token})
    assert answer.status_code == 410
    assert "<script>" not in answer.text


async def test_another_site_cannot_sign_somebody_in(visitor: httpx.AsyncClient) -> None:
    token = await accounts.make_link()
    headers = {"origin": "https://evil.test"}
    answer = await visitor.post("/signin", data={"token": token}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_a_visitor_is_shown_how_to_get_in(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/bots/x")
    assert answer.headers["location"] == "/signin?next=%2Fbots%2Fx"
    page = await visitor.get("/signin")
    assert page.status_code == 200
    assert "baleybots user link" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]


async def test_after_signing_in_one_lands_where_one_wanted_to_go(
    visitor: httpx.AsyncClient,
) -> None:
    params = {"token": await accounts.make_link(), "next": "/executions"}
    assert (await visitor.get("/signin", params=params)).headers["location"] == "/executions"


@pytest.mark.parametrize(
    "wanted", ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:x", "/a\r\nb", ""]
)
def test_but_never_on_another_site(wanted: str) -> None:
    assert own_path(wanted) == "/"


async def test_signing_out_ends_the_session_at_once(front: Front) -> None:  # S06
    async with front.browser() as browser:
        cookie = dict(browser.cookies)
        assert (await browser.get("/")).status_code == 200
        gone = await browser.post("/signout", headers={"origin": HOST})
        assert gone.headers["location"] == "/signin"
        browser.cookies.update(cookie)
        again = await browser.get("/")
        assert again.status_code == 303


async def test_health_is_open_and_says_little(visitor: httpx.AsyncClient) -> None:  # S72
    assert (await visitor.get("/healthz")).text == "ok\n"
    ready = await visitor.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "database": "ok", "queue": "ok"}


async def test_not_ready_says_when_to_ask_again(
    front: Front, visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dead(*_: object) -> bool:
        return False

    monkeypatch.setattr(type(front.rooms.bus), "alive", dead)
    answer = await visitor.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["queue"] == "not ready"


async def test_metrics_are_for_the_operator(  # S72
    front: Front, visitor: httpx.AsyncClient
) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}):
        assert (await visitor.get("/metrics", headers=headers)).status_code == 401
    headers = {"authorization": "Bearer a-token-for-metrics"}
    answer = await visitor.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert "baleybots_http_requests_total" in answer.text
    async with front.browser() as owner:
        assert (await owner.get("/metrics")).status_code == 200


async def test_metrics_are_not_for_whoever_makes_a_workspace(  # S72
    front: Front, visitor: httpx.AsyncClient
) -> None:
    """The figures are of everybody's workspaces, and everybody owns those that they make."""
    await accounts.add_user("eve@example.org", role=Role.VIEWER)
    token = await accounts.make_link("eve@example.org")
    await visitor.get("/signin", params={"token": token})
    assert (await visitor.get("/metrics")).status_code == 401
    eve = await User.get(email="eve@example.org")
    place = await Workspace.create(name="Eve's own")
    await Member.create(user_id=eve.id, workspace_id=place.id, role=Role.OWNER)
    form = {"workspace": public_id("workspace", place.id)}
    assert (await visitor.post("/switch", data=form)).status_code == 303
    assert (await visitor.get("/metrics")).status_code == 401
    narrow = await keys.create_locally(scopes=["bots:read"])
    headers = {"authorization": f"Bearer {narrow.text}"}
    assert (await visitor.get("/metrics", headers=headers)).status_code == 401


async def test_a_link_on_another_site_asks_before_it_signs_in(visitor: httpx.AsyncClient) -> None:
    """Somebody may have put their own link there, to see what is typed into their account."""
    token = await accounts.make_link()
    led = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    answer = await visitor.get("/signin", params={"token": token}, headers=led)
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    typed = await visitor.get(
        "/signin", params={"token": token}, headers={"sec-fetch-site": "none"}
    )
    assert "set-cookie" in typed.headers


async def test_nothing_tells_what_serves_it(visitor: httpx.AsyncClient) -> None:  # S72
    for path in ("/healthz", "/signin", "/docs", "/graphiql", "/openapi.json"):
        answer = await visitor.get(path)
        assert "server" not in answer.headers
        assert answer.status_code in (200, 303)
        assert "graphiql" not in answer.text.lower()
