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
from server.llm.collector import Collector, TooMuch
from server.llm.errors import ModelError
from server.llm.failures import (
    broken_off,
    from_exception,
    not_allowed,
    redirected,
    retry_after,
    unreached,
    unreadable,
)
from server.llm.outgoing import LONGEST_ANSWER, LONGEST_STREAM, Sessions, check_bound
from server.llm.patience import Patience
from server.llm.sse import EventCutter
from server.llm.wire import Call

_LONGEST_REFUSAL = 64 * 1024
_LAST_MOMENT = 0.25
_DONE = b"[DONE]"


@dataclass(frozen=True, slots=True)
class Form:
    """How one model of one provider is asked: the library's class for it, and the address."""

    config: Any
    provider: str
    base: str
    accepted: frozenset[str]


class FastPath:
    """Keeps its sessions, which belong to the loop that they were first used on."""

    def __init__(self, litellm: Any, policy: NetPolicy) -> None:
        self._litellm = litellm
        self._policy = policy
        self._forms: dict[tuple[str, str | None], Form] = {}
        self._sessions = Sessions(policy)

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
        form = self._form(call)
        url, headers, body = _request(form, call)
        check_bound(call.route, url, self._policy)
        sent = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
        session = self._sessions.of(call.route)
        async with session.post(url, data=sent, headers=headers, allow_redirects=False) as response:
            try:
                await self._read(form, call, body, response, collector, patience)
            except BaseException:
                response.close()
                raise

    async def _read(
        self,
        form: Form,
        call: Call,
        body: dict[str, Any],
        response: aiohttp.ClientResponse,
        collector: Collector,
        patience: Patience,
    ) -> None:
        if response.status >= 400:
            raise await self._refusal(form, call, response)
        if response.status >= 300:
            raise redirected(call.route, response.headers.get("Location", ""))
        kind = response.content_type
        if kind == "text/html":
            raise unreadable(call.route, "an HTML page")
        if kind == "text/event-stream" or (call.stream and kind != "application/json"):
            await _read_stream(form, call, response, collector, patience)
        else:
            await self._read_whole(form, call, body, response, collector, patience)

    async def _read_whole(
        self,
        form: Form,
        call: Call,
        body: dict[str, Any],
        response: aiohttp.ClientResponse,
        collector: Collector,
        patience: Patience,
    ) -> None:
        parts: list[bytes] = []
        async for data in response.content.iter_any():
            patience.heard()
            parts.append(data)
            if sum(map(len, parts)) > LONGEST_ANSWER:
                raise TooMuch(f"more than {LONGEST_ANSWER // (1024 * 1024)} MiB")
        data = b"".join(parts)
        _check_whole(call, data)
        collector.add_response(self._transformed(form, call, body, response, data))

    def _transformed(
        self,
        form: Form,
        call: Call,
        body: dict[str, Any],
        response: aiohttp.ClientResponse,
        data: bytes,
    ) -> Any:
        import httpx

        return form.config.transform_response(
            model=call.route.model,
            raw_response=httpx.Response(
                response.status, headers={"content-type": "application/json"}, content=data
            ),
            model_response=self._litellm.ModelResponse(),
            logging_obj=_Silence(),
            request_data=body,
            messages=call.messages,
            optional_params=call.params,
            litellm_params={},
            encoding=None,
            api_key=call.route.api_key,
        )

    async def _refusal(
        self, form: Form, call: Call, response: aiohttp.ClientResponse
    ) -> ModelError:
        """The library's own error for this status and text, so that both ways fail alike."""
        text = (await response.content.read(_LONGEST_REFUSAL)).decode("utf-8", "replace")
        headers = dict(response.headers)
        original = form.config.get_error_class(text, response.status, headers)
        failed = from_exception(self._mapped(original, form, call), call.route)
        failed.retry_after = retry_after(headers)
        return failed

    def _mapped(self, original: Exception, form: Form, call: Call) -> Exception:
        try:
            return self._litellm.exception_type(
                model=call.route.model,
                original_exception=original,
                custom_llm_provider=form.provider,
            )
        except Exception as mapped:
            return mapped

    def _form(self, call: Call) -> Form:
        route = call.route
        key = (route.litellm_model, route.api_base)
        if (form := self._forms.get(key)) is None:
            form = self._forms[key] = _form(call)
        return form


class _Silence:
    """Where the library would log what was answered."""

    def __init__(self) -> None:
        self.model_call_details: dict[str, Any] = {}

    def post_call(self, *args: Any, **kwargs: Any) -> None:
        return


def _form(call: Call) -> Form:
    from litellm.types.utils import LlmProviders
    from litellm.utils import ProviderConfigManager

    route = call.route
    assert route.provider is not None
    house = LlmProviders(route.provider.litellm)
    config = ProviderConfigManager.get_provider_chat_config(route.model, house)
    base = route.api_base or route.provider.fast
    # Where a class is given no address it may take OpenAI's, and a key would go to the wrong house.
    if config is None or base is None:
        raise LookupError(f"no fast path for {route.provider.name}")
    accepted = frozenset(config.get_supported_openai_params(route.model))
    return Form(config, house.value, base, accepted)


def _request(form: Form, call: Call) -> tuple[str, dict[str, str], dict[str, Any]]:
    route = call.route
    asked = {name: value for name, value in call.params.items() if name in form.accepted}
    params = form.config.map_openai_params(asked, {}, route.model, True)
    told = {"custom_llm_provider": form.provider, "api_base": form.base}
    headers = form.config.validate_environment(
        headers={},
        model=route.model,
        messages=call.messages,
        optional_params=params,
        litellm_params=told,
        api_key=route.api_key,
        api_base=form.base,
    )
    url = form.config.get_complete_url(
        form.base, route.api_key, route.model, params, told, call.stream
    )
    body = form.config.transform_request(route.model, call.messages, params, told, headers)
    return url, headers, body


async def _read_stream(
    form: Form,
    call: Call,
    response: aiohttp.ClientResponse,
    collector: Collector,
    patience: Patience,
) -> None:
    parse = form.config.get_model_response_iterator(iter(()), False, False).chunk_parser
    cutter = EventCutter()
    size = 0
    async for data in response.content.iter_any():
        patience.heard()
        size += len(data)
        if size > LONGEST_STREAM or cutter.waiting > LONGEST_ANSWER:
            raise TooMuch("an endless stream")
        for event in cutter.feed(data):
            if event == _DONE:
                return await _end(response)
            _add(parse, event, call, collector)
    for event in cutter.end():
        if event != _DONE:
            _add(parse, event, call, collector)
    if collector.finish_reason is None:
        raise broken_off(call.route, collector.text)


async def _end(response: aiohttp.ClientResponse) -> None:
    """Nothing counts after the last frame; only a body read to its end lets the connection be
    used again, so its end gets a moment to come."""
    try:
        async with asyncio.timeout(_LAST_MOMENT):
            while not response.content.at_eof():
                await response.content.readany()
    except TimeoutError:
        response.close()


def _add(parse: Any, event: bytes, call: Call, collector: Collector) -> None:
    try:
        chunk = orjson.loads(event)
    except ValueError as error:
        raise unreadable(call.route, "a frame that is no JSON", collector.text) from error
    if isinstance(chunk, dict):
        collector.add_chunk(parse(chunk))


def _check_whole(call: Call, data: bytes) -> None:
    if not data.strip():
        raise unreadable(call.route, "an empty body")
    try:
        body = orjson.loads(data)
    except ValueError:
        raise unreadable(call.route, "something that is no JSON") from None
    if not isinstance(body, dict) or not (body.get("choices") or body.get("error")):
        raise unreadable(call.route, "JSON that holds no answer")
