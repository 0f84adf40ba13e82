"""What models write while they write it: gathered for 50 ms, then an event that nobody waits for.
The whole text is the step's result, so a crash loses nothing that counts.

A secret that comes in two pieces is in neither: what may be the beginning of one waits for more."""

from __future__ import annotations

import asyncio

from server.core.logs import REDACTION
from server.engine.events import StepDelta
from server.engine.writer import Writer
from server.llm.messages import Delta

DELTA_SECONDS = 0.05
# Of one step. The whole of a longer text is in its result; it need not be stored twice.
SHOWN_CHARACTERS = 1024 * 1024


class Deltas:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._texts: dict[tuple[str, str], list[str]] = {}
        self._said: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, key: str, delta: Delta) -> None:
        if delta.kind == "tool_call" or not delta.text:
            return
        self._said[key] = self._said.get(key, 0) + len(delta.text)
        if self._said[key] > SHOWN_CHARACTERS:
            return
        self._texts.setdefault((key, delta.kind), []).append(delta.text)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELTA_SECONDS, self._due)

    def flush(self, key: str) -> None:
        """Before the step ends, so that its text stands before its end."""
        said = self._said.pop(key, 0)
        if not said:
            return
        for place in [place for place in self._texts if place[0] == key]:
            self._say(place, last=said <= SHOWN_CHARACTERS)
            self._texts.pop(place, None)

    def close(self) -> None:
        self._texts.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        places = list(self._texts)
        for place in places:
            self._say(place)
        if places:
            self._writer.soon()

    def _say(self, place: tuple[str, str], last: bool = False) -> None:
        """`last`: nothing can follow, so the end of the text is no beginning of anything."""
        key, kind = place
        text = "".join(self._texts.pop(place))
        end = len(text) if last else REDACTION.whole(text)
        if end < len(text):
            self._texts[place] = [text[end:]]
            text = text[:end]
        if not text:
            return
        self._writer.event(StepDelta(text=text, kind=None if kind == "text" else kind), key)
