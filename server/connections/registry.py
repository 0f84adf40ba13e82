"""The one list of kinds of connection. A kind stands here when it works."""

from __future__ import annotations

from server.connections.base import FieldSpec, Kind
from server.connections.providers import PROVIDERS, Provider
from server.core.errors import Invalid

AI = "ai"
API_KEY = "apiKey"
BASE_URL = "baseUrl"
MODEL = "model"
CONCURRENCY = "concurrency"
PER_MINUTE = "perMinute"

_EXTRA_FIELDS: dict[str, FieldSpec] = {
    "organization": FieldSpec("organization", "Organization", help="Only if you have several."),
    "api_version": FieldSpec("apiVersion", "API version", help="Such as 2025-04-01-preview."),
    "aws_region_name": FieldSpec("region", "Region", required=True, help="Such as eu-central-1."),
    "aws_secret_access_key": FieldSpec("secretKey", "Secret access key", "secret", required=True),
    "aws_session_token": FieldSpec("sessionToken", "Session token", "secret"),
}


def _ai(provider: Provider) -> Kind:
    return Kind(
        name=provider.name,
        label=provider.label,
        family=AI,
        fields=tuple(_ai_fields(provider)),
        provider=provider.name,
        help=_help(provider),
    )


def _ai_fields(provider: Provider) -> list[FieldSpec]:
    found: list[FieldSpec] = []
    label = "Access key id" if provider.key_param == "aws_access_key_id" else "API key"
    if provider.keys:
        found.append(FieldSpec(API_KEY, label, "secret", required=provider.needs_key))
    for param, _ in provider.extras:
        spec = _EXTRA_FIELDS[param]
        found.append(
            FieldSpec(spec.name, spec.label, spec.type, spec.required, spec.help, param=param)
        )
    if provider.bases:
        required = provider.needs_base or not provider.hosts
        found.append(
            FieldSpec(BASE_URL, "Address", "url", required, "Where it is, if not the usual place.")
        )
    found += [
        FieldSpec(MODEL, "Model", help="What answers when a bot names none."),
        FieldSpec(CONCURRENCY, "Calls at once", "number", help="Empty: any number."),
        FieldSpec(PER_MINUTE, "Calls a minute", "number", help="Empty: any number."),
    ]
    return found


def _help(provider: Provider) -> str:
    if provider.name == "openai":
        return "OpenAI, or any endpoint that speaks its format: give its address."
    if provider.free:
        return "Models on a machine of your own; costs nothing."
    return f"The models of {provider.label}."


KINDS: dict[str, Kind] = {kind.name: kind for kind in map(_ai, PROVIDERS)}


def kind_of(name: str) -> Kind:
    kind = KINDS.get(name.strip().lower())
    if kind is None:
        raise Invalid(
            f"There is no kind of connection called {name[:40]!r}.",
            hint=f"There are {', '.join(KINDS)}.",
            path=["kind"],
        )
    return kind
