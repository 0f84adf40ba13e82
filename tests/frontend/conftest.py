"""Worlds to look at, and a browser that forgives nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from frontend import mount
from tests.frontend.dev_app import build
from tests.frontend.scripts import lived_in, with_templates
from tests.frontend.world import World
from tests.support import services
from tests.support.waiting import until

# What is waited for comes in a moment; on a machine that does much else, in some seconds.
PATIENCE_MS = 15_000

CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def world() -> World:
    mount.wrap(build, World().execute)  # the settings of the real app hold for every layout
    return lived_in(with_templates(World(pace=0.005)))


@pytest.fixture
def empty_world() -> World:
    mount.wrap(build, World().execute)
    return with_templates(World(pace=0.005))


@dataclass
class Site:
    """A running server; it can be stopped and started again at the same address."""

    world: World
    port: int = 0
    server: Any = None
    task: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> "Site":
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind(("127.0.0.1", self.port))
        self.port = line.getsockname()[1]
        config = uvicorn.Config(
            build(self.world),
            log_level="error",
            timeout_graceful_shutdown=1,
            lifespan="off",
            ws="websockets-sansio",
        )
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server.serve(sockets=[line]))
        await until(lambda: self.server.started)
        return self

    async def stop(self) -> None:
        self.server.should_exit = True
        await self.task


OpenSite = Callable[[World], Awaitable[Site]]


@pytest_asyncio.fixture
async def site_of() -> AsyncIterator[OpenSite]:
    sites: list[Site] = []

    async def open_site(world: World) -> Site:
        sites.append(await Site(world).start())
        return sites[-1]

    yield open_site
    for site in sites:
        await site.stop()


@pytest_asyncio.fixture
async def site(world: World, site_of: OpenSite) -> Site:
    return await site_of(world)


@asynccontextmanager
async def open_browser() -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright, expect

    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        path = services.chromium()
        made = await playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield made
        await made.close()


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Any]:
    async with open_browser() as made:
        yield made


@dataclass
class Watched:
    """A page that remembers everything that a user should never get."""

    page: Any
    faults: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = ()

    def forgive(self, *words: str) -> None:
        self.forgiven += words

    def check(self) -> None:
        left = [fault for fault in self.faults if not any(w in fault for w in self.forgiven)]
        assert not left, "\n".join(left)


OpenPage = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture
async def watched(browser: Any) -> AsyncIterator[Callable[..., Awaitable[Watched]]]:
    opened: list[Watched] = []

    async def make(**how: Any) -> Watched:
        context = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **how})
        found = Watched(await context.new_page())
        page, faults = found.page, found.faults
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: faults.append(f"page error: {error}"))
        page.on(
            "console",
            lambda said: faults.append(f"console: {said.text}") if said.type == "error" else None,
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith(("http://127.0.0.1", "data:", "blob:"))
                else faults.append(f"request to the outside: {asked.url}")
            ),
        )
        opened.append(found)
        return found

    yield make
    for found in opened:
        await found.page.context.close()
        found.check()
