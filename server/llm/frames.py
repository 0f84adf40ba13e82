"""What is the same in every question over one route is made and checked once: the address, the
headers with the key, and all of the body but the messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from multidict import CIMultiDict
from yarl import URL

from server.core.net.policy import NetPolicy
from server.llm.exchange import Way
from server.llm.forms import Asked, Form
from server.llm.outgoing import check_borrowed, check_bound
from server.llm.routing import Route
from server.llm.wire import Call

_MOST_ROUTES = 256
_MOST_FRAMES = 32
# A call with long descriptions of tools is put together anew: its key alone would fill the memory.
_LONGEST_KEY = 32 * 1024


@dataclass(frozen=True, slots=True)
class Question:
    """Ready to leave; `asked` is what reading its answer needs."""

    asked: Asked
    way: Way

    @property
    def body(self) -> bytes:
        return orjson.dumps(self.asked.body, option=orjson.OPT_NON_STR_KEYS)


@dataclass(slots=True)
class _Known:
    """One route. Held here, so that no other one gets its identity."""

    route: Route
    frames: dict[bytes, Question] = field(default_factory=dict[bytes, Question])


class Frames:
    def __init__(self, policy: NetPolicy) -> None:
        self._policy = policy
        self._known: dict[int, _Known] = {}

    def question(self, call: Call, form: Form) -> Question:
        """Raises AddressRefused when it may not leave."""
        if not form.passes_on or not all(map(_is_plain, call.messages)):
            return self._made(call, form)
        key = orjson.dumps(call.params, option=orjson.OPT_NON_STR_KEYS)
        frames = self._frames_of(call.route)
        frame = frames.get(key)
        if frame is not None:
            return _with_messages(frame, call.messages)
        made = self._made(call, form)
        if len(key) <= _LONGEST_KEY:
            if len(frames) >= _MOST_FRAMES:
                frames.clear()
            frames[key] = _with_messages(made, [])
        return made

    def _frames_of(self, route: Route) -> dict[bytes, Question]:
        known = self._known.get(id(route))
        if known is None:
            if len(self._known) >= _MOST_ROUTES:
                self._known.clear()
            known = self._known[id(route)] = _Known(route)
        return known.frames

    def _made(self, call: Call, form: Form) -> Question:
        asked = form.ask(call)
        check_bound(call.route, asked.url, self._policy)
        check_borrowed(call.route, asked.headers)
        return Question(asked, Way(URL(asked.url), CIMultiDict(asked.headers)))


def _is_plain(message: dict[str, Any]) -> bool:
    return type(message.get("content", "")) is str


def _with_messages(frame: Question, messages: list[dict[str, Any]]) -> Question:
    """Senders may change what they are given, down to the first level."""
    known = frame.asked
    body = {**known.body, "messages": messages}
    params, told = dict(known.params), dict(known.told)
    asked = Asked(known.url, known.headers, body, params, told, known.json_mode)
    return Question(asked, frame.way)
