"""Which provider answers a model name, with which key, at which address.

`provider:model` names both. A bare name goes to the provider that is known for it when that one is
set up, else to an OpenAI-compatible endpoint of one's own, which may serve any name. Model ids may
hold `/`, `:` and `.`; only a known provider's name before the first colon is a prefix.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from server.connections.providers import BY_NAME, OPENAI, PROVIDERS, Provider
from server.llm.access import Access
from server.llm.catalogue import Catalogue, catalogue
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.messages import DEMO_MODEL

DEMO_PREFIX = "demo"
MOST_KEPT = 256


class ModelSettings(Protocol):
    """The part of the settings that models need."""

    @property
    def providers(self) -> Mapping[str, str]: ...
    @property
    def default_model(self) -> str | None: ...
    @property
    def demo(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Route:
    """`provider` is None for the demo model. The key never shows in a repr.

    `connection`: whose key it is, None for one of the environment. `trusted`: the operator named
    the address, so it may be inside the network.
    """

    requested: str
    provider: Provider | None
    model: str
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    key_name: str = ""
    base_name: str = ""
    extra: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    connection: str | None = None
    trusted: bool = False

    @property
    def is_demo(self) -> bool:
        return self.provider is None

    @property
    def litellm_model(self) -> str:
        return f"{self.provider.litellm}/{self.model}" if self.provider else self.model


class Router:
    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._set_up = tuple(one for one in PROVIDERS if self._is_set_up(one))
        self._routes: dict[str, Route] = {}
        self._through: dict[tuple[str, str], tuple[Access, Route]] = {}

    @property
    def set_up(self) -> tuple[Provider, ...]:
        """The providers that can be called: a key is there, or an address where none is needed."""
        return self._set_up

    @property
    def known(self) -> Catalogue:
        return catalogue()

    def route(self, model: str | None, access: Access | None = None) -> Route:
        """Where a call for `model` goes; raises ModelError when it cannot go anywhere."""
        name = (model or "").strip() or self.default_name()
        if access is not None and not name.startswith(f"{DEMO_PREFIX}:"):
            return self._over(access, name)
        found = self._routes.get(name)
        if found is None:
            found = self._routes[name] = self._find(name)
        return found

    def _over(self, access: Access, name: str) -> Route:
        """The same route as long as nothing of the connection changes."""
        key = (access.connection, name)
        kept = self._through.get(key)
        if kept is not None and (kept[0] is access or kept[0] == access):
            return kept[1]
        if len(self._through) >= MOST_KEPT:
            self._through.clear()
        route = _through(access, name)
        self._through[key] = access, route
        return route

    def default_name(self) -> str:
        """What answers when no model is named anywhere."""
        if self._settings.default_model:
            return self._settings.default_model
        if self._settings.demo:
            return DEMO_MODEL
        for provider in self._set_up:
            if provider.model and not self._value(provider.bases)[1]:
                return f"{provider.name}:{provider.model}"
        raise ModelError(
            ModelErrorKind.MODEL_UNKNOWN,
            "No model is named.",
            'Give the entity a "model", set BALEYBOTS_DEFAULT_MODEL, or use "demo:standard".',
        )

    def default_route(self) -> Route | None:
        """Where a call goes that names no model; None when it can go nowhere."""
        try:
            return self.route(None)
        except ModelError:
            return None

    def own_endpoint(self) -> str | None:
        """The address of an OpenAI-compatible endpoint that somebody named, if any."""
        return _address(self._value(OPENAI.bases)[1])

    def key_of(self, provider: Provider) -> str | None:
        return self._value(provider.keys)[1]

    def _find(self, name: str) -> Route:
        prefix, colon, rest = name.partition(":")
        if colon and prefix.lower() == DEMO_PREFIX:
            return Route(requested=name, provider=None, model=rest)
        if colon and rest and (provider := BY_NAME.get(prefix.lower())):
            return self._to(provider, rest, name)
        if colon and not self.own_endpoint():
            _refuse_misspelt(prefix, rest)
        return self._to(self._house_of(name), name, name)

    def _house_of(self, model: str) -> Provider:
        """The provider for a bare name."""
        houses = [one for one in PROVIDERS if _is_of(one, model, self.known)]
        for provider in houses:
            if provider in self._set_up:
                return provider
        if self.own_endpoint():
            return OPENAI
        if houses:
            return houses[0]
        if len(self._set_up) == 1:
            return self._set_up[0]
        raise self._homeless(model)

    def _homeless(self, model: str) -> ModelError:
        prefix, colon, _ = model.partition(":")
        near = did_you_mean(_nearest(self._set_up or PROVIDERS, model, self.known))
        if colon and not near:
            return _no_such_provider(prefix, model)
        if self._set_up:
            hint = near or f"Write it with its provider, such as {self._set_up[0].name}:{model}."
        elif near:
            hint = f"{near} No provider is set up yet. {_connect('OPENAI_API_KEY')}."
        else:
            return ModelError(
                ModelErrorKind.PROVIDER_AUTH,
                f"The model “{model}” needs a provider, and none is set up.",
                f'{_connect("OPENAI_API_KEY")}, or run in demo with the model "{DEMO_MODEL}".',
            )
        message = f"It is not known which provider has the model “{model}”."
        return ModelError(ModelErrorKind.MODEL_UNKNOWN, message, hint)

    def _to(self, provider: Provider, model: str, requested: str) -> Route:
        key_name, key = self._value(provider.keys)
        base_name, base = self._value(provider.bases)
        if not key and not self._open_without_key(provider):
            raise ModelError(
                ModelErrorKind.PROVIDER_AUTH,
                f"The model “{requested}” needs a key for {provider.label}, and none is set.",
                f"{_meant(provider, model, self.known)}{_connect(*provider.keys)}, or run in demo.",
            )
        if provider.needs_base and not base:
            raise ModelError(
                ModelErrorKind.PROVIDER_AUTH,
                f"The model “{requested}” needs the address of your {provider.label} resource.",
                f"Set {' or '.join(provider.bases)} and start again.",
            )
        given = self._settings.providers
        extra = {name: given[source] for name, source in provider.extras if given.get(source)}
        return Route(
            requested,
            provider,
            _as_sent(provider, model),
            key,
            _address(base),
            key_name,
            base_name,
            extra,
            trusted=base is not None,
        )

    def _open_without_key(self, provider: Provider) -> bool:
        """A model server of one's own often wants no key."""
        return not provider.needs_key or (provider is OPENAI and self.own_endpoint() is not None)

    def _is_set_up(self, provider: Provider) -> bool:
        key, base = self._value(provider.keys)[1], self._value(provider.bases)[1]
        if provider.needs_base:
            return bool(key and base)
        return bool(key or (base and self._open_without_key(provider)))

    def _value(self, names: tuple[str, ...]) -> tuple[str, str | None]:
        for name in names:
            if value := self._settings.providers.get(name):
                return name, value.strip()
        return (names[0] if names else ""), None


def _through(access: Access, name: str) -> Route:
    provider = BY_NAME[access.provider]
    prefix, colon, rest = name.partition(":")
    named = BY_NAME.get(prefix.lower()) if colon and rest else None
    if colon and named is None and not access.api_base:
        _refuse_misspelt(prefix, rest)
    if named is not None and named is not provider and not access.api_base:
        raise ModelError(
            ModelErrorKind.MODEL_UNKNOWN,
            f"The connection “{access.label}” is for {provider.label}, not for {named.label}.",
            f"Choose a connection for {named.label}, or a model of {provider.label}.",
        )
    # Without one the library would look for the operator's in the environment.
    if not access.api_key and provider.needs_key and not (provider is OPENAI and access.api_base):
        raise ModelError(
            ModelErrorKind.PROVIDER_AUTH,
            f"The connection “{access.label}” has no key for {provider.label}.",
            "Give it one, or choose another connection.",
        )
    return Route(
        requested=name,
        provider=provider,
        model=_as_sent(provider, rest if named is provider else name),
        api_key=access.api_key or None,
        api_base=_address(access.api_base),
        key_name=f"the key of the connection “{access.label}”",
        base_name=f"the address of the connection “{access.label}”",
        extra=access.extra,
        connection=access.connection,
    )


def _as_sent(provider: Provider, model: str) -> str:
    """The library writes `house/owner/model` for what Hugging Face itself calls
    `owner/model:house`."""
    if provider.name == "huggingface" and model.count("/") == 2 and ":" not in model:
        house, _, rest = model.partition("/")
        return f"{rest}:{house}"
    return model


def _is_of(provider: Provider, model: str, known: Catalogue) -> bool:
    return model.startswith(provider.families) or known.find(provider, model) is not None


def _refuse_misspelt(prefix: str, rest: str) -> None:
    close = difflib.get_close_matches(prefix.lower(), [*BY_NAME, DEMO_PREFIX], n=1, cutoff=0.75)
    if close:
        raise ModelError(
            ModelErrorKind.MODEL_UNKNOWN,
            f"No provider is called “{prefix}”.",
            f"Did you mean {close[0]}:{rest}?",
        )


def _no_such_provider(prefix: str, model: str) -> ModelError:
    names = ", ".join(one.name for one in PROVIDERS)
    return ModelError(
        ModelErrorKind.MODEL_UNKNOWN,
        f"No provider is called “{prefix}”.",
        f"There are {names}; write the model after one of them, as in ollama:{model}.",
    )


def _nearest(houses: Sequence[Provider], model: str, known: Catalogue) -> list[str]:
    """Of all houses the closest names; `openai/gpt-4o` is how others write `openai:gpt-4o`."""
    house, slash, rest = model.partition("/")
    if slash and (named := BY_NAME.get(house.lower())) in houses:
        return [f"{named.name}:{rest}"] if named else []
    near = [(one, name) for one in houses for name in known.nearest(one, model)]
    lowered = model.lower()
    near.sort(key=lambda at: -difflib.SequenceMatcher(None, lowered, at[1].lower()).ratio())
    return [f"{one.name}:{name}" for one, name in near[:3]]


def _meant(provider: Provider, model: str, known: Catalogue) -> str:
    """A name that nobody knows may be misspelt, beside the key that is missing."""
    if known.find(provider, model) is not None:
        return ""
    near = did_you_mean([f"{provider.name}:{name}" for name in known.nearest(provider, model)])
    return f"{near} " if near else ""


def _connect(*keys: str) -> str:
    return f"Add a connection under AI connections (/connections) or set {' or '.join(keys)}"


def did_you_mean(names: list[str]) -> str:
    return f"Did you mean {' or '.join(names)}?" if names else ""


def _address(base: str | None) -> str | None:
    if not base:
        return None
    full = base if "://" in base else f"http://{base}"
    return full.rstrip("/")
