"""How each provider is asked and understood: the library's own classes for it, one form for each
wire format. Loaded with the library; what a form cannot say takes the slow way.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar
from urllib.parse import quote

import orjson

from server.llm.pieces import Piece, gemini_text, openai_counts, openai_piece
from server.llm.routing import Route
from server.llm.wire import Call

Parse = Callable[[dict[str, Any]], Any]

_DONE = b"[DONE]"


@dataclass(slots=True)
class Asked:
    """A request that is ready, and what reading its answer needs to know of it."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    params: dict[str, Any]
    told: dict[str, Any]
    json_mode: bool = False


class Silence:
    """Where the library would log what was answered."""

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        self.model_call_details: dict[str, Any] = {}
        self.optional_params = params or {}

    def post_call(self, *args: Any, **kwargs: Any) -> None:
        return


@dataclass(frozen=True, slots=True)
class Form:
    """OpenAI's format, and that of all who speak it through a class of the library."""

    config: Any
    provider: str
    base: str
    accepted: frozenset[str] = field(default=frozenset())
    passes_on: bool = False
    """Messages of plain text leave as they come: nothing else depends on them."""

    lines: ClassVar[bool] = False
    answers: ClassVar[tuple[str, ...]] = ("choices", "error")

    @property
    def reader(self) -> Any:
        """The class that understands its answers."""
        return self.config

    def ask(self, call: Call) -> Asked:
        asked = self._mapped(call)
        route = call.route
        asked.headers = self.config.validate_environment(
            headers=_extra_headers(route),
            model=route.model,
            messages=call.messages,
            optional_params=asked.params,
            litellm_params=asked.told,
            api_key=route.api_key,
            api_base=self.base,
        )
        asked.url = self.config.get_complete_url(
            self.base, route.api_key, route.model, asked.params, asked.told, call.stream
        )
        asked.body = self.config.transform_request(
            route.model, call.messages, asked.params, asked.told, asked.headers
        )
        return asked

    def parser(self, asked: Asked) -> Parse:
        """For one stream: some remember what came before."""
        made = self.reader.get_model_response_iterator(iter(()), False, asked.json_mode)
        return _openai_parser(made.chunk_parser)

    def is_end(self, event: bytes) -> bool:
        """Nothing that counts comes after it."""
        return event == _DONE

    def whole(self, call: Call, asked: Asked, status: int, data: bytes, model_response: Any) -> Any:
        import httpx

        return self.reader.transform_response(
            model=call.route.model,
            raw_response=httpx.Response(
                status, headers={"content-type": "application/json"}, content=data
            ),
            model_response=model_response,
            logging_obj=Silence(asked.params),
            request_data=asked.body,
            messages=call.messages,
            optional_params=asked.params,
            litellm_params=asked.told,
            encoding=None,
            api_key=call.route.api_key,
            json_mode=asked.json_mode,
        )

    def refusal(self, text: str, status: int, headers: dict[str, str]) -> Exception:
        return self.config.get_error_class(text, status, headers)

    def _mapped(self, call: Call) -> Asked:
        """What is asked for, in the words of the provider."""
        wanted = {name: value for name, value in call.params.items() if name in self.accepted}
        params = self.config.map_openai_params(wanted, {}, call.route.model, True)
        told = {"custom_llm_provider": self.provider, "api_base": self.base}
        json_mode = bool(params.pop("json_mode", False))
        if params.pop("fake_stream", False):
            params.pop("stream", None)
            params.pop("stream_options", None)
        return Asked("", {}, {}, params, told, json_mode)


class AnthropicForm(Form):
    answers: ClassVar[tuple[str, ...]] = ("content", "error")

    def ask(self, call: Call) -> Asked:
        from litellm.anthropic_beta_headers_manager import update_request_with_filtered_beta

        asked = self._mapped(call)
        route, stream = call.route, asked.params.pop("stream", False)
        headers = self.config.validate_environment(
            headers={},
            model=route.model,
            messages=call.messages,
            optional_params=asked.params,
            litellm_params=asked.told,
            api_key=route.api_key,
            api_base=self.base,
        )
        body = self.config.transform_request(
            route.model, call.messages, asked.params, asked.told, headers
        )
        asked.headers, asked.body = update_request_with_filtered_beta(
            headers=headers, request_data=body, provider=self.provider
        )
        if stream:
            asked.body["stream"] = True
        path = "/v1/messages"
        asked.url = self.base if self.base.endswith(path) else self.base + path
        return asked

    def parser(self, asked: Asked) -> Parse:
        from litellm.llms.anthropic.chat.handler import ModelResponseIterator
        from litellm.llms.anthropic.chat.transformation import ANTHROPIC_TOOL_NAME_REVERSE_MAP_KEY

        renamed = asked.told.get(ANTHROPIC_TOOL_NAME_REVERSE_MAP_KEY)
        made = ModelResponseIterator(
            iter(()), False, json_mode=asked.json_mode, tool_name_reverse_map=renamed
        )
        return made.chunk_parser

    def is_end(self, event: bytes) -> bool:
        return len(event) < 64 and b'"message_stop"' in event


class GeminiForm(Form):
    answers: ClassVar[tuple[str, ...]] = ("candidates", "promptFeedback", "error")

    def ask(self, call: Call) -> Asked:
        from litellm.llms.vertex_ai.gemini.transformation import (
            _transform_request_body,  # pyright: ignore[reportPrivateUsage]
        )
        from litellm.llms.vertex_ai.vertex_llm_base import VertexBase

        asked, route = self._mapped(call), call.route
        stream = asked.params.pop("stream", False)
        house: Any = VertexBase()
        key, asked.url = house._get_token_and_url(
            model=route.model,
            auth_header=None,
            gemini_api_key=route.api_key,
            vertex_project=None,
            vertex_location=None,
            vertex_credentials=None,
            stream=stream,
            custom_llm_provider=self.provider,
            api_base=route.api_base,
        )
        asked.headers = self.config.validate_environment(
            headers=None,
            model=route.model,
            messages=call.messages,
            optional_params=asked.params,
            litellm_params=asked.told,
            api_key=key,
        )
        # The library takes tools and more out of what it is given.
        messages: Any = call.messages
        body: Any = _transform_request_body(
            messages, route.model, dict(asked.params), "gemini", asked.told, None
        )
        asked.body = body
        return asked

    def parser(self, asked: Asked) -> Parse:
        from litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini import (
            ModelResponseIterator,
        )

        silence: Any = Silence(asked.params)
        parse = ModelResponseIterator(iter(()), False, silence).chunk_parser

        def read(chunk: dict[str, Any]) -> Any:
            """The library says “stop” with each piece, which would hide a stream that was cut."""
            if (text := gemini_text(chunk)) is not None:
                return Piece(chunk.get("modelVersion"), text, None)
            parsed = parse(chunk)
            ended = any(one.get("finishReason") for one in chunk.get("candidates") or ())
            if parsed is not None and not ended and "promptFeedback" not in chunk:
                for choice in parsed.choices:
                    choice.finish_reason = None
            return parsed

        return read

    def is_end(self, event: bytes) -> bool:
        return False

    def whole(self, call: Call, asked: Asked, status: int, data: bytes, model_response: Any) -> Any:
        """The library takes an answer without counts for none."""
        body = orjson.loads(data)
        body.setdefault("usageMetadata", {})
        return Form.whole(self, call, asked, status, orjson.dumps(body), model_response)


class OllamaForm(Form):
    """A line of JSON for each piece, and none for the end."""

    lines: ClassVar[bool] = True
    answers: ClassVar[tuple[str, ...]] = ("message", "error")

    def parser(self, asked: Asked) -> Parse:
        parse, calls = Form.parser(self, asked), itertools.count()

        def read(chunk: dict[str, Any]) -> Any:
            """Each piece with a tool call holds a whole one; the library numbers all of them 0."""
            if "error" in chunk:
                raise self.refusal(str(chunk["error"]), 500, {})
            parsed = parse(chunk)
            for call in (parsed.choices[0].delta.tool_calls or ()) if parsed.choices else ():
                call.index = next(calls)
            return parsed

        return read


class AzureForm(Form):
    """OpenAI's format at an address that names the deployment; the library would ask through the
    SDK, so the address and the headers are the SDK's, and answers are read as OpenAI's."""

    @property
    def reader(self) -> Any:
        from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig

        return OpenAIGPTConfig()

    def ask(self, call: Call) -> Asked:
        asked, route = self._mapped(call), call.route
        version = _azure_version(route)
        asked.headers = {"api-key": route.api_key or "", "content-type": "application/json"}
        deployment = quote(route.model, safe="")
        asked.url = (
            f"{self.base}/openai/deployments/{deployment}/chat/completions?api-version={version}"
        )
        asked.body = self.config.transform_request(
            route.model, call.messages, asked.params, asked.told, asked.headers
        )
        return asked


FORMS: dict[str, type[Form]] = {
    "anthropic": AnthropicForm,
    "gemini": GeminiForm,
    "ollama_chat": OllamaForm,
    "azure": AzureForm,
}


# All that sees the messages on their way.
_PASSING = (
    "transform_request",
    "_transform_messages",
    "_prompt_cache_ordered_messages",
    "_should_preserve_cache_control_for_endpoint",
    "remove_cache_control_flag_from_messages_and_tools",
    "validate_environment",
)
# Azure's newer address, which names no deployment.
_AZURE_WITHOUT_DEPLOYMENT = frozenset({"v1", "latest", "preview"})


def is_carried(route: Route) -> bool:
    """Whether a form can say all of it."""
    assert route.provider is not None
    if not route.provider.fast:
        return False
    if route.provider.litellm != "azure":
        return True
    named = "/deployments" in (route.api_base or "") or "gateway" in (route.api_base or "")
    return route.extra.get("api_version") not in _AZURE_WITHOUT_DEPLOYMENT and not named


def form_of(route: Route) -> Form:
    from litellm.types.utils import LlmProviders
    from litellm.utils import ProviderConfigManager

    assert route.provider is not None
    house = LlmProviders(route.provider.litellm)
    config = ProviderConfigManager.get_provider_chat_config(route.model, house)
    base = route.api_base or route.provider.address
    # Where a class is given no address it may take OpenAI's, and a key would go to the wrong house.
    if config is None or not base:
        raise LookupError(f"no fast path for {route.provider.name}")
    accepted = frozenset(config.get_supported_openai_params(route.model))
    form = FORMS.get(house.value, Form)
    return form(config, house.value, base, accepted, form is Form and _passes_on(config))


def _passes_on(config: Any) -> bool:
    """Only the library's plain class is known to: one with a reading of its own keeps it."""
    import litellm
    from litellm.llms.openai.chat.gpt_transformation import OpenAIGPTConfig

    kind = type(config)
    own = any(getattr(kind, name, None) is not getattr(OpenAIGPTConfig, name) for name in _PASSING)
    return not own and not litellm.openai_system_messages_first


def holds_answer(form: Form, data: bytes) -> bool | None:
    """None: it is no JSON."""
    try:
        body = orjson.loads(data)
    except ValueError:
        return None
    return isinstance(body, dict) and any(body.get(name) for name in form.answers)


@cache
def _plain_reading() -> Any:
    from litellm.llms.openai.chat.gpt_transformation import OpenAIChatCompletionStreamingHandler

    return OpenAIChatCompletionStreamingHandler.chunk_parser


def _openai_parser(parse: Parse) -> Parse:
    """The library's own, past which go the pieces that hold nothing but text or counts: nearly
    all, and each of them takes it 0.1 ms. A provider with a reading of its own keeps it."""
    if getattr(parse, "__func__", None) is not _plain_reading():
        return parse
    return lambda chunk: openai_piece(chunk) or openai_counts(chunk) or parse(chunk)


def _extra_headers(route: Route) -> dict[str, str]:
    organization = route.extra.get("organization")
    return {"OpenAI-Organization": organization} if organization else {}


def _azure_version(route: Route) -> str:
    import litellm

    return quote(route.extra.get("api_version") or litellm.AZURE_DEFAULT_API_VERSION, safe="")
