"""Drives the pages without a browser: renders the layout, applies its updates, sends events."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

from reactpy.core.hooks import ConnectionContext
from reactpy.core.layout import Layout
from reactpy.types import Connection, Location

from frontend.app import App
from tests.frontend.world import World

Node = dict[str, Any]
PATIENCE = 15.0


class Screen:
    def __init__(self, world: World, path: str, query: str = "", viewer: Any = "ada") -> None:
        state = {"execute": world.execute, "viewer": viewer}
        scope: Any = {"type": "websocket", "state": state}
        connection = Connection(scope=scope, location=Location(path, query), carrier=None)
        self._layout = Layout(ConnectionContext(App(), value=connection))
        self.model: Node = {}

    async def __aenter__(self) -> "Screen":
        await self._layout.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._layout.__aexit__(*error)

    async def until(self, wanted: Callable[["Screen"], Any]) -> Any:
        """Renders on until the page shows it; what it found."""
        async with asyncio.timeout(PATIENCE):
            while not (self.model and (found := wanted(self))):
                self._apply(await self._layout.render())
        return found

    async def shows(self, text: str) -> None:
        try:
            await self.until(lambda screen: text in screen.text())
        except TimeoutError:
            raise AssertionError(f"{text!r} is not on the page: {self.text()}") from None

    def _apply(self, update: Any) -> None:
        if update["path"] == "":
            self.model = update["model"]
            return
        *way, last = [part for part in update["path"].split("/") if part]
        target: Any = self.model
        for part in way:
            target = target[int(part)] if isinstance(target, list) else target[part]
        target[int(last)] = update["model"]

    def nodes(self, start: Node | None = None) -> Iterator[Node]:
        node = self.model if start is None else start
        yield node
        for child in node.get("children", []):
            if isinstance(child, dict):
                yield from self.nodes(child)

    def text(self, start: Node | None = None) -> str:
        node = self.model if start is None else start
        parts = [
            self.text(child) if isinstance(child, dict) else str(child)
            for child in node.get("children", [])
        ]
        return " ".join(part for part in parts if part)

    def find(self, tag: str, text: str = "", **attributes: Any) -> Node | None:
        for node in self.nodes():
            given = node.get("attributes", {})
            fits = all(given.get(name) == value for name, value in attributes.items())
            if node["tagName"] == tag and fits and text in self.text(node):
                return node
        return None

    def all(self, tag: str, **attributes: Any) -> list[Node]:
        return [
            node
            for node in self.nodes()
            if node["tagName"] == tag
            and all(node.get("attributes", {}).get(k) == v for k, v in attributes.items())
        ]

    def props(self, component: str) -> dict[str, Any]:
        node = self.find(component)
        assert node is not None, f"{component} is not on the page"
        return node["attributes"]

    async def click(self, node: Node | None) -> None:
        assert node is not None
        await self._send(node, "onClick", {})

    async def tell(self, component: str, handler: str, message: Any = None) -> None:
        """What a JavaScript component does: one JSON text to one of its handlers."""
        node = await self.until(lambda screen: screen.find(component))
        await self._send(node, handler, json.dumps(message or {}))

    async def _send(self, node: Node, handler: str, data: Any) -> None:
        target = node["eventHandlers"][handler]["target"]
        await self._layout.deliver({"type": "layout-event", "target": target, "data": [data]})
