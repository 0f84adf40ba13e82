"""Trying a connection to a provider: its list of models where it has one that needs the key, else
one short question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

from server.connections.base import Opened, Tested
from server.connections.providers import BY_NAME
from server.connections.registry import API_KEY, BASE_URL, MODEL
from server.core.errors import AppError
from server.core.jsontext import loads
from server.core.logs import REDACTION
from server.core.net.policy import NetPolicy
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.failures import blames_the_key
from server.llm.gateway import Gateway
from server.llm.messages import ChatRequest, Message, ModelAnswer
from server.llm.workspace_models import access_of

if TYPE_CHECKING:
    from server.core.net.client import Fetched

SECONDS = 15.0
QUESTION_SECONDS = 30.0
_MOST_BYTES = 8 * 1024 * 1024
_READ_OF_REFUSAL = 4096


@dataclass(frozen=True, slots=True)
class List:
    """Where a provider lists its models, and how it wants to be shown the key."""

    base: str
    path: str = "/models"
    header: str = "Authorization"
    before: str = "Bearer "
    more: tuple[tuple[str, str], ...] = ()


# Only lists that refuse a wrong key: an open one would say nothing of it.
LISTS: Mapping[str, List] = {
    "openai": List("https://api.openai.com/v1"),
    "anthropic": List(
        "https://api.anthropic.com",
        "/v1/models?limit=1000",
        "x-api-key",
        "",
        (("anthropic-version", "2023-06-01"),),
    ),
    "gemini": List(
        "https://generativelanguage.googleapis.com/v1beta",
        "/models?pageSize=1000",
        "x-goog-api-key",
        "",
    ),
    "groq": List("https://api.groq.com/openai/v1"),
    "mistral": List("https://api.mistral.ai/v1"),
    "deepseek": List("https://api.deepseek.com"),
    "xai": List("https://api.x.ai/v1"),
    "cerebras": List("https://api.cerebras.ai/v1"),
    "ollama": List("http://localhost:11434", "/api/tags"),
}


Paid = Callable[[Opened, ModelAnswer], Awaitable[None]]


class ConnectionTest:
    """`paid` hears of each answer that was asked for: it costs a few tokens."""

    def __init__(self, gateway: Gateway, policy: NetPolicy, paid: Paid | None = None) -> None:
        self._gateway = gateway
        self._policy = policy
        self._paid = paid

    async def __call__(self, way: Opened) -> Tested:
        """Never raises for what the other side says; no key is ever in the words."""
        started = perf_counter()
        tested = await self._tried(way)
        words = tested.message
        for secret in way.secrets.values():
            words = words.replace(secret, "[hidden]")
        spent = round((perf_counter() - started) * 1000)
        return Tested(tested.ok, REDACTION.text(words), tested.models, spent)

    async def _tried(self, way: Opened) -> Tested:
        listing = LISTS.get(way.kind.name)
        if listing is not None:
            tested = await self._listed(way, listing)
            if tested is not None:
                return tested
        return await self._asked(way)

    async def _listed(self, way: Opened, listing: List) -> Tested | None:
        """None when this place has no list."""
        base = str(way.settings.get(BASE_URL) or listing.base).rstrip("/")
        headers = {name: value for name, value in listing.more}
        if key := way.secrets.get(API_KEY):
            headers[listing.header] = listing.before + key
        try:
            answer = await _fetched(self._policy, base + listing.path, headers)
        except AppError as error:
            return Tested(False, f"{error.message} {error.hint or ''}".strip())
        except OSError:
            return Tested(False, f"The name in {base} leads nowhere; check the address.")
        return _read(way, answer)

    async def _asked(self, way: Opened) -> Tested:
        provider = BY_NAME[way.kind.name]
        model = way.settings.get(MODEL) or provider.model
        if not model:
            return Tested(
                False, f"{provider.label} cannot be asked for its models. Name a model to try."
            )
        request = ChatRequest(
            messages=(Message("user", "Say ok."),),
            model=f"{provider.name}:{model}",
            max_tokens=16,
            timeout=QUESTION_SECONDS,
            access=access_of(way),
        )
        try:
            await self._count(way, await self._gateway.chat(request))
        except ModelError as error:
            await self._count(way, error.half)
            if error.kind is not ModelErrorKind.BAD_ANSWER:  # a model may think longer than that
                return Tested(False, f"{error.message} {error.hint or ''}".strip())
        return Tested(True, f"{model} answered.")

    async def _count(self, way: Opened, answer: ModelAnswer | None) -> None:
        if answer is not None and self._paid is not None:
            await self._paid(way, answer)


async def _fetched(policy: NetPolicy, url: str, headers: dict[str, str]) -> Fetched:
    """Loads the HTTP client, which a server that tries nothing does not need."""
    from server.core.net.client import Ask, Caps, SafeClient

    caps = Caps(seconds=SECONDS, size=_MOST_BYTES, redirects=0)
    async with SafeClient(policy) as client:
        return await client.fetch(Ask(url, headers=headers), caps)


def _read(way: Opened, answer: Fetched) -> Tested | None:
    label = way.kind.label
    if _refuses_the_key(answer):
        return Tested(
            False, f"{label} refused the key ({answer.status}). Check that it is whole and valid."
        )
    if answer.status in (404, 405):
        return None
    if answer.status == 429:
        return Tested(True, f"{label} knows the key, and asks to wait (429).")
    if answer.status != 200:
        return Tested(False, f"{label} answered {answer.status}; try again later.")
    models = _names(answer.body)
    if models is None:
        return Tested(False, "What answers there does not list models; check the address.")
    return Tested(True, _offered(len(models)), models)


def _refuses_the_key(answer: Fetched) -> bool:
    if answer.status == 400:
        return blames_the_key(answer.body[:_READ_OF_REFUSAL].decode(errors="replace"))
    return answer.status in (401, 403)


def _names(body: bytes) -> tuple[str, ...] | None:
    """OpenAI's form, Gemini's and Ollama's; some give the bare list."""
    try:
        data: Any = loads(body)
    except ValueError:
        return None
    if isinstance(data, dict):
        given = cast("dict[str, Any]", data)
        data = given.get("data", given.get("models"))
    if not isinstance(data, list):
        return None
    names = [_name(one) for one in cast("list[Any]", data)]
    return tuple(sorted({name for name in names if name}))


def _name(one: Any) -> str:
    if not isinstance(one, dict):
        return ""
    found = cast("dict[str, Any]", one)
    name = found.get("id") or found.get("name") or ""
    return str(name).removeprefix("models/")[:200]


def _offered(count: int) -> str:
    return "1 model is offered." if count == 1 else f"{count} models are offered."
