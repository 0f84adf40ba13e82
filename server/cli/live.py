"""An execution as it happens, line by line."""

from __future__ import annotations

import sys
from typing import Any

import click

from server.cli.output import say

_TOLD = ("entity", "tool")


class LivePrinter:
    """Steps as lines, streamed text as it comes. One step has the floor at a time: the text of a
    parallel neighbour waits until it is through, so no two mix."""

    def __init__(self) -> None:
        self.latest: Any = None
        self._names: dict[str, str] = {}
        self._floor: str | None = None
        self._waiting: dict[str, list[str]] = {}
        self._ended: set[str] = set()

    def show(self, event: dict[str, Any]) -> None:
        key, data = event.get("stepKey") or "", event.get("data") or {}
        match event["type"]:
            case "step.started":
                if data.get("type") in _TOLD:
                    self._names[key] = data.get("name") or key
            case "step.delta" if data.get("kind", "text") == "text":
                self._text(key, str(data.get("text") or ""))
            case "step.completed":
                self.latest = data.get("output")
                self._close(key)
            case "step.failed":
                self._close(key)
                error = data.get("error") or {}
                name = self._names.get(key, key)
                say(click.style(f"✗ {name}: {error.get('message') or 'failed'}", fg="red"))
            case "model.failed" | "tool.failed" if next := _what_next(data):
                self._text(key, f"[{data.get('message', 'It failed.')} {next}]\n")
            case _:
                pass

    def end(self) -> None:
        self._close(self._floor or "")
        for key in list(self._waiting):
            self._take_floor(key)
            self._close(key)

    def _text(self, key: str, text: str) -> None:
        if self._floor is None:
            self._take_floor(key)
        if self._floor == key:
            click.echo(text, nl=False)
            sys.stdout.flush()
        else:
            self._waiting.setdefault(key, []).append(text)

    def _take_floor(self, key: str) -> None:
        self._floor = key
        say(click.style(f"▸ {self._names.get(key, key)}", bold=True))
        click.echo("".join(self._waiting.pop(key, [])), nl=False)

    def _close(self, key: str) -> None:
        """The floor goes to whoever waits longest; one that ended meanwhile is through at once."""
        if key != self._floor:
            self._ended.add(key)
            return
        say()
        self._floor = None
        following = next(iter(self._waiting), None)
        if following is not None:
            self._take_floor(following)
            if following in self._ended:
                self._close(following)


def _what_next(data: dict[str, Any]) -> str:
    """Nobody is to wonder why it takes longer, or why another model answers."""
    if data.get("nextModel"):
        return f"Asking {data['nextModel']} instead."
    if data.get("retryIn") is not None:
        return f"Trying again in {data['retryIn']:.0f} s."
    return ""
