from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from server.web.bodies import DEFAULT_LIMIT
from tests.web.doorway import browser, guarded


async def test_every_answer_is_locked_down() -> None:
    async with browser() as client:
        headers = (await client.get("/anything")).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' 'unsafe-inline'" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "connect-src 'self'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


async def test_each_request_has_an_id_of_its_own() -> None:
    async with browser() as client:
        first, second = [(await client.get("/x")).headers["x-request-id"] for _ in range(2)]
        kept = await client.get("/x", headers={"x-request-id": "edge-12345678"})
        forged = await client.get("/x", headers={"x-request-id": "a b<script>"})
    assert first != second
    assert kept.headers["x-request-id"] == "edge-12345678"
    assert forged.headers["x-request-id"].startswith("req_")


async def test_a_body_beyond_the_limit_is_refused() -> None:  # S21
    async with browser() as client:
        fits = await client.post("/x", content=b"a" * DEFAULT_LIMIT)
        too_much = await client.post("/x", content=b"a" * (DEFAULT_LIMIT + 1))
    assert fits.text == f"nobody {DEFAULT_LIMIT}"
    assert too_much.status_code == 413


async def test_graphql_may_bring_twelve_mebibytes_and_no_more() -> None:  # S21
    size = 12 * DEFAULT_LIMIT
    async with browser() as client:
        assert (await client.post("/graphql", content=b"a" * size)).status_code == 200
        refused = await client.post("/graphql", content=b"a" * (size + 1))
        assert refused.status_code == 413
        assert refused.json()["errors"][0]["extensions"]["code"] == "TOO_LARGE"


async def test_a_body_that_never_comes_is_not_waited_for() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    app = guarded(seconds=0.05)
    got: list[int] = []

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            got.append(int(str(message["status"])))

    body = endless()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": await anext(body), "more_body": True}

    scope = {"type": "http", "method": "POST", "path": "/x", "headers": []}
    await app(scope, receive, send)
    assert got == [408]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_requests_without_a_body_pass(method: str) -> None:
    async with browser() as client:
        assert (await client.request(method, "/x")).status_code == 200
