"""The fast way to a provider: litellm's own request and answer classes over one aiohttp session.

A tenth of the cost of `acompletion`. These classes are internal to the library, so a provider is
marked `fast` in the table only while the parity tests against `acompletion` pass for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from server.core.errors import AddressRefused
from server.core.net.policy import NetPolicy
from server.llm.catalogue import ModelFacts
from server.llm.collector import Collector, TooMuch
from server.llm.errors import ModelError
from server.llm.exchange import Exchange, Response
from server.llm.failures import (
    broken_off,
    from_exception,
    not_allowed,
    redirected,
    retry_after,
    unreached,
    unreadable,
)
from server.llm.forms import Asked, Form, Parse, form_of, holds_answer, is_carried
from server.llm.frames import Frames
from server.llm.outgoing import LONGEST_ANSWER, LONGEST_STREAM, Sessions
from server.llm.patience import Patience
from server.llm.routing import MOST_KEPT, Route
from server.llm.sse import EventCutter, LineCutter
from server.llm.wire import Call

_LONGEST_REFUSAL = 64 * 1024
_LAST_MOMENT = 0.25


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One question under way."""

    call: Call
    form: Form
    asked: Asked
    collector: Collector
    patience: Patience


class FastPath:
    """Keeps its sessions, which belong to the loop that they were first used on."""

    def __init__(self, litellm: Any, policy: NetPolicy) -> None:
        self._litellm = litellm
        self._forms: dict[tuple[str, str | None], Form] = {}
        self._elsewhere: dict[tuple[str, str | None, str | None], bool] = {}
        self._frames = Frames(policy)
        self._sessions = Sessions(policy)

    def carries(self, call: Call, facts: ModelFacts | None) -> bool:
        """What goes over OpenAI's other API takes the slow way."""
        talks = facts is None or facts.mode != "responses"
        return talks and is_carried(call.route) and not self._is_sent_elsewhere(call)

    async def complete(self, call: Call, collector: Collector, patience: Patience) -> None:
        """One attempt."""
        try:
            await self._attempt(call, collector, patience)
        except aiohttp.ServerTimeoutError as error:
            raise unreached(call.route, "no connection within 30 s") from error
        except (TimeoutError, ModelError, TooMuch):
            raise
        except AddressRefused as error:
            raise not_allowed(call.route, error) from error
        except aiohttp.ClientConnectorError as error:
            raise unreached(call.route, error.os_error.strerror or "") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            # All of the answer was there and only its last frame, the usage, is lost: good enough.
            if collector.finish_reason is None:
                raise broken_off(call.route, collector.text) from error
        except Exception as error:
            raise from_exception(error, call.route, collector.text) from error

    async def close(self) -> None:
        await self._sessions.close()

    async def _attempt(self, call: Call, collector: Collector, patience: Patience) -> None:
        route, form = call.route, self._form(call.route)
        question = self._frames.question(call, form)
        at = _Attempt(call, form, question.asked, collector, patience)
        session = self._sessions.of(route)
        async with Exchange(session, question.way, question.body) as response:
            await self._read(at, response)

    async def _read(self, at: _Attempt, response: Response) -> None:
        route = at.call.route
        if response.status >= 400:
            raise await self._refusal(at, response)
        if response.status >= 300:
            raise redirected(route, response.headers.get("Location", ""))
        kind = response.content_type
        if kind == "text/html":
            raise unreadable(route, "an HTML page")
        if kind == "text/event-stream" or (at.call.stream and kind != "application/json"):
            await self._read_stream(at, response)
        else:
            await self._read_whole(at, response)

    async def _read_whole(self, at: _Attempt, response: Response) -> None:
        parts: list[bytes] = []
        size = 0
        async for data in response.content.iter_any():
            at.patience.heard()
            parts.append(data)
            size += len(data)
            if size > LONGEST_ANSWER:
                raise TooMuch(f"more than {LONGEST_ANSWER // (1024 * 1024)} MiB")
        data = b"".join(parts)
        _check_whole(at, data)
        try:
            empty = self._litellm.ModelResponse()
            found = at.form.whole(at.call, at.asked, response.status, data, empty)
        except Exception as error:
            raise from_exception(self._mapped(error, at), at.call.route) from error
        at.collector.add_response(found)

    async def _read_stream(self, at: _Attempt, response: Response) -> None:
        parse = at.form.parser(at.asked)
        cutter = LineCutter() if at.form.lines else EventCutter()
        size = 0
        async for data in response.content.iter_any():
            at.patience.heard()
            size += len(data)
            if size > LONGEST_STREAM or cutter.waiting > LONGEST_ANSWER:
                raise TooMuch("an endless stream")
            for event in cutter.feed(data):
                if at.form.is_end(event):
                    return await _end(response)
                self._add(parse, event, at)
        for event in cutter.end():
            if not at.form.is_end(event):
                self._add(parse, event, at)
        if at.collector.finish_reason is None:
            raise broken_off(at.call.route, at.collector.text)

    def _add(self, parse: Parse, event: bytes, at: _Attempt) -> None:
        collector, route = at.collector, at.call.route
        try:
            chunk = orjson.loads(event)
        except ValueError as error:
            raise unreadable(route, "a frame that is no JSON", collector.text) from error
        if not isinstance(chunk, dict):
            return
        try:
            parsed = parse(chunk)
        except Exception as error:
            raise from_exception(self._mapped(error, at), route, collector.text) from error
        if parsed is not None:
            collector.add_chunk(parsed)

    async def _refusal(self, at: _Attempt, response: Response) -> ModelError:
        """The library's own error for this status and text, so that both ways fail alike."""
        text = (await response.content.read(_LONGEST_REFUSAL)).decode("utf-8", "replace")
        headers = dict(response.headers)
        original = at.form.refusal(text, response.status, headers)
        failed = from_exception(self._mapped(original, at), at.call.route)
        failed.retry_after = retry_after(headers)
        return failed

    def _mapped(self, original: Exception, at: _Attempt) -> Exception:
        try:
            return self._litellm.exception_type(
                model=at.call.route.model,
                original_exception=original,
                custom_llm_provider=at.form.provider,
            )
        except Exception as mapped:
            return mapped

    def _is_sent_elsewhere(self, call: Call) -> bool:
        """The newer models of OpenAI take tools over its other API only; the library knows which
        and where."""
        route, tools = call.route, call.params.get("tools")
        if not tools or "gpt-" not in route.model:
            return False
        effort = call.params.get("reasoning_effort")
        key = (route.litellm_model, route.api_base, effort)
        if len(self._elsewhere) >= MOST_KEPT:
            self._elsewhere.clear()
        if (known := self._elsewhere.get(key)) is None:
            known = self._elsewhere[key] = _is_other_api(route, tools, effort)
        return known

    def _form(self, route: Route) -> Form:
        key = (route.litellm_model, route.api_base)
        if (form := self._forms.get(key)) is None:
            form = self._forms[key] = form_of(route)
        return form


def _is_other_api(route: Route, tools: Any, effort: str | None) -> bool:
    from litellm.main import responses_api_bridge_check

    assert route.provider is not None
    told, _ = responses_api_bridge_check(
        model=route.model,
        custom_llm_provider=route.provider.litellm,
        tools=tools,
        reasoning_effort=effort,
        api_base=route.api_base or route.provider.address,
    )
    return told.get("mode") == "responses"


async def _end(response: Response) -> None:
    """Nothing counts after the last frame; only a body read to its end lets the connection be
    used again, so its end gets a moment to come."""
    if response.content.at_eof():
        return
    try:
        async with asyncio.timeout(_LAST_MOMENT):
            while not response.content.at_eof():
                await response.content.readany()
    except TimeoutError:
        return  # a connection that is not read to its end is closed


def _check_whole(at: _Attempt, data: bytes) -> None:
    if not data.strip():
        raise unreadable(at.call.route, "an empty body")
    answers = holds_answer(at.form, data)
    if answers is None:
        raise unreadable(at.call.route, "something that is no JSON")
    if not answers:
        raise unreadable(at.call.route, "JSON that holds no answer")
