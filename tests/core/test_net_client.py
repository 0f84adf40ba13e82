"""Requests that leave: redirects, caps, secrets, and addresses that change their mind."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from server.core.errors import AddressRefused, TooLarge, Upstream
from server.core.net.client import Ask, Caps, SafeClient
from server.core.net.policy import NetPolicy

MIB = 1024 * 1024


@dataclass
class Web:
    """A web server on this machine: what it answers by path (nothing at all for an empty answer),
    and the requests it got. `drips`: seconds between two bytes; `begun`: connections."""

    answers: dict[str, bytes] = field(default_factory=dict)
    got: list[str] = field(default_factory=list)
    port: int = 0
    drips: float = 0
    begun: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.begun += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.got.append(head)
            answer = self.answers.get(head.split(" ")[1], reply(b"hello"))
            if not answer:
                await reader.read()
            for part in [bytes([one]) for one in answer] if self.drips else [answer]:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(self.drips)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


def reply(body: bytes, *headers: str, status: int = 200) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(where: str, status: int = 302) -> bytes:
    return reply(b"", f"location: {where}", status=status)


@pytest_asyncio.fixture
async def web() -> AsyncIterator[Web]:
    site = Web()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    yield site
    server.close()


@pytest_asyncio.fixture
async def client(web: Web) -> AsyncIterator[SafeClient]:
    """Knows two names that lead to the server, which the operator listed; nothing else is."""

    async def resolve(host: str) -> list[str]:
        return {"evil.test": ["10.0.0.1"]}.get(host, ["127.0.0.1"])

    listed = [f"good.test:{web.port}", f"other.test:{web.port}"]
    async with SafeClient(NetPolicy(listed, resolve=resolve)) as made:
        yield made


def at(web: Web, path: str = "/", host: str = "good.test") -> str:
    return f"http://{host}:{web.port}{path}"


async def test_the_answer_comes_from_the_checked_address_under_its_own_name(
    client: SafeClient, web: Web
) -> None:
    web.answers["/a?b=c%20d"] = reply(b"{}", "content-type: application/json")
    found = await client.fetch(Ask(at(web, "/a?b=c%20d")))
    assert (found.status, found.body, found.content_type) == (200, b"{}", "application/json")
    assert f"Host: good.test:{web.port}" in web.got[0]


@pytest.mark.parametrize(
    "where",
    [
        "http://10.0.0.1/",
        "http://127.0.0.1/",
        "http://evil.test/",
        "//localhost/",
        "http://[::ffff:127.0.0.1]/",
        "file:///etc/passwd",
        "http://user:pw@good.test/",
        "gopher://good.test/",
    ],
)
async def test_a_redirect_is_checked_again(client: SafeClient, web: Web, where: str) -> None:  # S30
    web.answers["/"] = redirect(where)
    with pytest.raises(AddressRefused):
        await client.fetch(Ask(at(web)))


async def test_five_redirects_are_followed_and_no_more(client: SafeClient, web: Web) -> None:  # F34
    for step in range(9):
        web.answers[f"/{step}"] = redirect(f"{step + 1}")
    web.answers["/5"] = reply(b"there")
    assert (await client.fetch(Ask(at(web, "/0")))).body == b"there"
    web.answers["/5"] = redirect("/6")
    with pytest.raises(Upstream, match="more than 5 times"):
        await client.fetch(Ask(at(web, "/0")))


async def test_another_origin_gets_no_secret(client: SafeClient, web: Web) -> None:
    secrets = {"Authorization": "Bearer s1", "X-Api-Key": "s2", "Cookie": "s3", "Accept": "a/b"}
    web.answers["/here"] = redirect("/there")
    web.answers["/there"] = redirect(at(web, "/away", host="other.test"))
    await client.fetch(Ask(at(web, "/here"), headers=secrets))
    first, second, away = web.got
    assert all(secret in first and secret in second for secret in ("s1", "s2", "s3"))
    assert not any(secret in away for secret in ("s1", "s2", "s3"))
    assert "Accept: a/b" in away


async def test_a_body_is_not_sent_on_to_another_origin(client: SafeClient, web: Web) -> None:
    web.answers["/"] = redirect(at(web, "/away", host="other.test"), 307)
    with pytest.raises(AddressRefused, match=r"other\.test"):
        await client.fetch(Ask(at(web), "POST", body=b"secret"))
    web.answers["/"] = redirect(at(web, "/away", host="other.test"), 303)
    assert (await client.fetch(Ask(at(web), "POST", body=b"secret"))).body == b"hello"
    assert web.got[-1].startswith("GET /away")


async def test_a_name_that_changes_its_answer_is_never_followed_inside(web: Web) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    async def resolve(host: str) -> list[str]:
        return next(answers)

    listed = ["127.0.0.1:*"]
    async with SafeClient(NetPolicy(listed, [web.port], resolve=resolve)) as client:
        assert (await client.fetch(Ask(at(web)))).status == 200
        with pytest.raises(AddressRefused):
            await client.fetch(Ask(at(web, host="changed.test")))


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"words " * 9)),
        ("gzip", gzip.compress(b"words " * 4) + gzip.compress(b"words " * 5)),
        ("deflate", zlib.compress(b"words " * 9)),
        ("deflate", zlib.compress(b"words " * 9)[2:-4]),
        ("identity", b"words " * 9),
    ],
    ids=["gzip", "gzip in two parts", "deflate", "bare deflate", "identity"],
)
async def test_a_packed_answer_is_unpacked(
    client: SafeClient, web: Web, encoding: str, packed: bytes
) -> None:
    web.answers["/"] = reply(packed, f"content-encoding: {encoding}")
    assert (await client.fetch(Ask(at(web)))).body == b"words " * 9


async def test_a_large_packed_answer_is_whole(client: SafeClient, web: Web) -> None:
    whole = bytes(range(256)) * 4 * 1024 + bytes(3 * MIB)
    web.answers["/"] = reply(gzip.compress(whole), "content-encoding: gzip")
    assert (await client.fetch(Ask(at(web)))).body == whole


@pytest.mark.parametrize("packed", [True, False])
async def test_the_size_is_counted_unpacked_and_stops_at_the_cap(
    client: SafeClient, web: Web, packed: bool
) -> None:
    bomb = bytes(6 * MIB)
    web.answers["/"] = (
        reply(gzip.compress(bomb), "content-encoding: gzip") if packed else reply(bomb)
    )
    with pytest.raises(TooLarge, match="5,120 KiB"):
        await client.fetch(Ask(at(web)))


async def test_a_bomb_of_ten_gigabytes_is_never_unfolded(
    client: SafeClient, web: Web
) -> None:  # F34
    bomb = gzip.compress(bytes(64 * MIB)) * 160
    assert len(bomb) > 9 * MIB
    web.answers["/"] = reply(bomb, "content-encoding: gzip")
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            await client.fetch(Ask(at(web)))
        assert tracemalloc.get_traced_memory()[1] < 40 * MIB
    finally:
        tracemalloc.stop()


async def test_words_of_redis_never_leave_for_a_name_that_leads_home(web: Web) -> None:  # S34
    async def resolve(host: str) -> list[str]:
        return ["127.0.0.1"]

    body = b"*1\r\n$8\r\nFLUSHALL\r\n"
    async with SafeClient(NetPolicy([], [web.port], resolve=resolve)) as client:
        with pytest.raises(AddressRefused, match="an address of this machine") as caught:
            await client.fetch(Ask(at(web, host="public.example"), "POST", body=body))
    assert "BALEYBOTS_ALLOWED_PRIVATE_HOSTS" in (caught.value.hint or "")
    assert web.begun == 0


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"x", "content-encoding: br"),
        reply(b"not gzip", "content-encoding: gzip"),
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhalf",
    ],
    ids=["not asked for", "broken", "no http", "half"],
)
async def test_an_unreadable_answer_is_an_error_in_words(
    client: SafeClient, web: Web, answer: bytes
) -> None:
    web.answers["/"] = answer
    with pytest.raises(Upstream):
        await client.fetch(Ask(at(web)))


@pytest.mark.parametrize("drips", [0, 0.03], ids=["silent", "drip by drip"])
async def test_all_of_it_has_one_deadline(
    client: SafeClient, web: Web, drips: float
) -> None:  # F34
    web.drips = drips
    web.answers["/"] = reply(b"words " * 9) if drips else b""
    with pytest.raises(Upstream, match=r"within 0\.2 s") as caught:
        await client.fetch(Ask(at(web)), Caps(seconds=0.2))
    assert caught.value.retryable


async def test_a_server_that_is_away_and_a_name_that_does_not_exist(web: Web) -> None:
    async def resolve(host: str) -> list[str]:
        if host == "gone.test":
            raise OSError("no such name")
        return ["127.0.0.1"]

    async with SafeClient(NetPolicy(["127.0.0.1:*"], [1], resolve=resolve)) as client:
        with pytest.raises(Upstream, match=r"closed\.test could not be reached"):
            await client.fetch(Ask("http://closed.test:1/"))
        with pytest.raises(Upstream, match=r"gone\.test does not exist"):
            await client.fetch(Ask("http://gone.test/"))


async def test_no_proxy_of_the_environment_is_used(
    client: SafeClient, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert (await client.fetch(Ask(at(web)))).status == 200
