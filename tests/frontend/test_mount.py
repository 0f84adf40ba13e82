"""What the front door is given: the shell page, built files, and a guarded socket."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.types import ASGIApp

from frontend import mount
from frontend.components.badges import DRAWN
from frontend.kit import assets
from frontend.mount import MAX_MESSAGE_BYTES, PREFIX, ROOT_COMPONENT, shell_page
from server.web.auth import COOKIE, FOREIGN_ORIGIN, Auth
from tests.frontend.dev_app import build
from tests.frontend.world import World

ROOM = Path(mount.__file__).parent
FIRST_LOAD_BYTES = 110 * 1024


@pytest_asyncio.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made


async def test_every_address_gets_the_shell_and_its_policy(
    client: httpx.AsyncClient,
) -> None:
    for path, status in (("/", 200), ("/bots/bot_1", 200), ("/bots/", 200), ("/any/thing", 404)):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert answer.status_code == status
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"


def test_shell_page_holds_no_inline_script() -> None:
    page = shell_page()
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
    assert not re.search(r"\son\w+=", page)
    assert "https://" not in page


async def test_built_files_are_kept_for_ever_and_others_are_not(client: httpx.AsyncClient) -> None:
    built = await client.get(assets.url("shell.js"))
    assert "immutable" in built.headers["cache-control"]
    assert built.headers["content-encoding"] == "gzip"
    assert (await client.get("/static/favicon.svg")).headers["cache-control"] == "no-cache"
    assert "def App" not in (await client.get("/static/%2e%2e/app.py")).text


async def test_first_load_stays_small(client: httpx.AsyncClient) -> None:
    names = ["theme.js", "boot.js", "shell.js", "watch.js"]
    wanted = {assets.url(name) for name in names}
    for name in names:
        wanted.update(assets.imports(name))
    todo, seen = [f"{PREFIX}static/index.js"], set[str]()
    while todo:
        path = todo.pop()
        seen.add(path)
        text = (await client.get(path)).text
        near = re.findall(r"""(?:from|import)\s*["']\./([\w.-]+)["']""", text)
        todo += [f"{PREFIX}static/{n}" for n in near if f"{PREFIX}static/{n}" not in seen]
    files = [(await client.get(path)).content for path in wanted | seen]
    size = sum(len(gzip.compress(content)) for content in files)
    assert size <= FIRST_LOAD_BYTES, f"{size / 1024:.1f} KB of script on the first page"


async def ending(
    world: World,
    frame: str | None,
    component: str = ROOT_COMPONENT,
    app: ASGIApp | None = None,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> int:
    """Opens the page's socket, says one thing, and gives the code with which it is closed."""
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        if message["type"] == "websocket.close" and not closed.done():
            closed.set_result(message["code"])

    scope = {
        "type": "websocket",
        "path": f"{PREFIX}{component}/",
        "query_string": b"path=/bots",
        "headers": headers or [],
        "subprotocols": [],
        "state": {},
    }
    incoming.put_nowait({"type": "websocket.connect"})
    if frame is not None:
        incoming.put_nowait({"type": "websocket.receive", "text": frame})
    served = (app or build(world))(scope, incoming.get, send)
    task = asyncio.ensure_future(served)
    try:
        return await asyncio.wait_for(closed, 15)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_unknown_component_is_turned_away(world: World) -> None:
    assert await ending(world, None, "os.system") == 4404


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", 1003),
        (json.dumps({"type": "other"}), 1003),
        (json.dumps({"type": "layout-event", "data": "x" * MAX_MESSAGE_BYTES}), 1009),
    ],
)
async def test_bad_frame_ends_the_connection(world: World, frame: str, code: int) -> None:
    assert await ending(world, frame) == code


class Everybody:
    """Knows whoever asks: what is left to refuse is the place they ask from."""

    async def by_session(self, cookie: str) -> Any:
        return "ada", cookie

    async def by_token(self, token: str) -> Any:
        return "ada", token


async def test_page_of_another_site_cannot_open_the_socket(world: World) -> None:
    headers = [
        (b"host", b"127.0.0.1:8000"),
        (b"origin", b"https://elsewhere.invalid"),
        (b"cookie", COOKIE.encode() + b"=stolen"),
    ]
    app = Auth(build(world), Everybody(), None)
    assert await ending(world, None, app=app, headers=headers) == FOREIGN_ORIGIN
    assert world.calls == []


def test_manifest_names_only_files_that_are_there() -> None:
    found = assets.manifest()
    near = [file for files in found["imports"].values() for file in files]
    for file in [*found["files"].values(), *near]:
        assert (assets.BUILD / file).is_file(), file


def test_no_field_of_the_framework_is_typed_into() -> None:
    """A field with a value from Python loses characters: frontend/kit has its own."""
    wrong = re.compile(r"html\.(input|textarea|select)\s*\(")
    found = [
        f"{path}:{n}"
        for path in ROOM.rglob("*.py")
        for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if wrong.search(line)
    ]
    assert found == []


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    named: set[str] = set()
    for path in ROOM.rglob("*.py"):
        named.update(re.findall(r'\bicon\(\s*"([\w-]+)"', path.read_text(encoding="utf-8")))
    for path in (ROOM / "js" / "src").rglob("*.jsx"):
        named.update(re.findall(r'<Icon name="([\w-]+)"', path.read_text(encoding="utf-8")))
    assert (named | set(DRAWN.values())) - assets.icon_names() == set()
